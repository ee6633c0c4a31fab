"""Put a suite to a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cxnlp.errors import DataError
from cxnlp.evaluation.checklist.answers import Answer, answers_of
from cxnlp.evaluation.checklist.cases import Suite
from cxnlp.evaluation.checklist.checks import Check, checks_of
from cxnlp.evaluation.evaluate import Scorer
from cxnlp.taxonomy import FacetValue

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Verdict:
    """One check, the answer, and whether it is as expected."""

    check: Check
    answer: Answer
    base: Answer | None
    passed: bool

    def as_json(self) -> dict[str, Any]:
        """Give the verdict with its texts, what was wanted and what came."""
        check = self.check
        where = {"case": check.case, "lang": check.lang, "type": str(check.type), "capability": check.capability}
        facet = check.expect.facet
        found = {"facet": facet, "expected": str(check.expect), "answer": _plain(self.answer.labels[facet])}
        if facet in self.answer.scores:
            found["score"] = round(self.answer.scores[facet], 4)
        out: dict[str, Any] = {**where, **found, "text": check.text}
        if self.base is not None:
            out |= {"base_text": check.base, "base_answer": _plain(self.base.labels[facet])}
            if facet in self.base.scores:
                out["base_score"] = round(self.base.scores[facet], 4)
        return out


@dataclass(frozen=True)
class Checklist:
    """The outcome of a suite: a verdict for every check, in the order of the suite."""

    verdicts: tuple[Verdict, ...]
    languages: tuple[str, ...]
    """Those that occur, the taxonomy's first and in its order."""
    cases: int
    """Cases that authors wrote; an ``inv`` case makes many checks."""
    texts: int
    """Different texts that were scored."""

    @property
    def failures(self) -> list[Verdict]:
        """The checks that were not passed."""
        return [verdict for verdict in self.verdicts if not verdict.passed]


def run_checklist(scorer: Scorer, suite: Suite, progress: Progress | None = None) -> Checklist:
    """Score every text of a suite once, all in one go, and judge the answers.

    Args:
        scorer: the model.
        suite: cases that were read with the taxonomy of the model.
        progress: called with the number of texts newly scored.

    Raises:
        DataError: the suite is empty.
    """
    checks = checks_of(suite, scorer.taxonomy)
    if not checks:
        raise DataError("the suite has no case; expected at least one")
    texts = texts_to_score(checks)
    probs = scorer.probabilities(texts, progress)
    answers = dict(zip(texts, answers_of(scorer.taxonomy, probs, scorer.cutoffs), strict=True))
    verdicts = []
    for check in checks:
        answer, base = answers[check.text], None if check.base is None else answers[check.base]
        believed = answer.finite and (base is None or base.finite)
        verdicts.append(Verdict(check, answer, base, believed and check.expect.holds(answer, base)))
    found = {check.lang for check in checks}
    known = [language for language in scorer.taxonomy.languages if language in found]
    languages = (*known, *sorted(found - set(known)))
    return Checklist(tuple(verdicts), languages, len(suite), len(texts))


def texts_to_score(checks: list[Check]) -> list[str]:
    """Give every text once, in the order of the checks."""
    found = dict.fromkeys(text for check in checks for text in (check.base, check.text) if text is not None)
    return list(found)


def _plain(value: FacetValue) -> Any:
    return list(value) if isinstance(value, tuple) else value
