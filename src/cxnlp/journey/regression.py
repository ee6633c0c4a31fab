"""How far an outcome goes with each of several things that hold of a review, the others being equal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cxnlp.evaluation.intervals import Z95
from cxnlp.journey.frame import Bools, Floats

ENOUGH = 10
"""Reviews that must have a thing, and that must not, for it to be judged; and likewise the outcome."""
_ALIKE = 1e-9


@dataclass(frozen=True)
class Effect:
    """Difference of the outcome's share, and the standard error of that difference."""

    value: float
    error: float
    exposed: float
    """Share of the reviews that have the thing."""
    n: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval."""
        return self.value - Z95 * self.error, self.value + Z95 * self.error

    @property
    def weight(self) -> tuple[float, float, float]:
        """Exposed × value, and its 95 % interval by the delta method."""
        product = self.exposed * self.value
        error = np.hypot(self.exposed * self.error, self.value * np.sqrt(self.exposed * (1 - self.exposed) / self.n))
        return product, float(product - Z95 * error), float(product + Z95 * error)


def risk_differences(outcome: Bools, things: Bools) -> list[Effect | None]:
    """Give for each of k things (n, k) the difference that it makes to the share of ``outcome`` (n,).

    It is the least-squares regression of the outcome (0 or 1) on all things together, whose coefficients are
    differences of shares (Cheung 2007), with standard errors that hold whatever the variance of each review: HC3
    (MacKinnon and White 1985; Long and Ervin 2000). None for a thing that too few reviews have, or that cannot be told
    from those before it, and for all where too few reviews have the outcome.
    """
    n, k = things.shape
    counts = things.sum(axis=0)
    hits = int(outcome.sum())
    out: list[Effect | None] = [None] * k
    if min(hits, n - hits) < ENOUGH:
        return out
    candidates = [i for i in np.argsort(-counts, kind="stable") if ENOUGH <= counts[i] <= n - ENOUGH]
    kept = _told_apart(things, candidates)
    if not kept:
        return out
    x = np.column_stack([np.ones(n), things[:, kept]])  # (n, 1 + kept)
    inverse = np.linalg.inv(x.T @ x)
    y = outcome.astype(np.float64)
    coefficients = inverse @ (x.T @ y)
    leverage = np.einsum("ij,ij->i", x @ inverse, x)
    weighted = x * ((y - x @ coefficients) / np.maximum(1 - leverage, _ALIKE))[:, None]
    covariance = inverse @ (weighted.T @ weighted) @ inverse
    for place, i in enumerate(kept, 1):
        error = float(np.sqrt(max(0.0, covariance[place, place])))
        out[i] = Effect(float(coefficients[place]), error, float(counts[i] / n), n)
    return out


def _told_apart(things: Bools, candidates: list[int]) -> list[int]:
    """Keep, in this order, the columns that are no sum of those kept before (and a constant): Gram–Schmidt."""
    basis: list[Floats] = [np.full(len(things), len(things) ** -0.5)]
    kept = []
    for i in candidates:
        column = things[:, i].astype(np.float64)
        rest = column - sum((column @ b) * b for b in basis)
        size = float(rest @ rest)
        if size > _ALIKE * float(column @ column):
            kept.append(int(i))
            basis.append(rest / np.sqrt(size))
    return kept
