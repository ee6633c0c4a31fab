"""Tests and effect sizes of two samples, in numpy alone.

Every test is two-sided and gives its statistic, its p and an effect size, which unlike p does not grow with the number
of reviews. Signs: an effect above 0 says that the second sample has more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

MIN_EXPECTED = 5
"""Expected count below which the chi-squared and normal approximations are not used (Cochran, 1954)."""
PSI_BINS = 10
# Added to every cell of a population stability index, which has no value where a cell is empty.
_PSI_CELL = 0.5
# Two tables of a Fisher test count as equally probable up to this, as their logarithms are sums of many.
_SAME = 1e-7


@dataclass(frozen=True)
class Outcome:
    """What a test came to."""

    test: str
    statistic: float
    p: float
    effect: float


def chi2_tail(x: float, degrees: int) -> float:
    """Give the probability that a chi-squared variable exceeds ``x``, by the finite sums for whole degrees of freedom.

    Abramowitz and Stegun (1964), 26.4.4 and 26.4.5.
    """
    half = x / 2
    if half <= 0:  # also of the smallest number there is, whose half is 0
        return 1.0
    odd = degrees % 2
    powers = [i + odd / 2 for i in range(degrees // 2)]
    total = sum(math.exp(-half + power * math.log(half) - math.lgamma(power + 1)) for power in powers)
    return min(1.0, total + (math.erfc(math.sqrt(half)) if odd else 0.0))


def homogeneity(first: Sequence[int], second: Sequence[int]) -> Outcome | None:
    """Compare how two samples divide among categories, by Pearson's chi-squared; the effect is Cramér's V.

    V is that of the same shares in samples of equal size, √(½ Σ (p − q)² / (p + q)): it would otherwise shrink where
    one sample is much larger than the other.

    Args:
        first: (k,) counts.
        second: (k,) counts of the same categories.

    Categories whose expected count is below ``MIN_EXPECTED`` are taken together, the rarest first. None if fewer than
    two are left, so that there is nothing to compare.
    """
    table = _pooled(np.array([first, second], np.float64))
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return None
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    statistic = float(((table - expected) ** 2 / expected).sum())
    p, q = table / table.sum(axis=1, keepdims=True)
    v = math.sqrt(float(((p - q) ** 2 / (p + q)).sum()) / 2)
    return Outcome("chi-squared", statistic, chi2_tail(statistic, table.shape[1] - 1), v)


def _pooled(table: Floats) -> Floats:
    """Take the rarest columns of (2, k) counts together until each has the expected count that the test needs."""
    table = table[:, table.sum(axis=0) > 0]
    table = table[:, np.argsort(-table.sum(axis=0), kind="stable")]
    while table.shape[1] > 1:
        smallest = table.sum(axis=1).min() * table[:, -1].sum() / table.sum()
        if smallest >= MIN_EXPECTED:
            break
        merged = table[:, -2] + table[:, -1]
        table = np.column_stack([table[:, :-2], merged])
        table = table[:, np.argsort(-table.sum(axis=0), kind="stable")]
    return table


def proportions(hits: tuple[int, int], sizes: tuple[int, int]) -> Outcome | None:
    """Compare two shares; the effect is Cohen's h, 2 asin √p₂ − 2 asin √p₁ (Cohen, 1988, chapter 6).

    The pooled z-test, or Fisher's exact test where an expected count is below ``MIN_EXPECTED``. None if nobody, or
    everybody, of both samples has what is counted.
    """
    (a, b), (n, m) = hits, sizes
    if a + b in (0, n + m):
        return None
    low, high = a / n, b / m
    h = 2 * math.asin(math.sqrt(high)) - 2 * math.asin(math.sqrt(low))
    share = (a + b) / (n + m)
    if min(n, m) * min(share, 1 - share) < MIN_EXPECTED:
        return Outcome("Fisher", (b + 0.5) * (n - a + 0.5) / ((a + 0.5) * (m - b + 0.5)), _fisher(a, b, n, m), h)
    z = (high - low) / math.sqrt(share * (1 - share) * (1 / n + 1 / m))
    return Outcome("two proportions", z, math.erfc(abs(z) / math.sqrt(2)), h)


def _fisher(a: int, b: int, n: int, m: int) -> float:
    """Give Fisher's exact p: the probability of all tables with these margins that are no likelier than this one."""

    def log_choose(total: int, part: int) -> float:
        return math.lgamma(total + 1) - math.lgamma(part + 1) - math.lgamma(total - part + 1)

    hits = a + b
    possible = range(max(0, hits - m), min(n, hits) + 1)
    logs = {k: log_choose(n, k) + log_choose(m, hits - k) - log_choose(n + m, hits) for k in possible}
    return min(1.0, sum(math.exp(value) for value in logs.values() if value <= logs[a] + _SAME))


def mann_whitney(first: Floats, second: Floats) -> Outcome | None:
    """Compare which sample has the larger values, by the Mann–Whitney U test; the effect is Cliff's delta.

    Normal approximation with corrections for ties and continuity. Delta is P(second > first) − P(second < first)
    (Cliff, 1993). None if all values are the same.
    """
    n, m = len(first), len(second)
    values, counts = np.unique(np.concatenate([first, second]), return_counts=True)
    if len(values) < 2:
        return None
    ends = np.cumsum(counts)
    ranks = ends - (counts - 1) / 2
    u = float(ranks[np.searchsorted(values, second)].sum()) - m * (m + 1) / 2
    ties = float((counts.astype(np.float64) ** 3 - counts).sum())
    spread = math.sqrt(n * m / 12 * ((n + m + 1) - ties / ((n + m) * (n + m - 1))))
    z = max(0.0, abs(u - n * m / 2) - 0.5) / spread
    return Outcome("Mann–Whitney", u, math.erfc(z / math.sqrt(2)), 2 * u / (n * m) - 1)


def kolmogorov_smirnov(first: Floats, second: Floats) -> Outcome | None:
    """Compare the whole distributions; statistic and effect are D, the largest distance of the two step functions.

    p by Kolmogorov's series with Stephens's correction (1970); with ties it is too large, never too small. None if all
    values are the same.
    """
    n, m = len(first), len(second)
    values = np.unique(np.concatenate([first, second]))
    if len(values) < 2:
        return None
    steps = [np.searchsorted(np.sort(sample), values, side="right") / len(sample) for sample in (first, second)]
    distance = float(np.abs(steps[0] - steps[1]).max())
    root = math.sqrt(n * m / (n + m))
    scaled = (root + 0.12 + 0.11 / root) * distance
    if scaled < 0.2:  # the series does not end there, and p is 1 to twelve places
        return Outcome("Kolmogorov–Smirnov", distance, 1.0, distance)
    p = 2 * sum((-1) ** (k - 1) * math.exp(-2 * (k * scaled) ** 2) for k in range(1, 101))
    return Outcome("Kolmogorov–Smirnov", distance, min(1.0, max(0.0, p)), distance)


def stability_index(first: Sequence[float], second: Sequence[float]) -> float:
    """Give the population stability index of counts (k,): Σ (q − p) ln(q / p), the symmetric Kullback–Leibler distance.

    Half a review is added to every cell, so that an empty one has a value. By custom below 0.1 is little, above 0.25
    much; of small samples it is large by chance, some (k − 1)(1/n + 1/m).
    """
    p, q = (np.asarray(counts, np.float64) + _PSI_CELL for counts in (first, second))
    p, q = p / p.sum(), q / q.sum()
    return float(((q - p) * np.log(q / p)).sum())


def stability_index_of_values(first: Floats, second: Floats) -> float:
    """Give the stability index of values, in ``PSI_BINS`` bins that hold equally many of the first sample."""
    edges = np.unique(np.quantile(first, np.linspace(0, 1, PSI_BINS + 1)[1:-1]))
    bins = [np.searchsorted(edges, sample, side="left") for sample in (first, second)]
    cells = [np.bincount(found, minlength=len(edges) + 1).tolist() for found in bins]
    return stability_index(cells[0], cells[1])


def benjamini_hochberg(values: Sequence[float]) -> list[float]:
    """Correct the p of many tests (Benjamini and Hochberg, 1995).

    Of those that stay below α, a share of α is false on average; where nothing has changed at all, some p stays below
    α with a probability of α.
    """
    p = np.asarray(values, np.float64)
    order = np.argsort(p)
    raised = p[order] * len(p) / np.arange(1, len(p) + 1)
    out = np.empty(len(p))
    out[order] = np.minimum(1.0, np.minimum.accumulate(raised[::-1])[::-1])
    return [float(value) for value in out]
