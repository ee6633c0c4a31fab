"""Coefficients of agreement, from sums over units, so that a bootstrap needs only new sums.

- Krippendorff's alpha (Krippendorff 2011, *Computing Krippendorff's Alpha-Reliability*; 2004, *Content Analysis*,
  chapter 11): any number of annotators, any of whom may have left a unit out.
- Cohen's kappa (Cohen 1960, *Educational and Psychological Measurement* 20) of two annotators; with a distance other
  than 0 and 1 it is his weighted kappa (Cohen 1968, *Psychological Bulletin* 70).
- The distance of two sets of labels is MASI (Passonneau 2006, LREC): sets that share labels, and above all sets of
  which one lies within the other, are closer than sets that have nothing in common.

Codes have the shape (n units, annotators): which of v values each annotator gave, -1 where none. Distances are (v, v),
between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_DISAGREEMENT, _WEIGHT, _COUNTS = 0, 1, 2
"""Columns of the sums; the counts of values begin at the third."""


def nominal(n_values: int) -> Floats:
    """Distances (v, v) of values that are either the same or not."""
    return 1.0 - np.eye(n_values)


def masi(values: Sequence[frozenset[str]]) -> Floats:
    """MASI distances (v, v) of sets of labels; two empty sets are the same."""
    return np.array([[_masi(a, b) for b in values] for a in values], np.float64).reshape(len(values), len(values))


def _masi(a: frozenset[str], b: frozenset[str]) -> float:
    if a == b:
        return 0.0
    shared = len(a & b)
    monotonicity = 2 / 3 if a < b or b < a else 1 / 3
    return 1 - monotonicity * shared / len(a | b)


def alpha_sums(codes: Codes, distances: Floats) -> Floats:
    """What each unit adds to alpha: (n, 2 + v). A unit that only one annotator answered adds nothing."""
    n_values = len(distances)
    given = codes >= 0
    m = given.sum(axis=1)
    counts = np.stack([(codes == value).sum(axis=1) for value in range(n_values)], axis=1).astype(np.float64)
    apart = np.einsum("nv,vw,nw->n", counts, distances, counts, optimize=True)  # over ordered pairs of annotators
    pairable = m >= 2
    sums = np.zeros((len(codes), _COUNTS + n_values))
    sums[pairable, _DISAGREEMENT] = apart[pairable] / (m[pairable] - 1)
    sums[pairable, _WEIGHT] = m[pairable]
    sums[pairable, _COUNTS:] = counts[pairable]
    return sums


def alpha(sums: Floats, distances: Floats) -> Floats:
    """Krippendorff's alpha of sums (..., 2 + v); NaN where all values are the same, or nothing can be paired."""
    n, counts = sums[..., _WEIGHT], sums[..., _COUNTS:]
    expected = ((counts @ distances) * counts).sum(-1)
    return _one_less_ratio(sums[..., _DISAGREEMENT] * (n - 1), expected)


def kappa_sums(first: npt.NDArray[np.int64], second: npt.NDArray[np.int64], distances: Floats) -> Floats:
    """What each unit adds to kappa: (n, 2 + 2 v), nothing where one of the two annotators left it out."""
    both = (first >= 0) & (second >= 0)
    values = np.arange(len(distances))
    sums = np.concatenate(
        [
            np.where(both, distances[first, second], 0)[:, None],
            np.ones((len(first), 1)),
            first[:, None] == values,
            second[:, None] == values,
        ],
        axis=1,
    ).astype(np.float64)
    return np.asarray(sums * both[:, None], np.float64)


def kappa(sums: Floats, distances: Floats) -> Floats:
    """Cohen's kappa of sums (..., 2 + 2 v); NaN where both always gave the same one value, or nothing is shared."""
    n, counts = sums[..., _WEIGHT], sums[..., _COUNTS:]
    first, second = counts[..., : len(distances)], counts[..., len(distances) :]
    expected = ((first @ distances) * second).sum(-1)
    return _one_less_ratio(sums[..., _DISAGREEMENT] * n, expected)


def raw_sums(codes: Codes) -> Floats:
    """Pairs of annotators that gave the same value to a unit, and pairs that gave any: (n, 2)."""
    n_annotators = codes.shape[1]
    sums = np.zeros((len(codes), 2))
    for i in range(n_annotators):
        for j in range(i + 1, n_annotators):
            both = (codes[:, i] >= 0) & (codes[:, j] >= 0)
            sums[:, 0] += both & (codes[:, i] == codes[:, j])
            sums[:, 1] += both
    return sums


def raw(sums: Floats) -> Floats:
    """Share of pairs that agree, of sums (..., 2); NaN where there is no pair."""
    return 1 - _one_less_ratio(sums[..., 0], sums[..., 1])


def _one_less_ratio(part: Floats, whole: Floats) -> Floats:
    out = np.full(np.shape(whole), np.nan)
    np.divide(part, whole, out=out, where=np.asarray(whole) > 0)
    return 1 - out
