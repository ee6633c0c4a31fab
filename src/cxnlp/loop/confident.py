"""Confident learning: which given labels a model that never saw them is sure are others.

Northcutt, Jiang & Chuang 2021, "Confident learning: estimating uncertainty in dataset labels". Written out here because
the reference implementation, cleanlab, is under the AGPL, and this package under the MIT licence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NONE = -1
"""Stands for "no other label"."""


@dataclass(frozen=True)
class Doubts:
    """What is doubted of m given labels."""

    suggested: Ints
    """(m,) the label that is likelier, ``NONE`` where the given one stands."""
    confidence: Floats
    """(m,) one minus the probability of the given label, by which doubted ones are ranked; 0 of those that stand."""


def doubts(probs: npt.NDArray[np.float32], given: Ints) -> Doubts:
    """Doubt given labels (m,) by the probabilities (m, k) of a model that was trained without them.

    Each label has a threshold: the mean probability that it has where it is given. A review is counted for the most
    probable of the labels that reach theirs; where that is not the given one, the given one is doubted. A label that is
    given nowhere is not suggested.
    """
    p = probs.astype(np.float64)
    m, k = p.shape
    if not m:
        return Doubts(np.zeros(0, np.int64), np.zeros(0))
    counts = np.bincount(given, minlength=k)
    own = p[np.arange(m), given]
    usual = np.bincount(given, own, minlength=k) / np.maximum(counts, 1)  # (k,)
    reached = (p >= usual) & (counts > 0)
    best = np.where(reached, p, -1.0).argmax(axis=1)
    suggested = np.where(reached.any(axis=1) & (best != given), best, NONE)
    return Doubts(suggested.astype(np.int64), np.where(suggested == NONE, 0.0, 1 - own))
