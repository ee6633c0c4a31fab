"""Drift as text for people, at most 100 columns wide."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import wrap

from cxnlp.evaluation.drift import DRIFT, TOO_FEW, Drift, Finding
from cxnlp.evaluation.drift_sample import Sample
from cxnlp.evaluation.drift_words import in_words
from cxnlp.text.counted import counted
from cxnlp.text.shorten import shorten

HEADS = ("measure", "reference", "new", "effect", "p", "PSI")
_WIDTH = 100
_WIDTHS = (47, 10, 10, 12, 8, 7)


def show_drift(drift: Drift, *, every: bool = False) -> str:
    """Say what changed, lay out what has drifted, or every measure, and say how much was compared."""
    lines = [*wrap(in_words(drift), _WIDTH), "", *files_of(drift), "", verdict_of(drift)]
    shown = drift.findings if every else drift.alarms
    if shown:
        lines += ["", _row(HEADS), *(_row(cells(one)) + (f"  {one.verdict}" if every else "") for one in shown)]
    return "\n".join([*lines, "", *notes_of(drift, every=every)])


def files_of(drift: Drift) -> list[str]:
    """Say what is compared."""
    return [f"reference  {_file(drift.reference)}", f"new        {_file(drift.new)}"]


def _file(sample: Sample) -> str:
    tally = sample.tally
    unread = f", {sample.n_unread:,} left out as labels or confidence cannot be read" if sample.n_unread else ""
    texts = "" if sample.numbers.get("words") is not None else ", no texts"
    return f"{sample.path}: {counted(tally.n_rows, 'row')}, {tally.n_scored:,} with labels{texts}{unread}"


def verdict_of(drift: Drift) -> str:
    """Give the answer in a sentence."""
    if not drift.alarms:
        return f"No drift in {drift.n_tests} tests."
    return f"Drift in {len(drift.alarms)} of {drift.n_tests} tests:"


def cells(one: Finding) -> tuple[str, ...]:
    """Give the cells of a finding under ``HEADS``."""
    moved = f": {one.moved}" if one.moved else ""
    test = " (shape)" if one.effect_name == "D" else ""
    return (
        f"{one.group}, {one.name}{moved}{test}",
        _value(one, one.reference),
        _value(one, one.new),
        "–" if one.effect is None else f"{one.effect_name} {one.effect:{'+' if _signed(one) else ''}.2f}",
        "–" if one.adjusted is None else "<0.001" if one.adjusted < 0.001 else f"{one.adjusted:.3f}",
        "–" if one.verdict == TOO_FEW else f"{one.stability:.3f}",
    )


def _signed(one: Finding) -> bool:
    return one.effect_name in ("h", "delta")


def _value(one: Finding, value: float) -> str:
    if one.kind in ("share", "mix"):
        return f"{value:.1%}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}" if abs(value) >= 0.01 else f"{value:.5f}"


def _row(found: Sequence[str]) -> str:
    first, *rest = found
    name = shorten(first, _WIDTHS[0] - 1)
    return f"{name:<{_WIDTHS[0]}}" + "".join(f"{cell:>{n}}" for cell, n in zip(rest, _WIDTHS[1:], strict=True))


def notes_of(drift: Drift, *, every: bool) -> list[str]:
    """Say when there is an alarm, and what was no alarm."""
    limits = drift.limits
    small = sum(one.adjusted is not None and one.adjusted < limits.alpha and one.verdict != DRIFT
                for one in drift.findings)  # fmt: skip
    few = sum(one.verdict == TOO_FEW for one in drift.findings)
    effects = ", ".join(f"{name} {value:g}" for name, value in limits.effects.items())
    lines = [
        f"Alarm: p, corrected for {drift.n_tests} tests, below {limits.alpha:g}, and an effect of at least {effects}.",
        "Shares are of the reviews with labels (flags: of all rows); of a mix, that of the part that moved most.",
    ]
    more = "" if every or not (small or few) else "; --all shows them"
    if small or few:
        lines.append(
            f"No alarm: {small} significant with too small an effect, {few} with too few reviews to say{more}."
        )
    return lines
