"""Which label was taken for which other: where one label is right, and where a found label has a polarity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.evaluation.compare import Labels
from cxnlp.taxonomy import Kind, Taxonomy, encode_labels

Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Confusion:
    """Gold labels beside predicted ones, as counts."""

    name: str
    """Of the ``one_of`` facet, the main label or the polarity."""
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    """Gold label (row) by predicted label (column)."""


def confusions(taxonomy: Taxonomy, reviews: Sequence[Review], predicted: Sequence[Labels]) -> list[Confusion]:
    """Count for every ``one_of`` facet, main label, and polarity of the labels that were found.

    What has no gold labels is left out.
    """
    gold = encode_labels(taxonomy, [review.labels for review in reviews])
    guess = encode_labels(taxonomy, predicted)
    found: list[Confusion] = []
    for facet in taxonomy.answers:
        where = taxonomy.slices[facet.name]
        if facet.kind is Kind.ONE_OF:
            found.append(_confusion(facet.name, facet.labels, gold.values[:, where] > 0, guess.values[:, where] > 0))
        if polarity := taxonomy.polarity_of.get(facet.name):
            pairs, choices = taxonomy.slices[polarity.name], len(polarity.labels)
            # Each pair of a review and a label of the other facet is one case: (n · labels, choices).
            sides = [side.values[:, pairs].reshape(-1, choices) > 0 for side in (gold, guess)]
            found.append(_confusion(polarity.name, polarity.labels, *sides))
        if facet.main:
            column = taxonomy.main_facets.index(facet)
            one_hot = [side.main[:, column, None] == np.arange(len(facet.labels)) for side in (gold, guess)]
            found.append(_confusion(facet.main, facet.labels, *(np.asarray(side, np.bool_) for side in one_hot)))
    return [one for one in found if any(map(any, one.counts))]


def _confusion(name: str, labels: tuple[str, ...], gold: Bits, guess: Bits) -> Confusion:
    """Count the cases (m, labels) that have a label on both sides."""
    counts = gold.T.astype(np.int64) @ guess.astype(np.int64)
    return Confusion(name, labels, tuple(tuple(int(count) for count in row) for row in counts))
