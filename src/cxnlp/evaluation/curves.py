"""Precision against recall of single labels, as their threshold moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.taxonomy import Kind, Taxonomy, Thresholds, encode_labels

LEVELS = 60
"""Levels of recall, evenly laid, at which points of a curve are kept."""


@dataclass(frozen=True)
class Curve:
    """One label of an ``any_of`` facet. A main label is given whatever its threshold says; here the threshold rules."""

    facet: str
    label: str
    support: int
    """Reviews with the label."""
    average_precision: float
    """Sum of precision times the rise in recall, over all thresholds."""
    threshold: float
    precision: float
    """At the model's threshold; NaN where nothing reaches it."""
    recall: float
    points: Sequence[tuple[float, float]]
    """Recall and precision, recall rising."""


def curves(
    taxonomy: Taxonomy, reviews: Sequence[Review], probs: npt.NDArray[np.float32], thresholds: Thresholds
) -> list[Curve]:
    """Give the curve of every label of every ``any_of`` facet that at least one review has."""
    targets = encode_labels(taxonomy, [review.labels for review in reviews])
    out = []
    for facet in taxonomy.facets:
        if facet.kind is not Kind.ANY_OF:
            continue
        where = taxonomy.slices[facet.name]
        known = targets.mask[:, where.start] > 0
        gold, scores = targets.values[known, where] > 0, probs[known, where]  # (m, labels)
        out += [
            _curve(facet.name, label, gold[:, i], scores[:, i], thresholds[facet.name][label])
            for i, label in enumerate(facet.labels)
            if gold[:, i].any()
        ]
    return out


def _curve(
    facet: str, label: str, gold: npt.NDArray[np.bool_], scores: npt.NDArray[np.float32], threshold: float
) -> Curve:
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # the last of each run of equal scores
    hits = np.cumsum(gold[order])[ends]
    precision, recall = hits / (ends + 1), hits / gold.sum()
    average = float((np.diff(recall, prepend=0) * precision).sum())
    given = scores >= np.float32(threshold)
    right = int((given & gold).sum())
    levels = np.linspace(recall[0], 1, LEVELS)
    first = np.searchsorted(recall, levels, side="left")
    after = np.searchsorted(recall, recall[first], side="right")
    # Where precision falls at the same recall; but not at the end, where at last everything is given.
    last = after[after < len(recall)] - 1
    reached = np.flatnonzero(ranked[ends] >= np.float32(threshold))[-1:]  # so that the threshold lies on the line
    picked = np.unique(np.concatenate([first, last, reached]))
    return Curve(
        facet=facet,
        label=label,
        support=int(gold.sum()),
        average_precision=average,
        threshold=float(threshold),
        precision=right / int(given.sum()) if given.any() else float("nan"),
        recall=right / int(gold.sum()),
        points=[(float(recall[i]), float(precision[i])) for i in picked],
    )
