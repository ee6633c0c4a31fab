"""Pass rates with intervals, by capability and language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cxnlp.evaluation.checklist.cases import Type
from cxnlp.evaluation.checklist.run import Checklist, Verdict
from cxnlp.evaluation.intervals import wilson

ALL = "all"
"""All languages together, and all capabilities of a type."""
ENOUGH = 30
"""Checks from which a rate is given; of fewer, the counts alone."""


@dataclass(frozen=True)
class Rate:
    """How many checks were passed, and the Wilson interval of the share."""

    passed: int
    checks: int

    @property
    def enough(self) -> bool:
        """Whether there are enough checks to speak of a rate."""
        return self.checks >= ENOUGH

    @property
    def value(self) -> float:
        """The share that was passed."""
        return self.passed / self.checks

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of Wilson (1927), which also holds near 0 and 1, where checks mostly lie."""
        return wilson(self.passed, self.checks)

    def as_json(self) -> dict[str, Any]:
        """Give counts, share and interval; whoever shows the share should look at ``enough`` first."""
        low, high = self.interval
        figures = {"value": round(self.value, 6), "low": round(low, 6), "high": round(high, 6)}
        return {"passed": self.passed, "checks": self.checks, "enough": self.enough, **figures}


@dataclass(frozen=True)
class Row:
    """The rates of one capability."""

    type: Type
    facet: str
    """The facet that was compared (``inv`` only: there every facet has a row); otherwise empty."""
    capability: str
    """``all`` for the sum of the type (and facet)."""
    rates: Mapping[str, Rate]
    """``all`` and each language that has any check, in the order of the outcome."""

    def as_json(self) -> dict[str, Any]:
        """Give the row as JSON can hold it."""
        rates = {name: rate.as_json() for name, rate in self.rates.items()}
        return {"type": str(self.type), "facet": self.facet, "capability": self.capability, "rates": rates}


def checklist_table(outcome: Checklist) -> list[Row]:
    """Count an outcome: a row for each capability in the order of the suite, ``all`` first within each type and facet.

    It is what the text, the JSON and other reports are made of.
    """
    groups: dict[tuple[Type, str], dict[str, list[Verdict]]] = {}
    for verdict in outcome.verdicts:
        check = verdict.check
        facet = check.expect.facet if check.type is Type.INV else ""
        rows = groups.setdefault((check.type, facet), {ALL: []})
        rows[ALL].append(verdict)
        rows.setdefault(check.capability, []).append(verdict)
    order = list(Type)
    by_type = sorted(groups.items(), key=lambda group: order.index(group[0][0]))  # stable: facets keep their order
    return [
        Row(kind, facet, capability, _rates(verdicts, outcome.languages))
        for (kind, facet), rows in by_type
        for capability, verdicts in rows.items()
    ]


def _rates(verdicts: Iterable[Verdict], languages: Iterable[str]) -> dict[str, Rate]:
    passed, checks = Counter[str](), Counter[str]()
    for verdict in verdicts:
        for name in (ALL, verdict.check.lang):
            passed[name] += verdict.passed
            checks[name] += 1
    return {name: Rate(passed[name], checks[name]) for name in (ALL, *languages) if checks[name]}
