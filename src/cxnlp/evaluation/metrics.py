"""Figures from counts. Every figure is a ratio of sums over reviews, so a bootstrap needs only new sums.

Counts have the shape (..., 3, k): for each of k labels the number of hits, of predictions and of gold labels.
A figure of nothing (no gold and no prediction) is undefined: NaN, never 0 or 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[Any]
"""(..., 3, k) numbers: hits, predicted, gold."""
Floats = npt.NDArray[np.float64]
HITS, PREDICTED, GOLD = range(3)
Metric = Callable[[Counts], Floats]
"""From counts (..., 3, k) to one figure (...) between 0 and 1, or NaN."""


def accuracy(counts: Counts) -> Floats:
    """Share of gold labels that were predicted; with one gold label a review, the share of reviews."""
    return _ratio(counts[..., HITS, :].sum(-1), counts[..., GOLD, :].sum(-1))


def micro_f1(counts: Counts) -> Floats:
    """F1 of all labels together."""
    hits, predicted, gold = (counts[..., i, :].sum(-1) for i in (HITS, PREDICTED, GOLD))
    return _ratio(2 * hits, predicted + gold)


def macro_f1_seen(counts: Counts) -> Floats:
    """Unweighted mean of the F1 of every label that occurs in gold or prediction (for ``one_of`` facets)."""
    return _mean_where(label_f1(counts), counts[..., PREDICTED, :] + counts[..., GOLD, :] > 0)


def macro_f1_supported(counts: Counts) -> Floats:
    """Unweighted mean of the F1 of every label that occurs in gold (for ``any_of`` facets)."""
    return _mean_where(label_f1(counts), counts[..., GOLD, :] > 0)


def label_precision(counts: Counts) -> Floats:
    """Precision of each label (..., k)."""
    return _ratio(counts[..., HITS, :], counts[..., PREDICTED, :])


def label_recall(counts: Counts) -> Floats:
    """Recall of each label (..., k)."""
    return _ratio(counts[..., HITS, :], counts[..., GOLD, :])


def label_f1(counts: Counts) -> Floats:
    """F1 of each label (..., k)."""
    return _ratio(2 * counts[..., HITS, :], counts[..., PREDICTED, :] + counts[..., GOLD, :])


def mean_defined(values: Floats) -> Floats:
    """Mean over the last axis of the values that are defined; NaN where none is."""
    return _mean_where(values, ~np.isnan(values))


def _ratio(part: Counts, whole: Counts) -> Floats:
    out = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=out, where=np.asarray(whole) > 0)
    return out


def _mean_where(values: Floats, where: npt.NDArray[np.bool_]) -> Floats:
    return _ratio(np.where(where, values, 0).sum(-1), where.sum(-1))
