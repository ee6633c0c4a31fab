"""Cutoffs for those who would rather hear less and be able to rely on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.taxonomy import Cutoffs, Facet, Kind, Taxonomy, encode_labels, first_labels

Floats32 = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.bool_]

PRECISIONS = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""The precisions for which a bundle holds cutoffs."""
REVIEW_SHARE = 0.1
"""The share of the development reviews, the least certain ones, that a model marks for a person to look at."""
MIN_REVIEWS = 100
"""Of fewer development reviews no cutoff is learnt."""
# A label's precision above a cutoff is drawn to its facet's as if so many predictions more had had that.
_PRIOR = 20
_GRID = np.concatenate([np.linspace(0.05, 0.95, 181), np.linspace(0.955, 0.995, 9), [0.998, 0.999]]).astype(np.float32)
_NEVER = 1.0


def review_cutoff(
    taxonomy: Taxonomy, probs: Floats32, cutoffs: Cutoffs, share: float = REVIEW_SHARE
) -> dict[str, float]:
    """Give the confidence below which the least certain ``share`` of reviews (n, l) lies.

    It is that of the first facet that always gives a label. Empty if there is none, or fewer than ``MIN_REVIEWS``.
    """
    facet = next((facet for facet in taxonomy.answers if facet.kind is Kind.ONE_OF or facet.main), None)
    if facet is None or len(probs) < MIN_REVIEWS:
        return {}
    top = first_labels(facet, probs[:, taxonomy.slices[facet.name]], cutoffs)[1]
    return {facet.name: round(float(np.quantile(top, share)), 4)}


def precise_cutoffs(
    taxonomy: Taxonomy, probs: Floats32, reviews: Sequence[Review], cutoffs: Cutoffs
) -> dict[str, Cutoffs]:
    """Find for each of ``PRECISIONS`` the cutoffs from which labels are right that often.

    A label gets the lowest threshold, no lower than its ordinary one, from which on its precision holds. It is counted
    on the development reviews and drawn towards the precision of the whole facet, as a rare label has too few
    predictions to say; a label that reaches it nowhere is never given. Reviews whose sentiment, or whose main label,
    is less certain than that are marked. Empty if there are fewer than ``MIN_REVIEWS``.

    Args:
        taxonomy: of the probabilities.
        probs: (n, l) scaled probabilities, cross-fitted where the scaling was learnt on the same reviews.
        reviews: n labelled reviews.
        cutoffs: the ordinary ones.
    """
    if len(reviews) < MIN_REVIEWS:
        return {}
    targets = encode_labels(taxonomy, [review.labels for review in reviews])
    labels: dict[str, tuple[Floats, Floats]] = {}
    firsts: dict[str, tuple[Floats, Floats]] = {}
    for facet in taxonomy.answers:
        where = taxonomy.slices[facet.name]
        known = targets.mask[:, where.start] > 0
        p, gold = probs[known, where], targets.values[known, where] > 0
        if facet.kind is Kind.ANY_OF:
            labels[facet.name] = _drawn_to_facet(p, gold)
        if len(p) >= MIN_REVIEWS and (facet.kind is Kind.ONE_OF or facet.main):
            column = taxonomy.main_facets.index(facet) if facet.main else None
            wanted = gold.argmax(axis=1) if column is None else targets.main[known, column]
            first, sure = first_labels(facet, p, cutoffs)
            firsts[facet.name] = _counts(sure, first == wanted)
    return {
        f"{precision:g}": Cutoffs(
            {
                name: _limits(taxonomy[name], counts, cutoffs.thresholds[name], precision)
                for name, counts in labels.items()
            },
            {name: _cutoff(*counts, precision) for name, counts in firsts.items()},
            cutoffs.main,
        )
        for precision in PRECISIONS
    }


def _drawn_to_facet(p: Floats32, gold: Bits) -> tuple[Floats, Floats]:
    """Count hits and predictions of each of k labels at every cutoff, (k, grid), drawn to the facet's precision."""
    counts = [_counts(p[:, i], gold[:, i]) for i in range(p.shape[1])]
    hits, given = (np.stack([pair[part] for pair in counts]) for part in (0, 1))
    all_hits, all_given = hits.sum(axis=0), given.sum(axis=0)
    pooled = np.divide(all_hits, all_given, out=np.zeros_like(all_hits), where=all_given > 0)
    # Above the last prediction of all, the facet has the precision that it had there.
    if all_given.any():
        last = int(np.flatnonzero(all_given)[-1])
        pooled[last + 1 :] = pooled[last]
    return hits + _PRIOR * pooled, given + _PRIOR


def _limits(
    facet: Facet, counts: tuple[Floats, Floats], thresholds: Mapping[str, float], precision: float
) -> dict[str, float]:
    return {
        label: max(_cutoff(hits, given, precision), float(thresholds[label]))
        for label, hits, given in zip(facet.labels, *counts, strict=True)
    }


def _counts(scores: Floats32, right: Bits) -> tuple[Floats, Floats]:
    """Count hits and predictions at every cutoff of the grid: scores (m,) that reach it."""
    reached = scores[:, None] >= _GRID  # (m, grid)
    return (reached & right[:, None]).sum(axis=0, dtype=np.float64), reached.sum(axis=0, dtype=np.float64)


def _cutoff(hits: Floats, given: Floats, precision: float) -> float:
    """Give the lowest cutoff from which on, as far as anything is given, the precision holds."""
    short = np.flatnonzero((given > 0) & (hits < precision * given))
    at = int(short[-1]) + 1 if len(short) else 0
    return round(float(_GRID[at]), 4) if at < len(_GRID) and given[at] else _NEVER
