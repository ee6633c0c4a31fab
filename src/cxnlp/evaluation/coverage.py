"""Coverage against error: what is wrong among the reviews that are kept when the least certain are set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.evaluation.bootstrap import RESAMPLES
from cxnlp.evaluation.calibration import Judgements, judgements
from cxnlp.evaluation.compare import Comparison
from cxnlp.evaluation.figures import estimates
from cxnlp.evaluation.metrics import accuracy
from cxnlp.evaluation.report import Estimate
from cxnlp.evaluation.slices import languages_in_order, languages_of, slice_sums
from cxnlp.taxonomy import Kind, Taxonomy

COVERAGES = (100, 95, 90, 80, 70)
"""Per cent of reviews that are kept."""
_ERROR = "error"


@dataclass(frozen=True)
class Coverage:
    """The error of what is kept, of one facet."""

    facet: str
    kept_from: Mapping[str, float]
    """Per cent kept, such as ``95``, to the lowest probability that is kept."""
    error: Mapping[str, Mapping[str, Estimate]]
    """Per cent kept to slice (``all`` and languages) to the share of wrong labels."""


def coverages(
    taxonomy: Taxonomy,
    reviews: Sequence[Review],
    probs: npt.NDArray[np.float32],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Coverage]:
    """Sort reviews by the probability of their label in each ``one_of`` facet; give the error of the first so many.

    The order is one over all languages; of equal probabilities the earlier review goes first.
    """
    languages = languages_of(reviews)
    order = languages_in_order(taxonomy, languages)
    out = []
    for judged in judgements(taxonomy, reviews, probs):
        if taxonomy[judged.facet].kind is not Kind.ONE_OF or not len(judged.owner):
            continue
        ranked = np.argsort(-judged.confidence, kind="stable")
        kept = {str(per_cent): ranked[: max(1, round(len(ranked) * per_cent / 100))] for per_cent in COVERAGES}
        comparisons = [_kept(judged, rows, len(reviews)) for rows in kept.values()]
        sums = slice_sums(comparisons, languages, order, resamples, seed)
        found = [estimates(one, part.slices)[_ERROR] for one, part in zip(comparisons, sums, strict=True)]
        lowest = {name: float(judged.confidence[rows[-1]]) for name, rows in kept.items()}
        out.append(Coverage(judged.facet, lowest, dict(zip(kept, found, strict=True))))
    return out


def _kept(judged: Judgements, rows: npt.NDArray[np.int64], n: int) -> Comparison:
    """Count the errors of some judgements as if errors were hits, so that their share is an accuracy."""
    counts = np.zeros((n, 3, 1), np.float32)
    counts[judged.owner[rows], :, 0] = np.stack([~judged.right[rows], *[np.ones(len(rows))] * 2], axis=1)
    return Comparison(judged.facet, ("kept",), counts, counts[:, 2, 0] > 0, {_ERROR: accuracy}, None)
