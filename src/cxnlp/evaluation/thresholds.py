"""Choose on development data which labels are given, and which of them is the main one.

First the main label, of facets that have one: what is added to the log-odds of each label before the largest wins. That
is learnt by multinomial regression (``choice.py``), as a label that many reviews touch on may be the main one of few;
nothing is added where that does no good, or fewer than 30 reviews have a main label.

Then thresholds. The rule, for each ``any_of`` facet:

1. One common threshold: the one that gives the highest micro-F1, the middle of the range where several do.
2. For each label its own: the one that gives the highest micro-F1 of the facet while all other labels keep the common
   threshold. It is drawn towards the common one on the logit scale, with weight positives / (positives + 50): a label
   with 50 positive reviews goes half-way, one without any stays.
3. If the labels' own thresholds, chosen on nine tenths of the reviews and counted on the other tenth, ten times over,
   together score no better than common ones chosen likewise, the common one stands. So it does where they score worse
   on all reviews, as drawn ones may where there are only a few.

Thresholds lie on a grid of thousandths from 0.05 to 0.95; a facet without a positive label keeps 0.5.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.errors import ArgumentValueError
from cxnlp.evaluation.choice import MIN_LABELLED, fit_choice
from cxnlp.taxonomy import (
    Cutoffs,
    Facet,
    Kind,
    Targets,
    Taxonomy,
    default_thresholds,
    encode_labels,
    first_labels,
    log_odds,
)  # fmt: skip

Floats = npt.NDArray[np.float64]

LOWEST, HIGHEST = 0.05, 0.95
SHRINKAGE = 50
"""Positive reviews at which a label's own threshold weighs as much as the common one."""
_FOLDS = 10
# float32, as that is what probabilities are compared in.
_GRID = np.linspace(LOWEST, HIGHEST, 901).round(3).astype(np.float32)


def choose_cutoffs(
    taxonomy: Taxonomy,
    probs: npt.NDArray[np.float32],
    reviews: Sequence[Review],
    shrinkage: float = SHRINKAGE,
    start: Cutoffs | None = None,
    as_before: float = 0,
) -> Cutoffs:
    """Choose the threshold of every label of every ``any_of`` facet, and how its main label is found.

    Args:
        taxonomy: of the probabilities.
        probs: (n, l) probabilities of the reviews.
        reviews: n labelled reviews; one that lacks a facet does not count for it.
        shrinkage: positive reviews at which a label's own threshold weighs as much as the common one.
        start: what stands, unless better is found; each label's threshold then is in place of the common one.
        as_before: what makes the main label is drawn to what it was as if by so many reviews.

    Returns:
        Thresholds from 0.05 to 0.95, and ``main``; no reviews are marked for a person.
    """
    if len(probs) != len(reviews):
        raise ArgumentValueError(
            f"{len(probs)} rows of probabilities for {len(reviews)} reviews; expected one for each"
        )
    targets = encode_labels(taxonomy, [review.labels for review in reviews])
    thresholds: dict[str, dict[str, float]] = {
        name: dict((start.thresholds if start else {}).get(name, limits))
        for name, limits in default_thresholds(taxonomy).items()
    }
    chosen = Cutoffs(thresholds, main=_main(taxonomy, probs, targets, start.main if start else {}, as_before))
    for facet in taxonomy.facets:
        if facet.kind is not Kind.ANY_OF:
            continue
        where = taxonomy.slices[facet.name]
        known = targets.mask[:, where.start] > 0
        gold = targets.values[known, where] > 0  # (m, labels)
        if gold.any():
            before = [_place(thresholds[facet.name][label]) for label in facet.labels] if start else None
            found = _choose(_scores(facet, probs[known, where], chosen), gold, shrinkage, before)
            thresholds[facet.name] = dict(zip(facet.labels, found, strict=True))
    return chosen


def few_main(taxonomy: Taxonomy, reviews: Sequence[Review]) -> list[str]:
    """Name the facets that too few of n reviews have a main label of to learn what makes it the main one."""
    known = (encode_labels(taxonomy, [review.labels for review in reviews]).main >= 0).sum(axis=0)
    return [facet.name for facet, n in zip(taxonomy.main_facets, known, strict=True) if n < MIN_LABELLED]


def _main(
    taxonomy: Taxonomy,
    probs: npt.NDArray[np.float32],
    targets: Targets,
    before: Mapping[str, Mapping[str, float]],
    as_before: float,
) -> dict[str, dict[str, float]]:
    found = {name: dict(shifts) for name, shifts in before.items()}
    for column, facet in enumerate(taxonomy.main_facets):
        known = np.flatnonzero(targets.main[:, column] >= 0)
        if len(known) >= MIN_LABELLED:
            already = np.array([found.get(facet.name, {}).get(label, 0.0) for label in facet.labels])
            odds = log_odds(probs[known, taxonomy.slices[facet.name]]) + already
            scale, shifts = fit_choice(odds, targets.main[known, column], known, as_before)
            if shifts.any():
                added = (already + shifts / scale).tolist()
                found[facet.name] = {label: round(one, 4) for label, one in zip(facet.labels, added, strict=True)}
    return found


def _scores(facet: Facet, probs: npt.NDArray[np.float32], cutoffs: Cutoffs) -> npt.NDArray[np.float32]:
    """Probabilities (m, labels); the main label, which is given whatever the threshold, lies above all of them."""
    scores = probs.copy()
    if facet.main:
        scores[np.arange(len(scores)), first_labels(facet, probs, cutoffs)[0]] = 2
    return scores


def _choose(
    scores: npt.NDArray[np.float32], gold: npt.NDArray[np.bool_], shrinkage: float, start: list[int] | None
) -> list[float]:
    counts, positives = _all_counts(scores, gold), gold.sum(axis=0)
    standing, own = _best(counts, positives, shrinkage, start)
    rows, (hits, predicted), total = np.arange(len(own)), counts, int(positives.sum())
    f1 = [_f1(hits[rows, places].sum(), predicted[rows, places].sum(), total) for places in (own, standing)]
    index = own if f1[0] >= f1[1] and _own_is_better(scores, gold, shrinkage, start) else standing
    return [round(float(_GRID[i]), 3) for i in index]


def _own_is_better(
    scores: npt.NDArray[np.float32], gold: npt.NDArray[np.bool_], shrinkage: float, start: list[int] | None
) -> bool:
    """Whether labels' own thresholds do better than those that stand on reviews that they were not chosen on."""
    fold = np.arange(len(scores)) % min(_FOLDS, len(scores))
    rows = np.arange(gold.shape[1])
    with_own, with_standing = np.zeros(2), np.zeros(2)  # hits and predictions
    for one in range(int(fold.max()) + 1):
        rest, held = fold != one, fold == one
        if not gold[rest].any():
            continue
        standing, own = _best(_all_counts(scores[rest], gold[rest]), gold[rest].sum(axis=0), shrinkage, start)
        hits, predicted = _all_counts(scores[held], gold[held])
        with_own += hits[rows, own].sum(), predicted[rows, own].sum()
        with_standing += hits[rows, standing].sum(), predicted[rows, standing].sum()
    total = int(gold.sum())
    f1 = [2 * hits / (predicted + total) for hits, predicted in (with_own, with_standing)]
    return bool(f1[0] > f1[1])


def _best(
    counts: tuple[Floats, Floats], positives: npt.NDArray[np.int64], shrinkage: float, start: list[int] | None
) -> tuple[list[int], list[int]]:
    """Give the places on the grid of what stands, the best common threshold if nothing does, and each label's own."""
    hits, predicted = counts
    total = int(positives.sum())
    rows = np.arange(len(positives))
    standing = start or [_middle_of_best(_f1(hits.sum(0), predicted.sum(0), total))] * len(positives)
    own = []
    for i, (count, here) in enumerate(zip(positives, standing, strict=True)):
        other_hits, other_predicted = (part[rows, standing].sum() - part[i, here] for part in (hits, predicted))
        best = _middle_of_best(_f1(other_hits + hits[i], other_predicted + predicted[i], total))
        weight = count / (count + shrinkage) if count else 0.0
        own.append(_place(_sigmoid(_logit(_GRID[here]) + weight * (_logit(_GRID[best]) - _logit(_GRID[here])))))
    return standing, own


def _place(threshold: float) -> int:
    return int(np.abs(_GRID - threshold).argmin())


def _all_counts(scores: npt.NDArray[np.float32], gold: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Hits and predictions of every label at every threshold: (labels, grid) each."""
    counts = [_counts(scores[:, i], gold[:, i]) for i in range(gold.shape[1])]
    return np.stack([hits for hits, _ in counts]), np.stack([predicted for _, predicted in counts])


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
