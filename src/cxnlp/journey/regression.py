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
    x = np.column_stack([np.ones(n), things[:, candidates]])  # (n, 1 + candidates)
    columns = _told_apart(x)
    kept = [int(candidates[place - 1]) for place in columns[1:]]
    x = x[:, columns]
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


def _told_apart(x: Floats) -> list[int]:
    """Give the columns of (n, 1 + k) that are no weighted sum of those given before; the constant is always one."""
    products = x.T @ x
    kept = [0]
    for i in range(1, x.shape[1]):
        beside = products[kept, i]
        rest = products[i, i] - beside @ np.linalg.solve(products[np.ix_(kept, kept)], beside)
        if rest > _ALIKE * products[i, i]:
            kept.append(i)
    return kept
