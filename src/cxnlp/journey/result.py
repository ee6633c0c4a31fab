"""What a journey report says: counts, shares and intervals. ``--json`` writes it, the page and the workbook show it.

Shares lie between 0 and 1. A figure that cannot be given is NaN here and null in JSON.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cxnlp.evaluation.intervals import share_difference, wilson
from cxnlp.evaluation.report import plain
from cxnlp.journey.ratings import RatingScale

RATING, VERDICT, NOTHING = "rating", "verdict", ""
"""What blame and praise are held against: the customer's rating, the verdict of the same model, or nothing."""


@dataclass(frozen=True)
class Share:
    """``hits`` of ``of`` reviews, and the 95 % interval of the share (Wilson)."""

    hits: int
    of: int
    value: float
    low: float
    high: float


def share(hits: int, of: int) -> Share:
    """Give a share with its interval; NaN of nothing."""
    return Share(hits, of, hits / of if of else float("nan"), *wilson(hits, of))


@dataclass(frozen=True)
class Change:
    """How far one share lies above another, with an interval that holds for all changes of its kind together."""

    difference: float
    low: float
    high: float
    clear: bool
    """Whether the interval leaves out 0."""


def change(before: Share, after: Share, z: float) -> Change:
    """Give the second share less the first."""
    low, high = share_difference((before.hits, before.of), (after.hits, after.of), z)
    return Change(after.value - before.value, low, high, low > 0 or high < 0)


@dataclass(frozen=True)
class Cell:
    """The reviews of one phase (of all, if ``None``) that speak of one touchpoint."""

    touchpoint: str
    phase: str | None
    reviews: int
    praised: int
    blamed: int

    @property
    def balance(self) -> float:
        """Praise less blame, as a share of the reviews: from −1 to 1."""
        return (self.praised - self.blamed) / self.reviews if self.reviews else 0.0


@dataclass(frozen=True)
class Lever:
    """How often a touchpoint is blamed (or praised), and how far that goes with the outcome."""

    touchpoint: str
    reviews: Share
    effect: float
    """How many points the outcome's share is higher, other touchpoints being equal; NaN of too few."""
    effect_low: float
    effect_high: float
    weight: float
    """Share blamed × effect: the share of all reviews that have the outcome and would not, were it only association."""
    weight_low: float
    weight_high: float


@dataclass(frozen=True)
class Levers:
    """Touchpoints in order of their weight."""

    against: str
    """``rating``, ``verdict`` or empty."""
    outcome: Share
    """How many reviews have the outcome, of those that can have it."""
    rows: Sequence[Lever]


@dataclass(frozen=True)
class Moment:
    """How far the score of reviews that praise a touchpoint lies above that of those that blame it."""

    touchpoint: str
    praised: int
    blamed: int
    praised_score: float
    blamed_score: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Series:
    """One share over the periods."""

    kind: str
    """``verdict``, ``rating`` or ``blamed``."""
    label: str
    shares: Sequence[Share]
    change: Change | None
    """From the last period but one to the last; None where one of them is empty."""


@dataclass(frozen=True)
class OverTime:
    """Shares by week or by month."""

    unit: str
    periods: Sequence[str]
    reviews: Sequence[int]
    """Reviews in each period."""
    series: Sequence[Series]
    undated: int
    outside: int
    """Reviews with a date in none of the periods shown."""


@dataclass(frozen=True)
class Group:
    """The reviews with one value of a column."""

    name: str
    reviews: int
    shares: Mapping[str, Share]
    """``negative`` and ``positive`` (verdicts), ``low`` (ratings)."""
    against_rest: Change | None
    """The first of these shares, less that of the other reviews."""
    blamed: Sequence[tuple[str, Share]]
    """The touchpoints that are blamed most."""


@dataclass(frozen=True)
class Division:
    """The reviews by one column."""

    column: str
    groups: Sequence[Group]
    more: int
    """Values that are not shown."""
    more_reviews: int
    """Reviews that have them."""


@dataclass(frozen=True)
class Corrected:
    """The share of a label as the model gives it, and without its known errors."""

    facet: str
    label: str
    said: Share
    value: float
    low: float
    high: float
    gold: int
    """Reviews of the evaluation set that have the label."""


@dataclass(frozen=True)
class Trust:
    """How far to trust the rest."""

    rows: int
    flags: Mapping[str, Share]
    unknown: int
    """Rows left out as their labels are not the model's, or their confidence cannot be read."""
    evaluation: str
    """The name of the file of errors; empty without one."""
    evaluated: int
    corrected: Sequence[Corrected]


@dataclass(frozen=True)
class Overview:
    """The whole in a few figures."""

    rows: int
    reviews: int
    first_day: str
    last_day: str
    verdicts: Mapping[str, Share]
    mean_score: float
    mean_score_low: float
    mean_score_high: float
    low_ratings: Share | None
    top_ratings: Share | None
    ratings: RatingScale | None
    """How they were read; None without a column of them."""


@dataclass(frozen=True)
class Journey:
    """The whole report."""

    overview: Overview
    phases: Sequence[str]
    map: Sequence[Cell]
    """Row by row, the touchpoint with most reviews first; of each row ``phase`` None first, then the phases."""
    mend: Levers
    delight: Levers
    moments: Sequence[Moment]
    time: OverTime | None
    divisions: Sequence[Division]
    trust: Trust

    def as_json(self) -> dict[str, Any]:
        """Give the report as JSON can hold it: undefined figures are null, the rest rounded."""
        found = plain(self)
        assert isinstance(found, dict)
        return found
