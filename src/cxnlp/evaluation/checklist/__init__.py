"""Behavioural tests of a model: what it must be able to do, what must not change its answers, and what must.

After Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList".
"""

from cxnlp.evaluation.checklist.cases import Case, Suite
from cxnlp.evaluation.checklist.rates import Rate, Row, checklist_table
from cxnlp.evaluation.checklist.read import read_suite
from cxnlp.evaluation.checklist.run import Checklist, Verdict, run_checklist
from cxnlp.evaluation.checklist.shipped import shipped_suite, suite_hashes
from cxnlp.evaluation.checklist.show import show_checklist, show_failures

__all__ = [
    "Case", "Checklist", "Rate", "Row", "Suite", "Verdict", "checklist_table", "read_suite", "run_checklist",
    "shipped_suite", "show_checklist", "show_failures", "suite_hashes",
]  # fmt: skip
