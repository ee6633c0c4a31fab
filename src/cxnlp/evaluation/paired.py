"""Two models on the same reviews: differences with paired intervals, and how often chance alone makes them.

Interval: the paired bootstrap; both models' counts are drawn together. Test: approximate randomisation (Noreen 1989,
*Computer-Intensive Methods for Testing Hypotheses*; Yeh 2000, COLING). If the models were alike, it would not matter
whose answer is whose, so their counts of each review are swapped with chance one half; p is the share of such rounds,
the observed one among them, (hits + 1) / (rounds + 1), whose difference is at least as large in either direction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.errors import DataError
from cxnlp.evaluation.bootstrap import RESAMPLES, interval
from cxnlp.evaluation.compare import Comparison, Labels, compare
from cxnlp.evaluation.figures import languages_in_mean
from cxnlp.evaluation.metrics import Metric, mean_defined
from cxnlp.evaluation.report import ALL, FEW, MEAN, plain
from cxnlp.evaluation.slices import Slice, languages_in_order, languages_of, slice_sums
from cxnlp.taxonomy import Taxonomy

Floats = npt.NDArray[np.float64]

ROUNDS = 10_000
# Swaps held in memory at once.
_MAX_SWAPS = 2_000_000
# Differences are sums in another order, so equal ones differ in the last digits.
_EQUAL = 1e-9


@dataclass(frozen=True)
class Difference:
    """One figure of two models; NaN is undefined."""

    first: float
    second: float
    difference: float
    """Second less first."""
    low: float
    high: float
    p: float
    support: int
    """Reviews that count."""

    @property
    def few(self) -> bool:
        """Whether it rests on too few reviews to say."""
        return self.support < FEW


@dataclass(frozen=True)
class Paired:
    """All figures of two models on the same reviews."""

    first: str
    second: str
    figures: Mapping[str, Mapping[str, Mapping[str, Difference]]]
    """Facet to figure to slice: ``all``, languages, ``mean``."""
    resamples: int
    rounds: int
    seed: int

    def as_json(self) -> dict[str, object]:
        """Give it as JSON can hold it."""
        figures = {
            facet: {
                figure: {name: {**plain(vars(one)), "few": one.few} for name, one in slices.items()}
                for figure, slices in found.items()
            }
            for facet, found in self.figures.items()
        }
        names = {"first": self.first, "second": self.second}
        return {**names, "resamples": self.resamples, "rounds": self.rounds, "seed": self.seed, "figures": figures}


def check_same_taxonomy(first: Taxonomy, second: Taxonomy, names: tuple[str, str]) -> None:
    """Refuse two models that do not answer the same questions.

    Raises:
        DataError: their facets differ.
    """
    if first.facets == second.facets:
        return
    here, there = set(first.logit_names), set(second.logit_names)
    only = [
        f"only {name} has {', '.join(sorted(part)[:5])}"
        for name, part in zip(names, (here - there, there - here), strict=True)
        if part
    ]
    how = "; ".join(only) or "the order, main labels or roll-ups of their facets"
    raise DataError(
        f"{names[0]} (taxonomy {first.name!r}) and {names[1]} (taxonomy {second.name!r}) differ: {how}; expected two "
        "bundles of the same taxonomy; evaluate each by itself instead"
    )


def paired(
    taxonomy: Taxonomy,
    reviews: Sequence[Review],
    first: Sequence[Labels],
    second: Sequence[Labels],
    names: tuple[str, str] = ("first", "second"),
    *,
    resamples: int = RESAMPLES,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Paired:
    """Compare the labels that two models give to the same n reviews."""
    pairs = _pairs(compare(taxonomy, reviews, first), compare(taxonomy, reviews, second))
    languages = languages_of(reviews)
    order = languages_in_order(taxonomy, languages)
    both = [one for pair in pairs for one in pair]
    drawn = slice_sums(both, languages, order, resamples, seed)
    swapped = _swapped(pairs, languages, order, rounds, seed)
    figures: dict[str, dict[str, dict[str, Difference]]] = {}
    for i, (a, b) in enumerate(pairs):
        found = _differences(a, b, (drawn[2 * i].slices, drawn[2 * i + 1].slices), swapped[i])
        figures.setdefault(a.facet, {}).update(found)
    return Paired(*names, figures, resamples, rounds, seed)


def _pairs(first: Sequence[Comparison], second: Sequence[Comparison]) -> list[tuple[Comparison, Comparison]]:
    there = {(one.facet, *one.figures): one for one in second}
    return [(one, there[key]) for one in first if (key := (one.facet, *one.figures)) in there]


Swapped = Mapping[str, tuple[Floats, Floats]]
"""Slice to the sums (rounds, 3, k) of either side."""


def _swapped(
    pairs: Sequence[tuple[Comparison, Comparison]],
    languages: npt.NDArray[np.str_],
    order: Sequence[str],
    rounds: int,
    seed: int,
) -> list[Swapped]:
    """Sum the counts of both sides with each review swapped or not, for every round and language."""
    rng = np.random.default_rng(seed)
    a, b = (np.concatenate([pair[i].counts.reshape(len(languages), -1) for pair in pairs], axis=1) for i in (0, 1))
    sums: dict[str, tuple[Floats, Floats]] = {}
    for language in order:
        here = languages == language
        moved = _moved(b[here] - a[here], rounds, rng)  # (rounds, c): what the swaps add to the first side
        sums[language] = a[here].sum(0, dtype=np.float64) + moved, b[here].sum(0, dtype=np.float64) - moved
    every = tuple(np.sum([sides[i] for sides in sums.values()], axis=0) for i in (0, 1))
    out: list[Swapped] = []
    start = 0
    for one, _ in pairs:
        part, shape = slice(start, start + one.counts[0].size), (rounds, 3, len(one.labels))
        slices = {ALL: (every[0][:, part].reshape(shape), every[1][:, part].reshape(shape))}
        for language, (x, y) in sums.items():
            slices[language] = x[:, part].reshape(shape), y[:, part].reshape(shape)
        out.append(slices)
        start = part.stop
    return out


def _moved(difference: npt.NDArray[np.float32], rounds: int, rng: np.random.Generator) -> Floats:
    """Sum the differences (n, c) of the reviews that are swapped, for every round: (rounds, c)."""
    n = len(difference)
    out = np.zeros((rounds, difference.shape[1]))
    step = max(1, _MAX_SWAPS // n)
    for start in range(0, rounds, step):
        rows = min(step, rounds - start)
        out[start : start + rows] = rng.integers(0, 2, size=(rows, n)).astype(np.float32) @ difference
    return out


def _differences(
    a: Comparison, b: Comparison, drawn: tuple[Mapping[str, Slice], Mapping[str, Slice]], swapped: Swapped
) -> dict[str, dict[str, Difference]]:
    first, second = drawn
    shared = [name for name in first if name in second]
    languages = languages_in_mean({name: first[name] for name in shared})
    out: dict[str, dict[str, Difference]] = {}
    for figure, metric in a.figures.items():

        def of_sums(name: str, metric: Metric = metric) -> tuple[Floats, Floats]:
            return metric(first[name].counts), metric(second[name].counts)  # (1 + resamples,) each

        def of_swaps(name: str, metric: Metric = metric) -> tuple[Floats, Floats]:
            return metric(swapped[name][0]), metric(swapped[name][1])  # (rounds,) each

        found = {name: _difference(of_sums(name), of_swaps(name), first[name].support) for name in shared}
        if len(languages) > 1:
            support = sum(first[name].support for name in languages)
            found[MEAN] = _difference(_mean(of_sums, languages), _mean(of_swaps, languages), support)
        out[figure] = found
    return out


def _mean(of: Callable[[str], tuple[Floats, Floats]], languages: Sequence[str]) -> tuple[Floats, Floats]:
    sides = [of(name) for name in languages]
    first, second = (mean_defined(np.stack([side[i] for side in sides], axis=-1)) for i in (0, 1))
    return first, second


def _difference(sums: tuple[Floats, Floats], swaps: tuple[Floats, Floats], support: int) -> Difference:
    first, second = sums
    drawn = second - first
    low, high = interval(drawn[1:])
    by_chance = np.abs(swaps[1] - swaps[0])
    by_chance = by_chance[~np.isnan(by_chance)]
    hits = int((by_chance >= abs(drawn[0]) - _EQUAL).sum())
    p = float("nan") if np.isnan(drawn[0]) else (hits + 1) / (len(by_chance) + 1)
    return Difference(float(first[0]), float(second[0]), float(drawn[0]), low, high, p, support)
