"""Learn on development reviews how far the model's probabilities are too sure or too timid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.taxonomy import Facet, Kind, Targets, Taxonomy, encode_labels, scale_probabilities
from cxnlp.taxonomy.scaling import log_odds, log_probabilities

Floats32 = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.bool_]

FOLDS = 10
MIN_LABELLED = 30
"""Of fewer gold labels a facet's scaling is not learnt: it stays as the network gives it."""
# A label's own scale and shift are drawn to those of its facet as if so many observations had them.
_PRIOR = 20.0
_TEMPERATURES = np.exp(np.linspace(np.log(0.25), np.log(4), 401))
_STEPS, _HALVINGS = 50, 30
_LEAST_SCALE = 0.05


def fit_scaling(
    taxonomy: Taxonomy, probs: Floats32, reviews: Sequence[Review]
) -> dict[str, dict[str, tuple[float, float]]]:
    """Choose the scaling under which the gold labels of n reviews are most likely.

    A softmax facet gets one temperature. The labels of an ``any_of`` facet get a scale and a shift in common, then
    each its own, drawn towards the common ones the more, the fewer reviews have the label; with a main label it stays
    at those in common.

    Args:
        taxonomy: of the probabilities.
        probs: (n, l) probabilities as the network gives them.
        reviews: n labelled reviews; one that lacks a facet does not count for it.
    """
    return _fit(taxonomy, probs, encode_labels(taxonomy, [review.labels for review in reviews]))


def few_labelled(taxonomy: Taxonomy, reviews: Sequence[Review]) -> list[str]:
    """Name the facets that n reviews have too few gold labels of for a scaling."""
    values = encode_labels(taxonomy, [review.labels for review in reviews]).values
    return [one.name for one in taxonomy.facets if (values[:, taxonomy.slices[one.name]] > 0).sum() < MIN_LABELLED]


def cross_fitted(taxonomy: Taxonomy, probs: Floats32, reviews: Sequence[Review], folds: int = FOLDS) -> Floats32:
    """Scale probabilities (n, l) such that no review took part in learning its own scaling."""
    out = np.array(probs, np.float32)
    targets = encode_labels(taxonomy, [review.labels for review in reviews])
    fold = np.arange(len(probs)) % folds
    for one in range(folds):
        rest, held = fold != one, fold == one
        if held.any() and rest.any():
            learnt = Targets(targets.values[rest], targets.mask[rest], targets.main[rest])
            out[held] = scale_probabilities(taxonomy, probs[held], _fit(taxonomy, probs[rest], learnt))
    return out


def _fit(taxonomy: Taxonomy, probs: Floats32, targets: Targets) -> dict[str, dict[str, tuple[float, float]]]:
    scaling: dict[str, dict[str, tuple[float, float]]] = {}
    for facet in taxonomy.facets:
        where = taxonomy.slices[facet.name]
        part, gold, known = probs[:, where], targets.values[:, where] > 0, targets.mask[:, where] > 0
        if gold.sum() < MIN_LABELLED:
            continue
        fit = _platt if facet.kind is Kind.ANY_OF else _temperature
        scaling[facet.name] = fit(facet, part, gold, known)
    return scaling


def _temperature(facet: Facet, probs: Floats32, gold: Bits, known: Bits) -> dict[str, tuple[float, float]]:
    k = len(facet.labels)
    of_gold = gold.reshape(-1, k)
    judged = of_gold.any(axis=1) & known.reshape(-1, k)[:, 0]
    logits, right = log_probabilities(probs).reshape(-1, k)[judged], of_gold[judged]
    losses = []
    for temperature in _TEMPERATURES:
        z = logits / temperature
        z = z - z.max(axis=1, keepdims=True)
        losses.append(float((np.log(np.exp(z).sum(axis=1)) - z[right]).mean()))
    scale = round(float(1 / _TEMPERATURES[int(np.argmin(losses))]), 4)
    return {label: (scale, 0.0) for label in facet.labels}


def _platt(facet: Facet, probs: Floats32, gold: Bits, known: Bits) -> dict[str, tuple[float, float]]:
    logits = log_odds(probs)
    start = np.array([1.0, 0.0])
    common = _logistic(logits[known], gold[known], start, 1.0)
    fitted = {}
    for i, label in enumerate(facet.labels):
        rows = known[:, i]
        # The main label is the most probable one: labels of such a facet must keep their order.
        alone = not facet.main and gold[rows, i].any()
        own = _logistic(logits[rows, i], gold[rows, i], common, _PRIOR) if alone else common
        fitted[label] = (round(float(own[0]), 4), round(float(own[1]), 4))
    return fitted


def _logistic(x: Floats, y: Bits, centre: Floats, weight: float) -> Floats:
    """Give the scale and shift of a logistic regression of ``y`` on ``x`` that a normal prior draws to ``centre``.

    Newton's method, with steps halved until they do good. The scale stays above zero: a higher probability never comes
    to mean less.
    """
    design = np.stack([x, np.ones_like(x)], axis=1)  # (m, 2)
    # In the units of x, so that the prior weighs the same whatever the logits' size.
    precision = weight * np.diag([float(np.mean(x**2)) * 0.05, 0.05])

    def loss(beta: Floats) -> float:
        z, away = design @ beta, beta - centre
        return float((np.logaddexp(0, z) - y * z).sum() + away @ precision @ away / 2)

    beta, now = centre.copy(), loss(centre)
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(design @ beta, -60, 60)))
        gradient = design.T @ (p - y) + precision @ (beta - centre)
        hessian = design.T @ (design * (p * (1 - p))[:, None]) + precision
        step = np.linalg.solve(hessian, gradient)
        for _ in range(_HALVINGS):
            tried = np.array([max(beta[0] - step[0], _LEAST_SCALE), beta[1] - step[1]])
            if (then := loss(tried)) <= now:
                break
            step = step / 2
        else:
            break
        done = np.abs(tried - beta).max() < 1e-8
        beta, now = tried, then
        if done:
            break
    return beta
