"""On which scale the ratings of a file were read, and what counts as low and as highest on it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cxnlp.data.survey import RatingsRead
from cxnlp.data.values import Scale
from cxnlp.journey.frame import LOW
from cxnlp.journey.words import Words

_NPS_LOW, _NPS_TOP = 6.0, 9.0
_ROUNDING = 1e-9


@dataclass(frozen=True)
class RatingScale:
    """A scale and the evidence for it; numbers are those of the file, NaN where there are none."""

    column: str
    first: float
    """The lowest rating of the scale."""
    last: float
    nps: bool
    low_to: float
    """Ratings up to this whole number are low."""
    top_from: float
    """Ratings from here on are the highest."""
    reason: str
    """``given``, ``export``, ``name`` or ``numbers``; empty where no scale is known."""
    smallest: float
    """Of the numbers in the column."""
    largest: float


def rating_scale(column: str, read: RatingsRead) -> RatingScale:
    """Lay out how a column was read."""
    smallest, largest = read.numbers or (math.nan, math.nan)
    scale = read.scale
    if scale is None:
        return RatingScale(column, math.nan, math.nan, False, math.nan, math.nan, "", smallest, largest)
    low, top = (_NPS_LOW, _NPS_TOP) if scale.nps else (_low_to(scale), scale.high)
    return RatingScale(column, scale.low, scale.high, scale.nps, low, top, read.reason, smallest, largest)


def _low_to(scale: Scale) -> float:
    return math.floor(scale.low + (LOW + 1) / 2 * (scale.high - scale.low) + _ROUNDING)


def low_ratings(scale: RatingScale, words: Words) -> str:
    """Say which ratings are low: ``1–2``."""
    return _range(scale.first, scale.low_to, words)


def top_ratings(scale: RatingScale, words: Words) -> str:
    """Say which ratings are the highest: ``5``, ``9–10``."""
    return _range(scale.top_from, scale.last, words)


def scale_sentences(scale: RatingScale, words: Words, *, rated: bool) -> list[str]:
    """Say how ratings were read, and why; ``rated`` is whether any could be."""
    say = words.say
    seen = {"first": number(scale.smallest, words), "last": number(scale.largest, words)}
    if not scale.reason:
        found = [say["scale_words"] % {"column": scale.column}] if rated else []
        return found + ([] if math.isnan(scale.smallest) else [say["scale_unknown"] % {"column": scale.column, **seen}])
    ends = {"first": number(scale.first, words), "last": number(scale.last, words)}
    found = [
        say["scale_read"]
        % {
            "column": scale.column,
            "scale": say["scale_nps"] if scale.nps else say["scale_from_to"] % ends,
            "why": say[f"scale_why_{scale.reason}"] % seen,
            "low": low_ratings(scale, words),
            "top": top_ratings(scale, words),
        }
    ]
    return found + ([say["scale_off"] % seen] if scale.smallest < scale.first or scale.largest > scale.last else [])


def number(value: float, words: Words) -> str:
    """Write a rating: ``4``, ``4.5``."""
    return words.number(value, 0 if value == int(value) else 1) if not math.isnan(value) else words.number(value)


def _range(first: float, last: float, words: Words) -> str:
    return number(first, words) if first == last else f"{number(first, words)}–{number(last, words)}"
