"""What can be said without a model: always the same, or what the stars say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.taxonomy import Cutoffs, Facet, FacetValue, Kind, Taxonomy, encode_labels

# Nothing reaches the first. Whatever may be given at all reaches the second.
_NEVER, _ALWAYS = 2.0, 1e-6
# On the scale from −1 to 1: one and two stars of five, and four and five.
_NEGATIVE, _POSITIVE = -0.5, 0.5


@dataclass(frozen=True)
class MajorityScorer:
    """Says of every text the most frequent label of each facet, with the most frequent polarity of that label.

    Its probabilities are the shares of labels.
    """

    taxonomy: Taxonomy
    cutoffs: Cutoffs
    shares: npt.NDArray[np.float32]
    """(l,)"""

    @classmethod
    def train(cls, taxonomy: Taxonomy, reviews: Sequence[Review]) -> MajorityScorer:
        """Count the labels of reviews; where nothing is known of a facet, its first label stands for it."""
        gold = encode_labels(taxonomy, [review.labels for review in reviews])
        known = np.maximum(gold.mask.sum(axis=0), 1)
        shares = (gold.values.sum(axis=0) / known).astype(np.float32)  # (l,)
        thresholds = {}
        for facet in taxonomy.facets:
            if facet.kind is Kind.ANY_OF:
                of = shares[taxonomy.slices[facet.name]]  # a view
                if facet.main:  # the most frequent main label
                    main = gold.main[:, taxonomy.main_facets.index(facet)]
                    most = int(np.bincount(main[main >= 0], minlength=len(of)).argmax())
                    of[most] = of.max() + _ALWAYS
                else:
                    most = int(of.argmax())
                of[most] = max(of[most], _ALWAYS)
                thresholds[facet.name] = {
                    label: _ALWAYS if i == most else _NEVER for i, label in enumerate(facet.labels)
                }
        return cls(taxonomy, Cutoffs(thresholds), shares)

    def probabilities(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> npt.NDArray[np.float32]:
        """Give the same probabilities (n, l) for each of n texts."""
        if progress:
            progress(len(texts))
        return np.tile(self.shares, (len(texts), 1))


def sentiment_facet(taxonomy: Taxonomy) -> Facet | None:
    """Give the facet that stars can answer: ``one_of`` with negative, neutral and positive."""
    wanted = {"negative", "neutral", "positive"}
    return next((f for f in taxonomy.answers if f.kind is Kind.ONE_OF and wanted <= set(f.labels)), None)


def star_label(rating: float) -> str:
    """Give the sentiment of a rating from −1 to 1: of five stars, 1–2 are negative, 3 neutral, 4–5 positive.

    Three stars could as well be called mixed; which of the two was not tried on any data.
    """
    if rating <= _NEGATIVE:
        return "negative"
    return "positive" if rating >= _POSITIVE else "neutral"


def rated(
    taxonomy: Taxonomy, reviews: Sequence[Review], ratings: Mapping[str, float]
) -> tuple[list[int], list[dict[str, FacetValue]]]:
    """Give the rows of the reviews that have a rating and a gold sentiment, and what their stars say."""
    facet = sentiment_facet(taxonomy)
    if facet is None:
        return [], []
    rows = [i for i, review in enumerate(reviews) if review.id in ratings and facet.name in review.labels]
    return rows, [{facet.name: star_label(ratings[reviews[i].id])} for i in rows]
