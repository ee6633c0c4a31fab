"""From cases to single checks: one text, one expectation, one verdict."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from cxnlp.evaluation.checklist.cases import Case, Suite, Type
from cxnlp.evaluation.checklist.disturb import disturbed
from cxnlp.evaluation.checklist.expect import Answers, Expectation, Same
from cxnlp.evaluation.checklist.lengths import sweep
from cxnlp.taxonomy import Taxonomy


@dataclass(frozen=True)
class Check:
    """What one text is asked."""

    case: str
    """Id of the case."""
    lang: str
    type: Type
    capability: str
    expect: Expectation
    text: str = field(repr=False)
    base: str | None = field(default=None, repr=False)
    """The text before it was changed, if it was."""


def checks_of(suite: Suite, taxonomy: Taxonomy) -> list[Check]:
    """Lay out a suite as checks, in its order; the sweep over lengths comes last."""
    checks = [check for case in suite for check in _of_case(case, taxonomy)]
    first = taxonomy.answers[0].name
    for swept in sweep([case for case in suite if case.type is Type.INV]):
        expect = swept.case.expect if swept.case else None
        capability = f"{swept.words:,} words" if expect else "1 to 20 words, cut"
        checks.append(Check(swept.id, swept.lang, Type.LENGTH, capability, expect or Answers(first), swept.text))
    return checks


def _of_case(case: Case, taxonomy: Taxonomy) -> Iterator[Check]:
    if case.type is Type.INV:
        for name, text in disturbed(case).items():
            for facet in taxonomy.answers:
                expect = Same(facet.name, main=bool(facet.main))
                yield Check(case.id, case.lang, case.type, name, expect, text, case.text)
        return
    assert case.expect is not None  # the reader of cases saw to it
    if case.type is Type.DIR:
        yield Check(case.id, case.lang, case.type, case.capability, case.expect, case.changed, case.text)
    else:
        yield Check(case.id, case.lang, case.type, case.capability, case.expect, case.text)
