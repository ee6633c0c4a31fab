"""An outcome as text for people, at most 100 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from cxnlp.evaluation.checklist.cases import Type
from cxnlp.evaluation.checklist.rates import ALL, ENOUGH, Rate, Row, checklist_table
from cxnlp.evaluation.checklist.run import Checklist, Verdict
from cxnlp.text.shorten import shorten

_WIDTH = 100
_NAME_WIDTH = 27
_CELL_WIDTH = 14
_TITLES = {
    Type.MFT: "Minimum functionality",
    Type.INV: "Invariance",
    Type.DIR: "Direction",
    Type.LENGTH: "Length",
}
_TEXT_SHOWN = 600


def show_checklist(outcome: Checklist) -> str:
    """Lay out the pass rates: one block a type (of invariance: a type and facet), one row a capability."""
    room = (_WIDTH - _NAME_WIDTH) // _CELL_WIDTH
    names = [ALL, *outcome.languages][:room]
    checks = len(outcome.verdicts)
    lines = [f"{outcome.cases:,} cases, {checks:,} checks of {outcome.texts:,} texts"]
    block: tuple[Type, str] | None = None
    for row in checklist_table(outcome):
        if (row.type, row.facet) != block:
            block = (row.type, row.facet)
            lines += ["", _line(_TITLES[row.type] + (f": {row.facet}" if row.facet else ""), names)]
        lines.append(_line(f"  {row.capability}", [_cell(row, name) for name in names]))
    lines += ["", f"Passed, % [95 % Wilson interval]. Of fewer than {ENOUGH} checks, too few to say: passed/checks."]
    if hidden := outcome.languages[room - 1 :]:
        lines.append(f"No room for: {shorten(', '.join(hidden), 60)}; --json has all languages.")
    return "\n".join(lines)


def show_failures(outcome: Checklist) -> str:
    """Lay out every check that was not passed: what was wanted, what came, and the texts."""
    if not outcome.failures:
        return "Every check was passed."
    blocks = ["\n".join(_failure(verdict)) for verdict in outcome.failures]
    return "\n\n".join([f"{len(blocks):,} checks were not passed", *blocks])


def _failure(verdict: Verdict) -> Iterator[str]:
    found = verdict.as_json()
    where = f"{found['case']}  {found['type']}, {found['capability']}: {found['facet']}"
    yield shorten(where, _WIDTH)
    came = _answer(found["answer"], found.get("score"))
    if verdict.base is not None:
        came = f"{_answer(found['base_answer'], found.get('base_score'))} → {came}"
    yield from _wrapped(f"expected {found['expected']}; got {came}")
    if verdict.base is not None:
        yield from _wrapped(f"from: {_visible(found['base_text'])}")
    yield from _wrapped(f"{'to' if verdict.base is not None else 'text'}: {_visible(found['text'])}")


def _answer(value: object, score: float | None) -> str:
    if isinstance(value, dict):
        value = "; ".join(f"{label}:{polarity}" if polarity else label for label, polarity in value.items())
    elif isinstance(value, list):
        value = ", ".join(map(str, value))
    return f"{value or 'none'}" + (f" ({score:+.2f})" if score is not None else "")


def _visible(text: str) -> str:
    return shorten(text.replace("\n", "⏎"), _TEXT_SHOWN)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="    ")


def _line(name: str, cells: Sequence[str]) -> str:
    heads = "".join(f"{shorten(cell, _CELL_WIDTH - 1):>{_CELL_WIDTH}}" for cell in cells)
    return f"{shorten(name, _NAME_WIDTH):<{_NAME_WIDTH}}{heads}"


def _cell(row: Row, name: str) -> str:
    rate = row.rates.get(name)
    return "–" if rate is None else _rate(rate)


def _rate(rate: Rate) -> str:
    if not rate.enough:
        return f"{rate.passed}/{rate.checks}"
    low, high = rate.interval
    return f"{100 * rate.value:.0f} [{100 * low:.0f}–{100 * high:.0f}]"
