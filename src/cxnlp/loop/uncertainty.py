"""How uncertain a model is of each facet of a review, from its probabilities."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cxnlp.taxonomy import Facet, Kind, Taxonomy, Thresholds

Floats = npt.NDArray[np.float64]

# A probability of 0 or 1, as four decimals give it, is not taken for certainty.
_LEAST = 1e-4


def facet_uncertainty(taxonomy: Taxonomy, probs: npt.NDArray[np.float32], thresholds: Thresholds) -> dict[str, Floats]:
    """Give facet to uncertainty (n,) of n reviews with the probabilities (n, l): 0 is certain; each has its own scale.

    ``one_of``: one minus the margin between the two most probable labels (Scheffer et al. 2001). ``any_of``: the sum
    over labels of the entropy of yes and no, each probability moved so that its threshold lies at one half. Polarity:
    one minus the margin, weighted with the probability that the label is there at all, summed over labels.
    """
    return {facet.name: _of_facet(taxonomy, facet, probs, thresholds) for facet in taxonomy.facets}


def label_uncertainty(facet: Facet, probs: npt.NDArray[np.float32], thresholds: Thresholds) -> Floats:
    """Give the uncertainty (n, labels) of every label of an ``any_of`` facet from its probabilities (n, labels), in
    bits: 1 at the threshold, 0 far from it."""
    limits = np.array([thresholds[facet.name][label] for label in facet.labels], np.float64)
    moved = _logit(probs.astype(np.float64)) - _logit(limits)
    p = 1 / (1 + np.exp(-moved))
    return np.asarray(-(p * np.log2(p) + (1 - p) * np.log2(1 - p)), np.float64)


def as_ranks(values: Floats) -> Floats:
    """Put values (n,) on one scale, whatever theirs: the share of the others that lie below, ties in the middle."""
    if len(values) < 2:
        return np.full(len(values), 0.5)
    ordered = np.sort(values)
    below, up_to = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.asarray((below + up_to - 1) / 2 / (len(values) - 1), np.float64)


def _of_facet(taxonomy: Taxonomy, facet: Facet, probs: npt.NDArray[np.float32], thresholds: Thresholds) -> Floats:
    block = probs[:, taxonomy.slices[facet.name]]
    if facet.kind is Kind.ANY_OF:
        return np.asarray(label_uncertainty(facet, block, thresholds).sum(axis=1), np.float64)
    if facet.of is None:
        return 1 - _margin(block)
    groups = block.reshape(len(block), -1, len(facet.labels))  # n, labels of the other facet, choices
    there = probs[:, taxonomy.slices[facet.of]].astype(np.float64)
    return np.asarray((there * (1 - _margin(groups))).sum(axis=1), np.float64)


def _margin(probs: npt.NDArray[np.float32]) -> Floats:
    """Give how far the most probable of the last axis lies above the next."""
    ordered = np.sort(probs.astype(np.float64), axis=-1)
    return np.asarray(ordered[..., -1] - ordered[..., -2], np.float64)


def _logit(p: Floats) -> Floats:
    p = np.clip(p, _LEAST, 1 - _LEAST)
    return np.asarray(np.log(p / (1 - p)), np.float64)
