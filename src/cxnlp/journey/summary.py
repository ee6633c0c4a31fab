"""A journey report in three to five sentences, made of its figures."""

from __future__ import annotations

from collections.abc import Callable

from cxnlp.inference.prediction import NEEDS_REVIEW
from cxnlp.journey.parts import BLAME, PRAISE, Parts
from cxnlp.journey.result import Cell, Journey, OverTime, Series
from cxnlp.journey.words import Words

_FEW = 10
"""Reviews below which no share is told: they can be read."""


def summary(journey: Journey, parts: Parts, words: Words, file: str) -> list[str]:
    """Say how much was read, the verdict, what is blamed and praised most, the largest change, and how far to trust it.

    ``file`` is the name of the scored file.
    """
    found = [_rests(journey, words, file)]
    if journey.overview.reviews < _FEW:
        return [*found, words.say["sum_few"], _trust(journey, words)]
    if parts.verdict and {BLAME, PRAISE} <= set(journey.overview.verdicts):
        found.append(_verdicts(journey, parts.verdict.name, words))
    found.append(_touchpoints(journey, parts, words))
    if journey.time and (change := _change(journey.time, parts, words)):
        found.append(change)
    return [*found, _trust(journey, words)]


def _rests(journey: Journey, words: Words, file: str) -> str:
    overview = journey.overview
    values = {"reviews": words.counted("reviews", overview.reviews), "file": file}
    if not overview.first_day:
        return words.say["sum_rests"] % values
    values |= {"first": words.day(overview.first_day), "last": words.day(overview.last_day)}
    return words.say["sum_rests_day" if overview.first_day == overview.last_day else "sum_rests_dated"] % values


def _verdicts(journey: Journey, facet: str, words: Words) -> str:
    values = {}
    for key, label in (("praise", PRAISE), ("blame", BLAME)):
        one = journey.overview.verdicts[label]
        values[key] = f"{words.percent(one.value)} {words.interval(one.low, one.high)}"
        values[f"{key}_label"] = words.label(facet, label)
    return words.say["sum_verdicts"] % values


def _touchpoints(journey: Journey, parts: Parts, words: Words) -> str:
    whole = [cell for cell in journey.map if cell.phase is None]
    values: dict[str, str] = {}
    count: Callable[[Cell], int]
    for key, count in (("blamed", lambda cell: cell.blamed), ("praised", lambda cell: cell.praised)):
        most = max(whole, key=count, default=None)
        if most is None or not count(most):
            continue
        values[key] = words.label(parts.touchpoints.name, most.touchpoint)
        values[f"n_{key}"] = words.counted("reviews", count(most))
        values[f"share_{key}"] = words.percent(count(most) / journey.overview.reviews)
    known = [key for key in ("blamed", "praised") if key in values]
    return words.say["sum_both" if len(known) == 2 else f"sum_{known[0]}" if known else "sum_neither"] % values


def _change(time: OverTime, parts: Parts, words: Words) -> str:
    """Name the largest change that is more than noise; nothing where the last two periods cannot be compared."""
    compared = [series for series in time.series if series.change]
    if not compared:
        return ""
    values = {"before": words.period(time.periods[-2]), "last": words.period(time.periods[-1])}
    clear = [(abs(series.change.difference), series) for series in compared if series.change and series.change.clear]
    if not clear:
        return words.say["sum_no_change"] % values
    _, largest = max(clear, key=lambda one: one[0])
    *_, before, after = largest.shares
    values |= {"from": words.percent(before.value), "to": words.percent(after.value)}
    return words.say["sum_change"] % (values | {"measure": _measure(largest, parts, words)})


def _measure(series: Series, parts: Parts, words: Words) -> str:
    facet = parts.verdict if series.kind == "verdict" else parts.touchpoints
    return words.say[f"sum_{series.kind}_share"] % {"label": words.label(facet.name if facet else "", series.label)}


def _trust(journey: Journey, words: Words) -> str:
    marked = journey.trust.flags[NEEDS_REVIEW]
    if not marked.hits:
        return words.say["sum_trust"]
    values = {"rows": words.counted("rows", marked.hits), "share": words.percent(marked.value)}
    return words.say["sum_trust_marked"] % values
