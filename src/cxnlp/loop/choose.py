"""Which reviews to label next.

One function is made as large as a budget allows. It adds up what a set of chosen reviews S is worth:

- to each cluster of like texts, the square root of the uncertainty of those chosen from it, so that ten uncertain
  reviews of one kind are worth less than ten of ten kinds;
- to each label, the square root of how many reviews have it: those labelled already, and those in S by the model's
  probability, so that a label with three reviews is worth more than one with three hundred;
- to each language, the square root of the number of reviews in it, weighted so that shares are drawn to each other.

All three are concave, so taking the review that adds most, one after the other, comes to at least 63 % of the best that
any choice could come to (Nemhauser et al. 1978); such functions for active learning: Wei, Iyer & Bilmes 2015.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.loop.uncertainty import as_ranks

Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

UNCERTAIN, RARE_LABEL, RARE_LANGUAGE = "uncertain", "rare label", "rare language"


@dataclass(frozen=True)
class Weights:
    """How much each part counts; chosen by simulation on training reviews (benchmarks/suggest.py)."""

    uncertainty: float = 1.0
    labels: float = 2.0
    languages: float = 1.0
    power: float = 2.0
    """To which the rank of an uncertainty, from 0 to 1, is raised."""
    evenness: float = 0.5
    """0 keeps the languages' shares of the pool, 1 makes them equal."""


@dataclass(frozen=True)
class Known:
    """What is labelled already."""

    labels: Floats
    """(k,) reviews with each label."""
    languages: Floats
    """(g,) reviews in each language."""


@dataclass(frozen=True)
class Candidates:
    """n reviews that can be chosen."""

    uncertainty: Floats
    """(n, f) of each facet, on any scale."""
    labels: Floats
    """(n, k) probability that the review has the label."""
    clusters: Ints
    """(n,) from 0."""
    languages: Ints
    """(n,) from 0 to g - 1."""


@dataclass(frozen=True)
class Gains:
    """What each of n reviews would add to a choice, part by part: (n,) each."""

    uncertainty: Floats
    labels: Floats
    languages: Floats

    @property
    def total(self) -> Floats:
        """(n,)"""
        return np.asarray(self.uncertainty + self.labels + self.languages, np.float64)

    def reason(self, row: int, left: Bits) -> str:
        """Name the part in which a review most exceeds the mean of those that are left."""
        parts = {UNCERTAIN: self.uncertainty, RARE_LABEL: self.labels, RARE_LANGUAGE: self.languages}
        return max(parts, key=lambda name: float(parts[name][row] - parts[name][left].mean()))


@dataclass(frozen=True)
class Choice:
    """One chosen review."""

    row: int
    reason: str
    """``UNCERTAIN``, ``RARE_LABEL`` or ``RARE_LANGUAGE``."""
    label: int
    """The label to whose number of reviews it adds most."""
    copies: int
    """Near copies of it that are left out."""


def choose(
    candidates: Candidates,
    known: Known,
    budget: int,
    weights: Weights = Weights(),
    near: Callable[[int], Bits | None] | None = None,
) -> list[Choice]:
    """Choose at most ``budget`` rows, the most valuable first; of equals, the one that comes first.

    ``near`` tells which of the candidates (n,) are near copies of one of them, which are then not chosen beside it;
    None says that the one itself is a near copy of something labelled, and not to be chosen.
    """
    state = _State(candidates, known, weights)
    chosen: list[Choice] = []
    while len(chosen) < budget and state.left.any():
        gains = state.gains()
        row = int(np.where(state.left, gains.total, -np.inf).argmax())
        copies = np.arange(len(state.left)) == row if near is None else near(row)
        if copies is None:
            state.left[row] = False
            continue
        reason = gains.reason(row, state.left)
        chosen.append(Choice(row, reason, state.label(row), int((copies & state.left).sum()) - 1))
        state.take(row, copies)
    return chosen


def first_gains(candidates: Candidates, known: Known, weights: Weights = Weights()) -> Floats:
    """Give what each review (n,) would add as the first of all: to keep the best of very many."""
    return _State(candidates, known, weights).gains().total


def mean_rank(uncertainty: Floats) -> Floats:
    """Give the mean over facets of the rank (n,) that each review has in the uncertainty (n, f) of each."""
    ranks = [as_ranks(uncertainty[:, i]) for i in range(uncertainty.shape[1])]
    return np.asarray(np.mean(ranks, axis=0), np.float64)


class _State:
    """What is chosen so far."""

    def __init__(self, candidates: Candidates, known: Known, weights: Weights) -> None:
        n, k = candidates.labels.shape
        self.candidates = candidates
        self.left = np.ones(n, np.bool_)
        self._weights = weights
        self._uncertain = mean_rank(candidates.uncertainty) ** weights.power
        self._in_clusters = np.zeros(candidates.clusters.max(initial=0) + 1)
        self._in_labels = known.labels + 1.0  # of a label that nobody has seen, the first is not worth all the others
        self._in_languages = known.languages + 1.0
        self._label_weight = weights.labels / max(1, k) ** 0.5
        # With square roots the best counts are in proportion to the squares of the weights.
        shares = np.bincount(candidates.languages, minlength=len(known.languages)) / max(1, n)
        self._language_weights = weights.languages * shares ** ((1 - weights.evenness) / 2)

    def gains(self) -> Gains:
        clusters, languages = self.candidates.clusters, self.candidates.languages
        by_cluster = self._in_clusters[clusters]
        uncertain = self._weights.uncertainty * (np.sqrt(by_cluster + self._uncertain) - np.sqrt(by_cluster))
        by_label = np.sqrt(self._in_labels + self.candidates.labels) - np.sqrt(self._in_labels)  # (n, k)
        by_language = self._language_weights * (np.sqrt(self._in_languages + 1) - np.sqrt(self._in_languages))
        return Gains(uncertain, self._label_weight * by_label.sum(axis=1), by_language[languages])

    def label(self, row: int) -> int:
        gains = np.sqrt(self._in_labels + self.candidates.labels[row]) - np.sqrt(self._in_labels)
        return int(gains.argmax())

    def take(self, row: int, copies: Bits) -> None:
        self.left &= ~copies
        self._in_clusters[self.candidates.clusters[row]] += self._uncertain[row]
        self._in_labels += self.candidates.labels[row]
        self._in_languages[self.candidates.languages[row]] += 1
