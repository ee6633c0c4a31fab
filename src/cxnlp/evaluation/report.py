"""The outcome of an evaluation."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Any

ALL = "all"
"""The slice of all reviews together."""
MEAN = "mean"
"""The unweighted mean over the languages; there only where there are at least two."""
UNKNOWN_LANGUAGE = "und"
"""The slice of reviews whose language is not given; not part of the mean over languages."""

FEW = 30
"""A figure of fewer reviews is marked: too few to say."""


@dataclass(frozen=True)
class Estimate:
    """A figure, its 95 % interval, and what it rests on. Figures lie between 0 and 1; NaN is undefined."""

    value: float
    low: float
    high: float
    support: int
    """Reviews that count."""
    gold: int
    """Gold labels in them: for ``polarity_f1`` pairs, for ``polarity_accuracy`` labels that were found."""

    @property
    def few(self) -> bool:
        """Whether it rests on too few reviews to say."""
        return self.support < FEW


Figures = Mapping[str, Mapping[str, Mapping[str, Estimate]]]
"""Facet to figure to slice."""


@dataclass(frozen=True)
class LabelScore:
    """The figures of one label; ``low`` and ``high`` belong to ``f1``."""

    precision: float
    recall: float
    f1: float
    low: float
    high: float
    support: int
    """Gold labels."""
    predicted: int

    @property
    def few(self) -> bool:
        """Whether it rests on too few gold labels to say."""
        return self.support < FEW


@dataclass(frozen=True)
class Report:
    """All figures of a set of reviews.

    A slice is ``all``, a language, or ``mean`` (the unweighted mean over languages). The figures are, by facet kind:

    - ``one_of``: ``accuracy``, and ``macro_f1`` over the labels that occur in gold or prediction;
    - ``any_of``: ``micro_f1``, and ``macro_f1`` over the labels that occur in gold;
    - with polarity: ``polarity_f1``, the micro-F1 of (label, polarity) pairs, and ``polarity_accuracy``, of the
      polarity where the label was found;
    - with a main label: ``main_accuracy``; with a roll-up: ``rollup_accuracy``, of the main label's coarser name.
    """

    reviews: Mapping[str, int]
    """Slice to number of reviews, whether or not they are labelled in every facet."""
    figures: Figures
    labels: Mapping[str, Mapping[str, Mapping[str, LabelScore]]]
    """Table to slice to label. Tables bear the names that the taxonomy gives: of a facet; of a polarity facet (pairs
    by their polarity); of a main label; of a roll-up."""
    resamples: int
    seed: int
    by: Mapping[str, Figures] = field(default_factory=dict)
    """Other groupings than language, such as ``source``, to the figures of their groups, for which they were asked."""

    def as_json(self) -> dict[str, Any]:
        """Give the report as JSON can hold it, in the same nesting: undefined figures are null, the rest rounded."""
        return {
            "reviews": dict(self.reviews),
            "bootstrap": {"resamples": self.resamples, "seed": self.seed, "interval": 0.95},
            "figures": plain(self.figures),
            "labels": plain(self.labels),
            **({"by": plain(self.by)} if self.by else {}),
        }


def plain(value: object) -> Any:
    """Give figures as JSON can hold them: undefined ones are null, the rest rounded."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Estimate | LabelScore):
        return {**plain(vars(value)), "few": value.few}
    if is_dataclass(value):
        return plain(vars(value))
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    return value
