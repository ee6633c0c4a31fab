"""Whether probabilities mean what they say: reliability curves and the expected calibration error.

Judged are, by facet kind: the most probable label of ``one_of``; every label of ``any_of``, all pooled, as yes or no;
of a polarity, the most probable one of each label that gold has.

The expected calibration error (ECE; Naeini, Cooper & Hauskrecht 2015, AAAI; Guo et al. 2017, ICML) is the mean distance
of confidence from the share that is right, over bins weighted by what is in them. Bins hold equally many judgements
(Nguyen & O'Connor 2015, EMNLP), as bins of equal width leave most of them nearly empty and err more (Roelofs et al.
2022, AISTATS). There are 15, or fewer where less than 20 judgements would be in each; equal probabilities share a bin.

Bins are laid once, over all reviews. Then the error is a figure of sums over reviews like any other, with bootstrap
intervals over whole reviews. Chance alone makes it larger than 0, the more so the fewer the judgements, and so does
drawing again: an interval lies a little high. How large chance makes it is given beside it: what is to be expected of
a model whose every probability is true, on judgements with the same probabilities.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.evaluation import metrics
from cxnlp.evaluation.bootstrap import RESAMPLES, interval
from cxnlp.evaluation.compare import Comparison
from cxnlp.evaluation.figures import estimates
from cxnlp.evaluation.report import ALL, Estimate
from cxnlp.evaluation.slices import languages_in_order, languages_of, slice_sums
from cxnlp.taxonomy import Facet, Kind, Targets, Taxonomy, encode_labels

Floats = npt.NDArray[np.float64]

BINS = 15
MIN_IN_BIN = 20
ECE = "ece"


@dataclass(frozen=True)
class Bin:
    """Judgements of like confidence."""

    confidence: float
    """Their mean probability."""
    right: float
    """The share of them that is right, with its 95 % interval."""
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Calibration:
    """How far the probabilities of a facet can be taken at their word."""

    facet: str
    ece: Mapping[str, Estimate]
    """Slice (``all`` and languages) to error; ``gold`` is the number of judgements."""
    by_chance: Mapping[str, float]
    """Slice to the error that is to be expected of true probabilities, if the judgements were drawn each by itself."""
    bins: Sequence[Bin]


@dataclass(frozen=True)
class Judgements:
    """m single answers of a facet, each with its probability and whether it is right."""

    facet: str
    confidence: Floats
    right: npt.NDArray[np.bool_]
    owner: npt.NDArray[np.int64]
    """The row of the review that each belongs to."""


def expected_calibration_error(counts: metrics.Counts) -> Floats:
    """Give the error from counts (..., 3, bins): how many are right, the sum of confidences, how many there are."""
    right, confidence, number = (counts[..., i, :] for i in (metrics.HITS, metrics.PREDICTED, metrics.GOLD))
    total = number.sum(-1)
    out = np.full(np.shape(total), np.nan)
    np.divide(np.abs(right - confidence).sum(-1), total, out=out, where=total > 0)
    return out


def calibrations(
    taxonomy: Taxonomy,
    reviews: Sequence[Review],
    probs: npt.NDArray[np.float32],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Calibration]:
    """Give the calibration of every facet of which something is known, from the probabilities (n, l) of n reviews."""
    judged = [one for one in judgements(taxonomy, reviews, probs) if len(one.owner)]
    comparisons = [binned(one, len(reviews)) for one in judged]
    languages = languages_of(reviews)
    sums = slice_sums(comparisons, languages, languages_in_order(taxonomy, languages), resamples, seed)
    out = []
    for one, comparison, found in zip(judged, comparisons, sums, strict=True):
        counts = found.slices[ALL].counts  # (1 + resamples, 3, bins)
        ece = estimates(comparison, found.slices)[ECE]
        out.append(Calibration(one.facet, ece, _by_chance(one, languages, ece), _bins(counts)))
    return out


def judgements(taxonomy: Taxonomy, reviews: Sequence[Review], probs: npt.NDArray[np.float32]) -> list[Judgements]:
    """Give the single answers of every facet that gold labels can judge."""
    gold = encode_labels(taxonomy, [review.labels for review in reviews])
    return [_judgements(taxonomy, facet, gold, probs.astype(np.float64)) for facet in taxonomy.facets]


def _judgements(taxonomy: Taxonomy, facet: Facet, gold: Targets, probs: Floats) -> Judgements:
    where, choices = taxonomy.slices[facet.name], len(facet.labels)
    if facet.kind is Kind.ANY_OF:
        known = gold.mask[:, where] > 0  # (n, labels)
        return Judgements(facet.name, probs[:, where][known], gold.values[:, where][known] > 0, np.nonzero(known)[0])
    shape = (len(probs), -1, choices)  # one_of is one group of choices, a polarity one for each label that it is of
    groups, wanted = probs[:, where].reshape(shape), gold.values[:, where].reshape(shape) > 0
    known = np.asarray(wanted.any(axis=2), np.bool_)  # (n, groups)
    top = groups.argmax(axis=2)[..., None]
    right = np.take_along_axis(wanted, top, axis=2)[..., 0]
    return Judgements(facet.name, groups.max(axis=2)[known], right[known], np.nonzero(known)[0])


def _places(confidence: Floats) -> tuple[npt.NDArray[np.int64], int]:
    """Give the bin of each of m judgements (m,), and how many bins there are."""
    number = max(1, min(BINS, len(confidence) // MIN_IN_BIN))
    in_order = np.sort(confidence)
    edges = np.unique(in_order[[len(in_order) * i // number for i in range(1, number)]])
    return np.searchsorted(edges, confidence, side="right"), len(edges) + 1


def _by_chance(judged: Judgements, languages: npt.NDArray[np.str_], slices: Iterable[str]) -> dict[str, float]:
    """Give the mean distance of a sum of independent judgements, each right with its probability, from its mean.

    In a bin it is that of a normal distribution with the same variance.
    """
    which, n_bins = _places(judged.confidence)
    spoken = languages[judged.owner]
    found = {}
    for name in slices:
        rows = np.full(len(which), True) if name == ALL else spoken == name
        p = judged.confidence[rows]
        variances = np.bincount(which[rows], p * (1 - p), n_bins)
        found[name] = float(np.sqrt(2 * variances / np.pi).sum() / len(p)) if len(p) else math.nan
    return found


def binned(judged: Judgements, n: int) -> Comparison:
    """Lay judgements into bins; give what each of n reviews adds to them."""
    which, n_bins = _places(judged.confidence)
    counts = np.zeros((n, 3, n_bins), np.float32)
    for part, values in ((metrics.HITS, judged.right), (metrics.PREDICTED, judged.confidence), (metrics.GOLD, 1)):
        np.add.at(counts[:, part], (judged.owner, which), values)
    counted = np.zeros(n, np.bool_)
    counted[judged.owner] = True
    names = tuple(map(str, range(n_bins)))
    return Comparison(judged.facet, names, counts, counted, {ECE: expected_calibration_error}, None)


def _bins(counts: Floats) -> list[Bin]:
    right, confidence, number = (counts[:, i] for i in (metrics.HITS, metrics.PREDICTED, metrics.GOLD))
    share = np.full(right.shape, np.nan)
    np.divide(right, number, out=share, where=number > 0)  # (1 + resamples, bins)
    out = []
    for i in np.flatnonzero(number[0] > 0):  # ties can leave the lowest bin empty
        low, high = interval(share[1:, i])
        mean = float(confidence[0, i] / number[0, i])
        out.append(Bin(mean, float(share[0, i]), low, high, int(number[0, i])))
    return out
