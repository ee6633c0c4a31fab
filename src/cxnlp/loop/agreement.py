"""How far annotators agree, in every facet and on every label."""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.evaluation.bootstrap import RESAMPLES, resampled_sums
from cxnlp.evaluation.figures import estimate
from cxnlp.evaluation.report import Estimate, plain
from cxnlp.loop.annotators import Annotations
from cxnlp.loop.coefficients import Codes, Floats, alpha, alpha_sums, kappa, kappa_sums, masi, nominal, raw, raw_sums
from cxnlp.taxonomy import Facet, FacetValue, Kind, Taxonomy

Pair = tuple[str, str]


@dataclass(frozen=True)
class Level:
    """The agreement on one question: of a facet as a whole, or on whether one label applies."""

    facet: str
    """Also the name of a main label, or of a polarity facet."""
    label: str
    """Empty for the facet as a whole."""
    distance: str
    """``nominal``, or ``masi`` between sets of labels."""
    alpha: Estimate
    """Krippendorff's alpha; its support is the units that at least two annotators answered."""
    raw: Estimate
    """Share of pairs of annotators that gave the same."""
    kappas: Mapping[Pair, Estimate]
    """Cohen's kappa of every two annotators that share a unit."""

    def as_json(self) -> dict[str, object]:
        """Give it as JSON can hold it."""
        figures = {"alpha": self.alpha, "raw": self.raw}
        found: dict[str, object] = {"facet": self.facet, "label": self.label or None, "distance": self.distance}
        found |= {name: _json(one) for name, one in figures.items()}
        return {**found, "kappa": [{"annotators": list(pair), **_json(one)} for pair, one in self.kappas.items()]}


@dataclass(frozen=True)
class _Question:
    """Units that were asked about, one row each, and the values that were given."""

    facet: str
    label: str
    values: tuple[Hashable, ...]
    codes: Codes
    """(units, annotators), -1 where there is no answer."""
    reviews: npt.NDArray[np.int64]
    """(units,) which review each belongs to; reviews are what the bootstrap draws."""
    sets: bool = False


def agreement(taxonomy: Taxonomy, found: Annotations, *, resamples: int = RESAMPLES, seed: int = 0) -> list[Level]:
    """Measure the agreement in every facet that two annotators answered of the same review.

    Of an ``any_of`` facet the sets of labels are compared, by their MASI distance, and then every label by itself; its
    polarity where at least two annotators gave the label one. Intervals are 95 % bootstrap intervals over reviews.
    """
    levels = []
    for question in _questions(taxonomy, found):
        pairable = (question.codes >= 0).sum(axis=1) >= 2
        if pairable.any():
            levels.append(_level(question, found.annotators, resamples, seed))
    return levels


def _level(question: _Question, annotators: Sequence[str], resamples: int, seed: int) -> Level:
    codes = question.codes
    sets = [frozenset(value) for value in question.values] if question.sets else []  # type: ignore[call-overload]
    distances = masi(sets) if question.sets else nominal(len(question.values))
    units = int(((codes >= 0).sum(axis=1) >= 2).sum())

    def sampled(sums: Floats) -> Floats:
        """The sums of all units, then of each resample: (1 + resamples, columns)."""
        by_review = np.zeros((int(question.reviews.max()) + 1, sums.shape[1]))
        np.add.at(by_review, question.reviews, sums)
        drawn = resampled_sums(by_review.astype(np.float32), resamples, np.random.default_rng(seed))
        return np.concatenate([sums.sum(axis=0, keepdims=True), drawn])

    kappas = {}
    for (i, first), (j, second) in itertools.combinations(enumerate(annotators), 2):
        both = int(((codes[:, i] >= 0) & (codes[:, j] >= 0)).sum())
        if both:
            sums = sampled(kappa_sums(codes[:, i], codes[:, j], distances))
            kappas[first, second] = estimate(kappa(sums, distances), both, both)
    return Level(
        question.facet,
        question.label,
        "masi" if question.sets else "nominal",
        estimate(alpha(sampled(alpha_sums(codes, distances)), distances), units, units),
        estimate(raw(sampled(raw_sums(codes))), units, units),
        kappas,
    )


def _questions(taxonomy: Taxonomy, found: Annotations) -> Iterator[_Question]:
    for facet in taxonomy.answers:
        given = [
            {who: labels[facet.name] for who, labels in by_annotator.items() if facet.name in labels}
            for by_annotator in found.labels.values()
        ]
        if facet.kind is Kind.ONE_OF:
            names = [{who: str(value) for who, value in values.items()} for values in given]
            yield _question(facet.name, "", names, found.annotators)
        else:
            sets = [{who: frozenset(value) for who, value in values.items()} for values in given]
            yield _question(facet.name, "", sets, found.annotators, sets=True)
        if facet.main:
            firsts = [{who: next(iter(value)) for who, value in values.items()} for values in given]
            yield _question(facet.main, "", firsts, found.annotators)
        if facet.name in taxonomy.polarity_of:
            yield _polarity(taxonomy.polarity_of[facet.name], facet, given, found.annotators)
        for label in facet.labels:
            here = [{who: _has(value, label) for who, value in values.items()} for values in given]
            if any(any(values.values()) for values in here):
                yield _question(facet.name, label, here, found.annotators)


def _has(value: FacetValue, label: str) -> bool:
    return value == label if isinstance(value, str) else label in value


def _polarity(
    polarity: Facet, facet: Facet, given: Sequence[Mapping[str, FacetValue]], annotators: Sequence[str]
) -> _Question:
    """Ask for the polarity of every label of every review that an annotator gave one."""
    units: list[Mapping[str, Hashable]] = []
    reviews = []
    for row, values in enumerate(given):
        for label in facet.labels:
            polarities = {who: v[label] for who, v in values.items() if isinstance(v, dict) and v.get(label)}
            if polarities:
                units.append(polarities)
                reviews.append(row)
    return _question(polarity.name, "", units, annotators, reviews=reviews)


def _question(
    facet: str,
    label: str,
    given: Sequence[Mapping[str, Hashable]],
    annotators: Sequence[str],
    *,
    sets: bool = False,
    reviews: Sequence[int] | None = None,
) -> _Question:
    values = tuple(dict.fromkeys(value for unit in given for value in unit.values()))
    index = {value: i for i, value in enumerate(values)}
    codes = np.array([[index[unit[who]] if who in unit else -1 for who in annotators] for unit in given], np.int64)
    rows = np.arange(len(given)) if reviews is None else np.array(reviews, np.int64)
    return _Question(facet, label, values, codes.reshape(len(given), len(annotators)), rows, sets)


def _json(one: Estimate) -> dict[str, object]:
    figures = {"value": one.value, "low": one.low, "high": one.high, "support": one.support}
    return {**plain(figures), "few": one.few}
