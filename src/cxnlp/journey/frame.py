"""Scored reviews as arrays, from which everything is counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.journey.parts import BLAME, PRAISE, Parts
from cxnlp.journey.rows import ReviewRow

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

LOW = -0.5
"""A rating is low from here down: one and two stars of five, 0 to 6 of NPS (a detractor)."""
TOP = 1.0
"""The highest rating: five stars of five, 9 and 10 of NPS (a promoter)."""


@dataclass(frozen=True)
class Frame:
    """n reviews, t touchpoints, p phases."""

    parts: Parts
    mentioned: Bools
    """(n, t): the review speaks of the touchpoint."""
    blamed: Bools
    """(n, t)"""
    praised: Bools
    """(n, t)"""
    phases: Bools
    """(n, p)"""
    verdict: npt.NDArray[np.int64]
    """(n,): place of the verdict among its labels; −1 without one."""
    score: Floats
    """(n,): the verdict's score from −1 to 1; NaN where it has none."""
    rating: Floats
    """(n,): from −1 to 1; NaN where there is none."""

    @property
    def n(self) -> int:
        """Number of reviews."""
        return len(self.verdict)

    def says(self, label: str) -> Bools:
        """Tell which reviews have this verdict (n,)."""
        labels = self.parts.verdict.labels if self.parts.verdict else ()
        return self.verdict == labels.index(label) if label in labels else np.zeros(self.n, np.bool_)


def make_frame(parts: Parts, reviews: Sequence[ReviewRow]) -> Frame:
    """Lay reviews out as arrays."""
    n, labels = len(reviews), parts.touchpoints.labels
    place = {label: i for i, label in enumerate(labels)}
    step = {label: i for i, label in enumerate(parts.phase_labels)}
    verdicts = {label: i for i, label in enumerate(parts.verdict.labels if parts.verdict else ())}
    mentioned, blamed, praised = (np.zeros((n, len(labels)), np.bool_) for _ in range(3))
    phases = np.zeros((n, len(step)), np.bool_)
    for row, review in enumerate(reviews):
        for label, polarity in review.touchpoints.items():
            mentioned[row, place[label]] = True
            blamed[row, place[label]] = polarity == BLAME
            praised[row, place[label]] = polarity == PRAISE
        for phase in review.phases:
            phases[row, step[phase]] = True
    return Frame(
        parts,
        mentioned,
        blamed,
        praised,
        phases,
        np.array([verdicts.get(review.verdict, -1) for review in reviews], np.int64),
        np.array([np.nan if r.score is None else r.score for r in reviews], np.float64),
        np.array([np.nan if r.rating is None else r.rating for r in reviews], np.float64),
    )
