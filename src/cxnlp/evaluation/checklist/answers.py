"""What a model says of a text, as the expectations want it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.inference.prediction import has_score
from cxnlp.taxonomy import Cutoffs, FacetValue, Taxonomy, decide


@dataclass(frozen=True)
class Answer:
    """The labels of one text, and how far it leans to the positive."""

    labels: Mapping[str, FacetValue]
    scores: Mapping[str, float]
    """P(positive) − P(negative) of each facet that has these labels."""
    finite: bool = True
    """Whether every probability is a number; of another answer nothing else can be believed."""


def answers_of(taxonomy: Taxonomy, probs: npt.NDArray[np.float32], cutoffs: Cutoffs) -> list[Answer]:
    """Decide n texts by their probabilities (n, l)."""
    finite = np.asarray(np.isfinite(probs).all(axis=1), np.bool_)
    probs = np.nan_to_num(probs)
    decided = decide(taxonomy, probs, cutoffs)
    scored = {facet.name: facet for facet in taxonomy.answers if has_score(facet)}
    out = []
    for row, labels in enumerate(decided):
        scores = {}
        for name, facet in scored.items():
            block = probs[row, taxonomy.slices[name]]
            scores[name] = float(block[facet.labels.index("positive")] - block[facet.labels.index("negative")])
        out.append(Answer(labels, scores, bool(finite[row])))
    return out
