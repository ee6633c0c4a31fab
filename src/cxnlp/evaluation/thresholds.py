"""Choose thresholds on development data.

The rule, for each ``any_of`` facet:

1. One common threshold: the one that gives the highest micro-F1, the middle of the range where several do.
2. For each label its own: the one that gives the highest micro-F1 of the facet while all other labels keep the common
   threshold. It is drawn towards the common one on the logit scale, with weight positives / (positives + 50): a label
   with 50 positive reviews goes half-way, one without any stays.
3. If the labels' own thresholds together score no better than the common one, the common one stands.

Thresholds lie on a grid of thousandths from 0.05 to 0.95; a facet without a positive label keeps 0.5.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.taxonomy import Facet, Kind, Taxonomy, default_thresholds, encode_labels

Floats = npt.NDArray[np.float64]

LOWEST, HIGHEST = 0.05, 0.95
SHRINKAGE = 50
"""Positive reviews at which a label's own threshold weighs as much as the common one."""
# float32, as that is what probabilities are compared in.
_GRID = np.linspace(LOWEST, HIGHEST, 901).round(3).astype(np.float32)


def choose_thresholds(
    taxonomy: Taxonomy, probs: npt.NDArray[np.float32], reviews: Sequence[Review], shrinkage: float = SHRINKAGE
) -> dict[str, dict[str, float]]:
    """Choose the threshold of every label of every ``any_of`` facet.

    Args:
        taxonomy: of the probabilities.
        probs: (n, l) probabilities of the reviews.
        reviews: n labelled reviews; one that lacks a facet does not count for it.
        shrinkage: positive reviews at which a label's own threshold weighs as much as the common one.

    Returns:
        Facet to label to threshold, from 0.05 to 0.95.
    """
    if len(probs) != len(reviews):
        raise ValueError(f"{len(probs)} rows of probabilities for {len(reviews)} reviews; expected one for each")
    targets = encode_labels(taxonomy, [review.labels for review in reviews])
    chosen = default_thresholds(taxonomy)
    for facet in taxonomy.facets:
        if facet.kind is not Kind.ANY_OF:
            continue
        where = taxonomy.slices[facet.name]
        known = targets.mask[:, where.start] > 0
        gold = targets.values[known, where] > 0  # (m, labels)
        if gold.any():
            found = _choose(_scores(facet, probs[known, where]), gold, shrinkage)
            chosen[facet.name] = dict(zip(facet.labels, found, strict=True))
    return chosen


def _scores(facet: Facet, probs: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Probabilities (m, labels); the main label, which is given whatever the threshold, lies above all of them."""
    scores = probs.copy()
    if facet.main:
        scores[np.arange(len(scores)), scores.argmax(axis=1)] = 2
    return scores


def _choose(scores: npt.NDArray[np.float32], gold: npt.NDArray[np.bool_], shrinkage: float) -> list[float]:
    counts = [_counts(scores[:, i], gold[:, i]) for i in range(gold.shape[1])]
    hits, predicted = (np.stack([pair[part] for pair in counts]) for part in (0, 1))  # (labels, grid) each
    positives = gold.sum(axis=0)  # (labels,)
    total = int(positives.sum())
    common = _middle_of_best(_f1(hits.sum(0), predicted.sum(0), total))
    own = []
    for i, count in enumerate(positives):
        other_hits, other_predicted = (part[:, common].sum() - part[i, common] for part in (hits, predicted))
        best = _middle_of_best(_f1(other_hits + hits[i], other_predicted + predicted[i], total))
        weight = count / (count + shrinkage) if count else 0.0
        drawn = _sigmoid(_logit(_GRID[common]) + weight * (_logit(_GRID[best]) - _logit(_GRID[common])))
        own.append(int(np.abs(_GRID - drawn).argmin()))
    rows = np.arange(len(own))
    with_own = _f1(hits[rows, own].sum(keepdims=True), predicted[rows, own].sum(keepdims=True), total)
    with_common = _f1(hits[:, [common]].sum(0), predicted[:, [common]].sum(0), total)
    index = own if with_own[0] > with_common[0] else [common] * len(own)
    return [round(float(_GRID[i]), 3) for i in index]


def _counts(scores: npt.NDArray[np.float32], gold: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Hits and predictions of one label at every threshold of the grid, from one sort of its scores (m,)."""
    order = np.argsort(-scores, kind="stable")
    hits_of_first = np.concatenate([[0.0], np.cumsum(gold[order], dtype=np.float64)])
    reached = len(scores) - np.searchsorted(scores[order[::-1]], _GRID, side="left")  # scores >= threshold
    return hits_of_first[reached], reached.astype(np.float64)


def _f1(hits: Floats, predicted: Floats, gold: int) -> Floats:
    return 2 * hits / (predicted + gold)


def _middle_of_best(f1: Floats) -> int:
    """Give the middle of the longest run of the highest value (grid,): farthest from where it would fall."""
    best = np.flatnonzero(f1 >= f1.max())
    runs = np.split(best, np.flatnonzero(np.diff(best) > 1) + 1)
    longest = max(runs, key=len)
    return int(longest[len(longest) // 2])


def _logit(p: float) -> float:
    return float(np.log(p / (1 - p)))


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))
