"""Learn on development reviews how far the model's probabilities are too sure or too timid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.evaluation.choice import MIN_LABELLED, fit_choice, newton
from cxnlp.taxonomy import (
    Facet,
    Kind,
    Targets,
    Taxonomy,
    encode_labels,
    log_odds,
    log_probabilities,
    scale_probabilities,
)  # fmt: skip

Floats32 = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.bool_]

FOLDS = 10
# A label's own scale and shift are drawn to those of its facet as if so many observations had them.
_PRIOR = 20.0
_LEAST_SCALE = 0.05


def fit_scaling(
    taxonomy: Taxonomy, probs: Floats32, reviews: Sequence[Review], as_before: float = 0
) -> dict[str, dict[str, tuple[float, float]]]:
    """Choose the scaling under which the gold labels of n reviews are most likely.

    A softmax facet gets one scale, and shifts where they do good (``choice.py``). The labels of an ``any_of`` facet get
    a scale and a shift in common, then each its own, drawn towards the common ones the more, the fewer reviews have the
    label.

    Args:
        taxonomy: of the probabilities.
        probs: (n, l) probabilities as the network gives them.
        reviews: n labelled reviews; one that lacks a facet does not count for it.
        as_before: probabilities are drawn to what they were as if so many reviews more had turned out as they say.
    """
    return _fit(taxonomy, probs, encode_labels(taxonomy, [review.labels for review in reviews]), as_before)


def few_labelled(taxonomy: Taxonomy, reviews: Sequence[Review]) -> list[str]:
    """Name the facets that n reviews have too few gold labels of for a scaling."""
    values = encode_labels(taxonomy, [review.labels for review in reviews]).values
    return [one.name for one in taxonomy.facets if (values[:, taxonomy.slices[one.name]] > 0).sum() < MIN_LABELLED]


def cross_fitted(
    taxonomy: Taxonomy, probs: Floats32, reviews: Sequence[Review], as_before: float = 0, folds: int = FOLDS
) -> Floats32:
    """Scale probabilities (n, l) such that no review took part in learning its own scaling."""
    out = np.array(probs, np.float32)
    targets = encode_labels(taxonomy, [review.labels for review in reviews])
    fold = np.arange(len(probs)) % folds
    for one in range(folds):
        rest, held = fold != one, fold == one
        if held.any() and rest.any():
            learnt = Targets(targets.values[rest], targets.mask[rest], targets.main[rest])
            out[held] = scale_probabilities(taxonomy, probs[held], _fit(taxonomy, probs[rest], learnt, as_before))
    return out


def _fit(
    taxonomy: Taxonomy, probs: Floats32, targets: Targets, as_before: float
) -> dict[str, dict[str, tuple[float, float]]]:
    scaling: dict[str, dict[str, tuple[float, float]]] = {}
    for facet in taxonomy.facets:
        where = taxonomy.slices[facet.name]
        part, gold, known = probs[:, where], targets.values[:, where] > 0, targets.mask[:, where] > 0
        if gold.sum() < MIN_LABELLED:
            continue
        fit = _platt if facet.kind is Kind.ANY_OF else _choice
        scaling[facet.name] = fit(facet, part, gold, known, as_before)
    return scaling


def _choice(facet: Facet, probs: Floats32, gold: Bits, known: Bits, as_before: float) -> dict[str, tuple[float, float]]:
    k = len(facet.labels)
    of_gold = gold.reshape(len(gold), -1, k)
    judged = of_gold.any(axis=2) & known.reshape(of_gold.shape)[..., 0]  # (n, groups)
    logits = log_probabilities(probs).reshape(of_gold.shape)[judged]
    scale, shifts = fit_choice(logits, of_gold[judged].argmax(axis=1), np.nonzero(judged)[0], as_before)
    return {label: (round(scale, 4), round(float(shift), 4)) for label, shift in zip(facet.labels, shifts, strict=True)}


def _platt(facet: Facet, probs: Floats32, gold: Bits, known: Bits, as_before: float) -> dict[str, tuple[float, float]]:
    logits = log_odds(probs)
    start = np.array([1.0, 0.0])
    share = as_before / max(known.any(axis=1).sum(), 1)
    said = (gold + share * probs) / (1 + share)  # (n, labels)
    common = _logistic(logits[known], said[known], start, 1.0, 1 + share)
    fitted = {}
    for i, label in enumerate(facet.labels):
        rows = known[:, i]
        # What a model is known to say of the main label is not turned round on the way.
        alone = gold[rows, i].any() and not (as_before and facet.main)
        own = _logistic(logits[rows, i], said[rows, i], common, _PRIOR, 1 + share) if alone else common
        fitted[label] = (round(float(own[0]), 4), round(float(own[1]), 4))
    return fitted


def _logistic(x: Floats, y: Floats, centre: Floats, weight: float, each: float) -> Floats:
    """Give the scale and shift of a logistic regression of ``y`` on ``x`` that a normal prior draws to ``centre``.

    Each observation counts ``each`` times. The scale stays above zero: a higher probability never comes to mean less.
    """
    design = np.stack([x, np.ones_like(x)], axis=1)  # (m, 2)
    # In the units of x, so that the prior weighs the same whatever the logits' size.
    precision = weight * np.diag([float(np.mean(x**2)) * 0.05, 0.05])

    def loss(beta: Floats) -> float:
        z, away = design @ beta, beta - centre
        return float(each * (np.logaddexp(0, z) - y * z).sum() + away @ precision @ away / 2)

    def slopes(beta: Floats) -> tuple[Floats, Floats]:
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -60, 60)))
        gradient = each * design.T @ (p - y) + precision @ (beta - centre)
        return gradient, each * design.T @ (design * (p * (1 - p))[:, None]) + precision

    return newton(centre, loss, slopes, (_LEAST_SCALE, np.inf))
