"""What every review adds to the counts that the figures are made of. A facet that a review lacks adds nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.errors import ArgumentValueError
from cxnlp.evaluation.metrics import Metric, accuracy, macro_f1_seen, macro_f1_supported, micro_f1
from cxnlp.taxonomy import Facet, FacetValue, Kind, Rollup, Targets, Taxonomy, encode_labels

Bits = npt.NDArray[np.bool_]
Labels = Mapping[str, FacetValue]
"""The labels of one review, gold or predicted."""


@dataclass(frozen=True)
class Comparison:
    """Gold beside predicted labels of n reviews, as counts."""

    facet: str
    labels: tuple[str, ...]
    counts: npt.NDArray[np.float32]
    """(n, 3, labels): hits, predicted, gold; zero where the review does not count."""
    counted: Bits
    """(n,) which reviews count."""
    figures: Mapping[str, Metric]
    table: str | None
    """Name of its table of single labels, if it has one."""
    leading: str | None = None
    """The figure that goes into the mean over facets, if any."""


def compare(taxonomy: Taxonomy, reviews: Sequence[Review], predicted: Sequence[Labels]) -> list[Comparison]:
    """Compare gold with predicted labels in every facet for which at least one review has gold labels.

    Raises:
        ArgumentValueError: there are not as many predictions as reviews.
        TaxonomyError: a label that the taxonomy does not have.
    """
    if len(reviews) != len(predicted):
        raise ArgumentValueError(f"{len(predicted)} predictions for {len(reviews)} reviews; expected one for each")
    gold = encode_labels(taxonomy, [review.labels for review in reviews])
    guess = encode_labels(taxonomy, predicted)
    found: list[Comparison] = []
    for facet in taxonomy.answers:
        found.append(_labels(taxonomy, facet, gold, guess))
        if facet.name in taxonomy.polarity_of:
            found += _polarities(taxonomy, facet, gold, guess)
        if facet.main:
            found += _main(taxonomy, facet, gold, guess)
        elif facet.rollup and facet.kind is Kind.ONE_OF:
            where = taxonomy.slices[facet.name]
            found.append(_rollup(facet.name, facet.labels, facet.rollup, gold.values[:, where], guess.values[:, where]))
    return [one for one in found if one.counted.any()]


def _labels(taxonomy: Taxonomy, facet: Facet, gold: Targets, guess: Targets) -> Comparison:
    where = taxonomy.slices[facet.name]
    counted = gold.mask[:, where.start] > 0
    counts = _stack(gold.values[:, where] > 0, guess.values[:, where] > 0, counted)
    if facet.kind is Kind.ONE_OF:
        figures: dict[str, Metric] = {"accuracy": accuracy, "macro_f1": macro_f1_seen}
        return Comparison(facet.name, facet.labels, counts, counted, figures, facet.name, "macro_f1")
    figures = {"micro_f1": micro_f1, "macro_f1": macro_f1_supported}
    return Comparison(facet.name, facet.labels, counts, counted, figures, facet.name, "micro_f1")


def _polarities(taxonomy: Taxonomy, facet: Facet, gold: Targets, guess: Targets) -> list[Comparison]:
    """Pairs of label and polarity, and the polarity alone of those labels that were found."""
    polarity = taxonomy.polarity_of[facet.name]
    where, pairs = taxonomy.slices[facet.name], taxonomy.slices[polarity.name]
    shape = (len(gold.values), len(facet.labels), len(polarity.labels))
    present = gold.values[:, where] > 0  # (n, labels)
    known = gold.mask[:, pairs][:, :: len(polarity.labels)] > 0  # (n, labels): present, and its polarity is given
    gold_pairs = gold.values[:, pairs].reshape(shape) > 0
    guess_pairs = guess.values[:, pairs].reshape(shape) > 0
    counted = (gold.mask[:, where.start] > 0) & (_any(known) | ~_any(present)) & known.any()
    # Of a gold label without a polarity no prediction can be right or wrong.
    judged = counted[:, None] & ~(present & ~known)
    found = judged & present & (guess.values[:, where] > 0)
    of_pairs = _stack_pairs(gold_pairs & judged[:, :, None], guess_pairs & judged[:, :, None])
    of_found = _stack_pairs(gold_pairs & found[:, :, None], guess_pairs & found[:, :, None])
    pair_figures, found_figures = {"polarity_f1": micro_f1}, {"polarity_accuracy": accuracy}
    return [
        Comparison(facet.name, polarity.labels, of_pairs, counted, pair_figures, polarity.name, "polarity_f1"),
        Comparison(facet.name, polarity.labels, of_found, _any(found), found_figures, None),
    ]


def _main(taxonomy: Taxonomy, facet: Facet, gold: Targets, guess: Targets) -> list[Comparison]:
    column = taxonomy.main_facets.index(facet)
    wanted, given = (_one_hot(targets.main[:, column], len(facet.labels)) for targets in (gold, guess))
    counted = _any(wanted)
    counts = _stack(wanted, given, counted)
    comparisons = [Comparison(facet.name, facet.labels, counts, counted, {"main_accuracy": accuracy}, facet.main)]
    if facet.rollup:
        comparisons.append(_rollup(facet.name, facet.labels, facet.rollup, wanted, given))
    return comparisons


def _rollup(
    facet: str, labels: tuple[str, ...], rollup: Rollup, wanted: npt.ArrayLike, given: npt.ArrayLike
) -> Comparison:
    """Compare one gold and one predicted label a review, (n, labels) each, by their coarser names."""
    coarse = tuple(dict.fromkeys(rollup.labels[label] for label in labels))
    up = np.array([[rollup.labels[label] == name for name in coarse] for label in labels], np.float32)
    gold, guess = (np.asarray(side, np.float32) @ up > 0 for side in (wanted, given))
    counted = _any(gold)
    return Comparison(facet, coarse, _stack(gold, guess, counted), counted, {"rollup_accuracy": accuracy}, rollup.name)


def _any(bits: Bits) -> Bits:
    """Whether a review has any label: (n, labels) to (n,)."""
    return np.asarray(bits.any(axis=1), np.bool_)


def _one_hot(index: npt.NDArray[np.int64], size: int) -> Bits:
    return np.asarray(index[:, None] == np.arange(size), np.bool_)


def _stack(gold: Bits, guess: Bits, counted: Bits) -> npt.NDArray[np.float32]:
    counts = np.stack([gold & guess, guess, gold], axis=1) & counted[:, None, None]
    return counts.astype(np.float32)


def _stack_pairs(gold: Bits, guess: Bits) -> npt.NDArray[np.float32]:
    """Count pairs (n, labels, polarities) by their polarity: (n, 3, polarities)."""
    return np.stack([(gold & guess).sum(axis=1), guess.sum(axis=1), gold.sum(axis=1)], axis=1).astype(np.float32)
