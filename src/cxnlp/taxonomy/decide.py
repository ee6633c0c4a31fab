"""The only place that turns logits into probabilities, and probabilities into labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cxnlp.taxonomy.facets import Facet, FacetValue, Kind, Taxonomy
from cxnlp.taxonomy.scaling import log_odds

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Thresholds = Mapping[str, Mapping[str, float]]
"""Facet to label to the probability from which the label is given."""


@dataclass(frozen=True)
class Cutoffs:
    """From which probability a label is given, and below which a person should look."""

    thresholds: Thresholds
    review: Mapping[str, float] = field(default_factory=dict)
    """Facet to the probability of its first label under which a review is marked; facets without one never are."""
    main: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Facet to label to what is added to its log-odds before the label with the most is the main one; facets without
    any take the most probable label. Some labels are rarely what a review is about, though it often touches on them."""


def default_thresholds(taxonomy: Taxonomy, value: float = 0.5) -> dict[str, dict[str, float]]:
    """Give every label of every ``any_of`` facet the same threshold."""
    return {f.name: dict.fromkeys(f.labels, value) for f in taxonomy.facets if f.kind is Kind.ANY_OF}


def probabilities(taxonomy: Taxonomy, logits: Floats) -> Floats:
    """Turn logits (n, l) into probabilities (n, l): softmax or sigmoid, as each facet's kind asks."""
    out = np.empty_like(logits, dtype=np.float32)
    for facet in taxonomy.facets:
        where = taxonomy.slices[facet.name]
        block = logits[:, where].astype(np.float64)  # (n, labels of the facet)
        if facet.kind is Kind.ANY_OF:
            out[:, where] = 1 / (1 + np.exp(-np.clip(block, -60, 60)))
            continue
        choices = len(facet.labels)
        groups = block.reshape(
            len(logits), block.shape[1] // choices, choices
        )  # n, labels of the other facet or 1, choices
        exp = np.exp(groups - groups.max(axis=2, keepdims=True))
        out[:, where] = (exp / exp.sum(axis=2, keepdims=True)).reshape(block.shape)
    return out


def first_labels(facet: Facet, probs: Floats, cutoffs: Cutoffs) -> tuple[Ints, Floats]:
    """Give the label (n,) that stands first of each review, by its place, and its probability (n,).

    It is the main label, where the facet has one, and otherwise the most probable; ``probs`` (n, labels) are those of
    the facet.
    """
    rank: npt.NDArray[np.float32 | np.float64] = probs
    if facet.main and facet.name in cutoffs.main:
        shifted = log_odds(probs) + [cutoffs.main[facet.name][label] for label in facet.labels]
        rank = np.where(probs > 0, shifted, -np.inf)  # 0 is of labels that may not be given
    first = rank.argmax(axis=1)
    return first, probs[np.arange(len(probs)), first]


def decide(taxonomy: Taxonomy, probs: Floats, cutoffs: Cutoffs) -> list[dict[str, FacetValue]]:
    """Turn probabilities (n, l) into one record of labels per review: the main label first, then the most probable."""
    columns = {facet.name: probs[:, taxonomy.slices[facet.name]] for facet in taxonomy.facets}
    limits = {
        facet.name: np.array([cutoffs.thresholds[facet.name][label] for label in facet.labels], np.float32)
        for facet in taxonomy.facets
        if facet.kind is Kind.ANY_OF
    }
    firsts = {facet.name: first_labels(facet, columns[facet.name], cutoffs)[0] for facet in taxonomy.answers}
    return [
        _decide_one(
            taxonomy, {k: v[row] for k, v in columns.items()}, limits, {k: int(v[row]) for k, v in firsts.items()}
        )
        for row in range(len(probs))
    ]


def _decide_one(
    taxonomy: Taxonomy, row: Mapping[str, Floats], limits: Mapping[str, Floats], firsts: Mapping[str, int]
) -> dict[str, FacetValue]:
    labels: dict[str, FacetValue] = {}
    for facet in taxonomy.answers:
        p, best = row[facet.name], firsts[facet.name]
        if facet.kind is Kind.ONE_OF:
            labels[facet.name] = facet.labels[best]
            continue
        order = [int(i) for i in np.argsort(-p, kind="stable") if p[i] >= limits[facet.name][i]]
        if facet.main:  # there is always a main label, whatever the thresholds say
            order = [best, *(i for i in order if i != best)]
        polarity = taxonomy.polarity_of.get(facet.name)
        if polarity is None:
            labels[facet.name] = tuple(facet.labels[i] for i in order)
        else:
            choices = row[polarity.name].reshape(len(facet.labels), -1).argmax(axis=1)
            labels[facet.name] = {facet.labels[i]: polarity.labels[int(choices[i])] for i in order}
    return labels


def uncertain(taxonomy: Taxonomy, probs: Floats, cutoffs: Cutoffs) -> npt.NDArray[np.bool_]:
    """Tell which reviews (n, l) lie below a cutoff of ``review`` with the first label of its facet."""
    below = np.zeros(len(probs), np.bool_)
    for name, cutoff in cutoffs.review.items():
        below |= first_labels(taxonomy[name], probs[:, taxonomy.slices[name]], cutoffs)[1] < cutoff
    return below
