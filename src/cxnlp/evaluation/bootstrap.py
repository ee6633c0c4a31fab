"""Bootstrap intervals: reviews are drawn again with replacement, within each language."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

RESAMPLES = 1000
PERCENTILES = (2.5, 97.5)
"""Of the resampled figures: the ends of a 95 % interval."""
# Draws held in memory at once.
_MAX_DRAWS = 2_000_000


def resampled_sums(counts: npt.NDArray[np.float32], resamples: int, rng: np.random.Generator) -> Floats:
    """Sum the counts (n, c) of n reviews drawn with replacement, for every resample: (resamples, c)."""
    n = len(counts)
    out = np.zeros((resamples, counts.shape[1]))
    step = max(1, _MAX_DRAWS // n)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        drawn = rng.integers(0, n, size=(rows, n)) + n * np.arange(rows)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=rows * n).reshape(rows, n)  # how often each review was drawn
        out[start : start + rows] = weights.astype(np.float32) @ counts
    return out


def interval(resampled: Floats) -> tuple[float, float]:
    """Give the percentile interval of resampled figures (resamples,), leaving out those that are undefined."""
    defined = resampled[~np.isnan(resampled)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.percentile(defined, PERCENTILES)
    return float(low), float(high)
