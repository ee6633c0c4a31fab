"""Shares over time, by week or by month."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cxnlp.evaluation.intervals import z_for
from cxnlp.journey.frame import LOW, Bools, Frame
from cxnlp.journey.parts import BLAME, PRAISE
from cxnlp.journey.result import OverTime, Series, Share, change, share
from cxnlp.journey.rows import ReviewRow

WEEK, MONTH = "week", "month"
_WEEKS_UP_TO_DAYS = 182
"""The longest span that is shown by week: half a year."""
_ENOUGH = 10
"""Reviews that a week must have on average; thinner ones are joined to months."""
_MAX_PERIODS = 120
"""A date that is wrong by decades must not make a chart of empty months, nor push all others out of it."""


def over_time(frame: Frame, reviews: Sequence[ReviewRow]) -> OverTime | None:
    """Count the shares of each period; None where fewer than two periods have reviews."""
    days = [review.day for review in reviews if review.day is not None]
    if not days:
        return None
    span = (max(days) - min(days)).days
    unit = WEEK if span <= _WEEKS_UP_TO_DAYS and len(days) >= _ENOUGH * (span / 7 + 1) else MONTH
    numbers = np.array([-1 if r.day is None else _number(r.day, unit) for r in reviews], np.int64)
    first, last = _window(numbers[numbers >= 0])
    if first == last:
        return None
    shown = (numbers >= first) & (numbers <= last)
    place = np.where(shown, numbers - first, -1)  # (n,): period, −1 where not shown
    counts = _count(place, np.ones(frame.n, np.bool_), last - first + 1)
    series = _all_series(frame, place, counts)
    z = z_for(len(series))
    return OverTime(
        unit,
        [_name(number, unit) for number in range(first, last + 1)],
        counts,
        [_with_change(one, z) for one in series],
        len(reviews) - len(days),
        int(((numbers >= 0) & ~shown).sum()),
    )


def _window(numbers: npt.NDArray[np.int64]) -> tuple[int, int]:
    """Give the first and last period (m,) of the stretch that holds most reviews, the latest of equals."""
    ordered = np.sort(numbers)
    reach = np.searchsorted(ordered, ordered + _MAX_PERIODS, side="left")  # (m,): where each one's stretch ends
    held = reach - np.arange(len(ordered))
    start = len(held) - 1 - int(np.argmax(held[::-1]))
    return int(ordered[start]), int(ordered[reach[start] - 1])


def _all_series(frame: Frame, place: npt.NDArray[np.int64], counts: Sequence[int]) -> list[Series]:
    found = []
    for verdict in (BLAME, PRAISE) if frame.parts.verdict else ():
        found.append(Series("verdict", verdict, _shares(place, frame.says(verdict), counts), None))
    rated = ~np.isnan(frame.rating)
    if rated.any():
        of = _count(place, rated, len(counts))
        found.append(Series("rating", "low", _shares(place, frame.rating <= LOW, of), None))
    totals = frame.blamed.sum(axis=0)
    for i in np.argsort(-totals, kind="stable"):
        if totals[i]:
            label = frame.parts.touchpoints.labels[i]
            found.append(Series("blamed", label, _shares(place, frame.blamed[:, i], counts), None))
    return found


def _with_change(series: Series, z: float) -> Series:
    before, after = series.shares[-2:]
    if not before.of or not after.of:
        return series
    return Series(series.kind, series.label, series.shares, change(before, after, z))


def _shares(place: npt.NDArray[np.int64], hit: Bools, of: Sequence[int]) -> list[Share]:
    return [share(hits, n) for hits, n in zip(_count(place, hit, len(of)), of, strict=True)]


def _count(place: npt.NDArray[np.int64], which: Bools, periods: int) -> list[int]:
    return [int(n) for n in np.bincount(place[which & (place >= 0)], minlength=periods)]


def _number(day: datetime.date, unit: str) -> int:
    """Number the periods: weeks from Monday to Sunday (the first day of all was a Monday), months of the calendar."""
    return (day.toordinal() - 1) // 7 if unit == WEEK else 12 * day.year + day.month - 1


def _name(number: int, unit: str) -> str:
    if unit == MONTH:
        return f"{number // 12}-{number % 12 + 1:02}"
    year, week, _ = datetime.date.fromordinal(7 * number + 1).isocalendar()
    return f"{year}-W{week:02}"
