"""What a comparison of two scored files says, in a few plain sentences: what changed, how sure that is, what to do."""

from __future__ import annotations

from collections.abc import Sequence

from cxnlp.evaluation.drift import Drift, Finding
from cxnlp.evaluation.drift_limits import EFFECTS
from cxnlp.text.counted import counted

_NAMED = 3
"""Changes that are named; the table has all."""
_INPUT = ("language", "length", "pieces")
_NEEDS_REVIEW = "needs_review"
_SHAPE = "D"
_MIX = "mix of "
_MEANS = {
    "confidence": {"probability": "the model's mean confidence"},
    "length": {"words of a review": "the mean length in words"},
    "pieces": {"for each word": "the mean of pieces a word", "share that is unknown": "the share of unknown pieces"},
}
"""Group and name of a measure to what it is called in a sentence."""


def in_words(drift: Drift) -> str:
    """Say what changed, how sure that is, and what to do about it."""
    alarms = _largest_first(drift.alarms)
    if not alarms:
        few = "" if drift.n_tests == len(drift.findings) else "; some measures have too few reviews to say"
        return (
            "Nothing has changed by more than chance and the least effect, in "
            f"{counted(drift.n_tests, 'test')}{few}. That does "
            "not prove that all is as before; a smaller change may not show in so few reviews. There is nothing to do."
        )
    named = "; ".join(_said(one) for one in alarms[:_NAMED])
    more = f"; and {len(alarms) - _NAMED} more below" if len(alarms) > _NAMED else ""
    sure = f"Were all as before, about {drift.limits.alpha:.0%} of such comparisons would give any alarm."
    return f"The new reviews differ from the reference: {named}{more}. {sure} {_advice(alarms)}"


def _largest_first(alarms: Sequence[Finding]) -> list[Finding]:
    """Order findings by their effect, in units of a small one, and name each measure once.

    Of two tests of one measure that of its values says more than that of its shape.
    """
    by_effect = sorted(alarms, key=lambda one: -abs(one.effect or 0.0) / EFFECTS["small"][one.effect_name])
    found: dict[str, Finding] = {}
    for one in by_effect:
        before = found.get(_subject(one))
        if before is None or (before.effect_name == _SHAPE and one.effect_name != _SHAPE):
            found[_subject(one)] = one
    return list(found.values())


def _subject(one: Finding) -> str:
    name, moved = one.name.replace("_", " "), one.moved.replace("_", " ")
    if one.kind == "mean":
        return _MEANS.get(one.group, {}).get(one.name) or f"the mean {one.group.replace('_', ' ')} {name}"
    if not moved:
        return f"{name} ({one.group.replace('_', ' ')})"
    if name.startswith(_MIX):
        return f"{moved} ({name.removeprefix(_MIX)})"
    return f"{moved} {one.group.replace('_', ' ')} of {name}"


def _said(one: Finding) -> str:
    if one.kind == "mean":
        places = 1 if max(abs(one.reference), abs(one.new)) >= 10 else 3
        before, after = f"{one.reference:.{places}f}", f"{one.new:.{places}f}"
        if one.effect_name == _SHAPE or before == after:
            return f"{_subject(one)} is {after} ({before} before), and its values spread otherwise"
    else:
        before, after = f"{one.reference:.1%}", f"{one.new:.1%}"
    return f"{_subject(one)} {'rose' if one.new > one.reference else 'fell'} from {before} to {after}"


def _advice(alarms: Sequence[Finding]) -> str:
    groups = {one.group for one in alarms}
    unsure = any(one.group == "confidence" and one.new < one.reference for one in alarms)
    unsure |= any(one.name == _NEEDS_REVIEW and one.new > one.reference for one in alarms)
    if unsure:
        return "The model is less sure of them: label a hundred of the new reviews and measure (cxnlp evaluate)."
    if groups <= set(_INPUT):
        return "The texts differ and the answers do not: compare shares within each language, and read twenty of them."
    return "Read twenty of the new reviews beside their labels: either customers say other things, or the model errs."
