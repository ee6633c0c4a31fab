"""What the model gets wrong, the most confident errors first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.evaluation.compare import Labels
from cxnlp.taxonomy import Facet, Kind, Taxonomy, check_labels

LIMIT = 50
"""Errors shown of a facet."""


@dataclass(frozen=True)
class Miss:
    """One review that is wrong in one facet."""

    id: str
    lang: str
    gold: str
    predicted: str
    confidence: float
    """The probability that the model gave to its surest error: of a label that is not gold, or against one that is."""
    text: str | None = None
    """Only where it was asked for: it is personal data."""


@dataclass(frozen=True)
class Gallery:
    """The errors of one facet."""

    facet: str
    wrong: int
    """How many reviews are wrong."""
    judged: int
    misses: Sequence[Miss]
    """The first of them, by confidence."""


def galleries(
    taxonomy: Taxonomy,
    reviews: Sequence[Review],
    predicted: Sequence[Labels],
    probs: npt.NDArray[np.float32],
    *,
    with_text: bool = False,
    limit: int = LIMIT,
) -> list[Gallery]:
    """Collect the wrong reviews of every facet.

    The order of labels does not count; a polarity does where gold has one.

    Args:
        taxonomy: of the labels.
        reviews: n labelled reviews; one that lacks a facet does not count for it.
        predicted: n records of labels.
        probs: (n, l) probabilities.
        with_text: whether texts go in. They are personal data.
        limit: errors of a facet.
    """
    out = []
    for facet in taxonomy.answers:
        rows = [row for row, review in enumerate(reviews) if facet.name in review.labels]
        misses = []
        for row in rows:
            review = reviews[row]
            gold = check_labels(taxonomy, facet, review.labels[facet.name])
            guess = check_labels(taxonomy, facet, predicted[row][facet.name])
            if errors := _errors(taxonomy, facet, gold, guess, probs[row]):
                text = review.text if with_text else None
                misses.append(Miss(review.id, review.lang, _shown(gold), _shown(guess), max(errors), text))
        misses.sort(key=lambda miss: -miss.confidence)
        if rows:
            out.append(Gallery(facet.name, len(misses), len(rows), misses[:limit]))
    return out


def _errors(
    taxonomy: Taxonomy, facet: Facet, gold: Mapping[str, str], guess: Mapping[str, str], row: npt.NDArray[np.float32]
) -> list[float]:
    """Give the confidence of every error in one review (l,)."""
    p = dict(zip(facet.labels, row[taxonomy.slices[facet.name]], strict=True))
    errors = [float(p[label]) for label in guess if label not in gold]
    if facet.kind is Kind.ONE_OF:
        return errors
    errors += [1 - float(p[label]) for label in gold if label not in guess]
    if polarity := taxonomy.polarity_of.get(facet.name):
        pairs = row[taxonomy.slices[polarity.name]].reshape(len(facet.labels), -1)
        wrong = [label for label, value in gold.items() if value and label in guess and guess[label] != value]
        errors += [
            float(pairs[facet.labels.index(label), polarity.labels.index(guess[label])])
            for label in wrong
            if guess[label]
        ]
    return errors


def _shown(labels: Mapping[str, str]) -> str:
    return "; ".join(f"{label}:{polarity}" if polarity else label for label, polarity in labels.items())
