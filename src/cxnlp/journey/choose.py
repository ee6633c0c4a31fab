"""Which reviews stand behind each cell of the map: a few of each polarity, the most certain first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cxnlp.journey.rows import ReviewRow

CellKey = tuple[str, str | None]
"""Touchpoint and phase; the phase is None for all phases together."""


@dataclass(frozen=True)
class Chosen:
    """The reviews of each cell, as places in the list of reviews."""

    cells: Mapping[CellKey, Mapping[str, Sequence[int]]]
    """Cell to polarity to reviews."""
    per_polarity: int

    @property
    def reviews(self) -> list[int]:
        """All that are shown anywhere, in the order of the file."""
        return sorted({i for cell in self.cells.values() for many in cell.values() for i in many})


def choose(reviews: Sequence[ReviewRow], per_polarity: int) -> Chosen:
    """Choose for each cell up to so many reviews of each polarity.

    Those first that are not marked for a person, then those of which the model is most certain. Of copies of a text
    one is shown. Nothing else decides, such as how well a review reads.
    """
    order = sorted(range(len(reviews)), key=lambda i: (reviews[i].needs_review, -reviews[i].confidence, i))
    cells: dict[CellKey, dict[str, list[int]]] = {}
    seen: dict[tuple[CellKey, str], set[int]] = {}
    for i in order:
        review = reviews[i]
        for label, polarity in review.touchpoints.items():
            for phase in (None, *review.phases):
                taken = cells.setdefault((label, phase), {}).setdefault(polarity, [])
                texts = seen.setdefault(((label, phase), polarity), set())
                if len(taken) >= per_polarity or (review.text and review.text in texts):
                    continue
                taken.append(i)
                texts.add(review.text)
    return Chosen(cells, per_polarity)
