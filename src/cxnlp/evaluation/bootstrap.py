"""Bootstrap intervals: reviews are drawn again with replacement, within each language."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.bool_]

RESAMPLES = 1000
PERCENTILES = (2.5, 97.5)
"""Of the resampled figures: the ends of a 95 % interval."""
# Draws held in memory at once.
_MAX_DRAWS = 2_000_000


def resampled_sums(counts: npt.NDArray[np.float32], resamples: int, rng: np.random.Generator) -> Floats:
    """Sum the counts (n, c) of n reviews drawn with replacement, for every resample: (resamples, c)."""
    (sums,) = resampled_group_sums(counts, [np.ones(len(counts), np.bool_)], resamples, rng)
    return np.asarray(sums, np.float64)


def resampled_group_sums(
    counts: npt.NDArray[np.float32], groups: Sequence[Bits], resamples: int, rng: np.random.Generator
) -> Floats:
    """Sum the counts (n, c) of each group of reviews (n,) over the same draws: (groups, resamples, c)."""
    n = len(counts)
    members = [np.flatnonzero(group) for group in groups]
    parts = [counts[rows] for rows in members]
    out = np.zeros((len(groups), resamples, counts.shape[1]))
    step = max(1, _MAX_DRAWS // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, n, size=(rows, n)) + n * np.arange(rows)[:, None]
        times = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)  # how often each review was drawn
        weights = times.astype(np.float32)
        for group, (where, part) in enumerate(zip(members, parts, strict=True)):
            out[group, start : start + rows] = weights[:, where] @ part
    return out


def interval(resampled: Floats) -> tuple[float, float]:
    """Give the percentile interval of resampled figures (resamples,), leaving out those that are undefined."""
    defined = resampled[~np.isnan(resampled)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.percentile(defined, PERCENTILES)
    return float(low), float(high)
