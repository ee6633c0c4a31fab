"""Intervals in closed form: of a share, of the difference of two, of two means, and of a share counted with errors."""

from __future__ import annotations

import math
from statistics import NormalDist

Z95 = 1.959964
"""Of a 95 % interval."""
Interval = tuple[float, float]
_NOTHING = (math.nan, math.nan)


def z_for(comparisons: int, level: float = 0.95) -> float:
    """Give the quantile with which that many intervals *together* hold with this probability (Bonferroni)."""
    return NormalDist().inv_cdf(1 - (1 - level) / 2 / max(1, comparisons))


def wilson(hits: float, n: float, z: float = Z95) -> Interval:
    """Give the interval of a share (Wilson 1927), which also holds near 0 and 1; NaN of nothing."""
    if n <= 0:
        return _NOTHING
    p = hits / n
    centre = p + z**2 / (2 * n)
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n * n))
    low, high = (centre - half) / (1 + z**2 / n), (centre + half) / (1 + z**2 / n)
    # At the ends the exact bounds are 0 and 1; rounding may pass them.
    return (0.0 if hits == 0 else low), (1.0 if hits == n else high)


def share_difference(before: tuple[int, int], after: tuple[int, int], z: float = Z95) -> Interval:
    """Give the interval of the second share less the first, each (hits, n): the hybrid score interval, Newcombe 1998.

    NaN where either is of nothing.
    """
    if before[1] <= 0 or after[1] <= 0:
        return _NOTHING
    p, q = before[0] / before[1], after[0] / after[1]
    (low_p, high_p), (low_q, high_q) = wilson(*before, z), wilson(*after, z)
    low = q - p - math.hypot(q - low_q, high_p - p)
    return low, q - p + math.hypot(high_q - q, p - low_p)


def student(freedom: float, z: float = Z95) -> float:
    """Give Student's quantile that belongs to the normal one: the expansion of Cornish and Fisher, to 1/freedom³.

    From nine degrees of freedom on it is right to three decimals.
    """
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3


def welch(first: tuple[float, float, int], second: tuple[float, float, int], z: float = Z95) -> Interval:
    """Give the interval of the second mean less the first, each (mean, variance, n ≥ 2) (Welch 1947)."""
    a, b = first[1] / first[2], second[1] / second[2]
    difference, error = second[0] - first[0], a + b
    if error == 0:
        return difference, difference
    freedom = error**2 / (a**2 / (first[2] - 1) + b**2 / (second[2] - 1))
    half = student(freedom, z) * math.sqrt(error)
    return difference - half, difference + half


def corrected_share(
    said: tuple[int, int], found: tuple[int, int], refused: tuple[int, int], z: float = Z95
) -> tuple[float, float, float]:
    """Give a share as it would be without the counter's errors, and its interval.

    ``said`` is (reviews given the label, reviews); on an evaluation set ``found`` is (those given it, those that have
    it) and ``refused`` (those not given it, those that do not have it). The estimate is that of Rogan and Gladen
    (1978), held between 0 and 1; the interval that of Lang and Reiczigel (2014), which widens with the uncertainty of
    both rates of error. NaN where the label is given no more often to reviews that have it than to the others.
    """
    if 0 in (said[1], found[1], refused[1]):
        return math.nan, math.nan, math.nan
    youden = found[0] / found[1] + refused[0] / refused[1] - 1
    if youden <= 0:
        return math.nan, math.nan, math.nan
    value = (said[0] / said[1] + refused[0] / refused[1] - 1) / youden
    n, n_found, n_refused = said[1] + z**2, found[1] + 2, refused[1] + 2
    p, se, sp = (said[0] + z**2 / 2) / n, (found[0] + 1) / n_found, (refused[0] + 1) / n_refused
    youden = se + sp - 1
    if youden <= 0:  # so few reviews that smoothing turns the rates round: nothing can be said
        return math.nan, math.nan, math.nan
    centre = (p + sp - 1) / youden
    of_se, of_sp = se * (1 - se) / n_found, sp * (1 - sp) / n_refused
    shift = 2 * z**2 * (centre * of_se - (1 - centre) * of_sp)
    half = z * math.sqrt(p * (1 - p) / n + centre**2 * of_se + (1 - centre) ** 2 * of_sp) / abs(youden)
    return _held(value), _held(centre + shift - half), _held(centre + shift + half)


def _held(share: float) -> float:
    return min(1.0, max(0.0, share))
