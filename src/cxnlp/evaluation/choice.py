"""Regression of labels that exclude each other on what a network says of them: one scale, and a shift for each label.

It is vector scaling (Guo et al. 2017, "On Calibration of Modern Neural Networks") with one scale in common. The shifts
change which label wins, so they are learnt only where that does good on reviews they were not learnt on.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MIN_LABELLED = 30
"""Of fewer gold labels a facet's scaling is not learnt, and nor is its main label: they stay as they are."""
# Shifts are drawn to 0 as if by so many observations.
_PRIOR = 5.0
_SCALES = (0.25, 4.0)
_FOLDS, _ERRORS = 5, 2.0
_STEPS, _HALVINGS = 50, 30


def fit_choice(logits: Floats, right: Ints, owner: Ints, as_before: float = 0) -> tuple[float, Floats]:
    """Learn the scale and the shifts (k,) under which the right labels are most likely.

    The shifts are 0 unless the right labels are clearly more likely with them (by two standard errors) on fifths of the
    reviews that took no part in learning.

    Args:
        logits: (m, k), up to a constant a row.
        right: (m,) the label that is right of each.
        owner: (m,) the review that each belongs to.
        as_before: scale and shifts are drawn to 1 and 0 as if so many reviews more had turned out as the logits say.
    """
    share = as_before / max(len(np.unique(owner)), 1)
    return _fit(logits, right, share, shifted=_shifts_help(logits, right, owner, share))


def _shifts_help(logits: Floats, right: Ints, owner: Ints, share: float) -> bool:
    fold = np.unique(owner, return_inverse=True)[1] % _FOLDS  # whatever reviews know nothing of it
    gained = np.zeros(len(logits))  # in log-likelihood
    for one in range(_FOLDS):
        rest, held = fold != one, fold == one
        if not rest.any():
            return False
        for shifted, sign in ((True, 1), (False, -1)):
            scale, shifts = _fit(logits[rest], right[rest], share, shifted=shifted)
            z = logits[held] * scale + shifts
            gained[held] += sign * (z[np.arange(len(z)), right[held]] - np.logaddexp.reduce(z, axis=1))
    return float(gained.sum()) > _ERRORS * float(gained.std() * np.sqrt(len(gained)))


def _fit(logits: Floats, right: Ints, share: float, *, shifted: bool) -> tuple[float, Floats]:
    k = logits.shape[1]
    x = logits - logits.max(axis=1, keepdims=True)
    as_said = np.exp(x - np.logaddexp.reduce(x, axis=1, keepdims=True))
    chosen = np.eye(k)[right] + share * as_said  # (m, k), each row 1 + share in all
    free = 1 + k if shifted else 1

    def loss(beta: Floats) -> float:
        z = x * beta[0] + beta[1:]
        unlikely = (1 + share) * np.logaddexp.reduce(z, axis=1).sum() - (chosen * z).sum()
        return float(unlikely + _PRIOR * beta[1:] @ beta[1:] / 2)

    def slopes(beta: Floats) -> tuple[Floats, Floats]:
        z = x * beta[0] + beta[1:]
        one = np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True))
        p = (1 + share) * one
        gradient = np.concatenate([[((p - chosen) * x).sum()], (p - chosen).sum(axis=0) + _PRIOR * beta[1:]])
        mean = (one * x).sum(axis=1, keepdims=True)
        hessian = np.zeros((1 + k, 1 + k))
        hessian[0, 0] = (p * (x - mean) ** 2).sum() + 1e-6
        hessian[0, 1:] = hessian[1:, 0] = (p * (x - mean)).sum(axis=0)
        hessian[1:, 1:] = np.diag(p.sum(axis=0) + _PRIOR) - p.T @ one
        return gradient[:free], hessian[:free, :free]

    beta = newton(np.concatenate([[1.0], np.zeros(k)]), loss, slopes, _SCALES)
    return float(beta[0]), beta[1:]


def newton(
    start: Floats,
    loss: Callable[[Floats], float],
    slopes: Callable[[Floats], tuple[Floats, Floats]],
    limits: tuple[float, float],
) -> Floats:
    """Minimise a convex loss by Newton's method, with steps halved until they do good.

    ``slopes`` gives gradient and Hessian of the first coefficients, the others stay; the first of all keeps within
    ``limits``. At a limit that the gradient pushes it against it stays, and the others go on without it.
    """
    beta, now = start.copy(), loss(start)
    for _ in range(_STEPS):
        gradient, hessian = slopes(beta)
        pushed = gradient[0] > 0 if beta[0] <= limits[0] else gradient[0] < 0 if beta[0] >= limits[1] else False
        first = 1 if pushed else 0
        step = np.zeros_like(beta)
        if first == len(gradient):
            break
        step[first : len(gradient)] = np.linalg.solve(hessian[first:, first:], gradient[first:])
        for _ in range(_HALVINGS):
            tried = beta - step
            tried[0] = np.clip(tried[0], *limits)
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
