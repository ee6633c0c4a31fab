"""Drift: whether a new file of scored reviews differs from a reference, measure by measure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from cxnlp.evaluation.drift_limits import Limits
from cxnlp.evaluation.drift_sample import CONFIDENCE, PIECES, UNKNOWN, WORDS, Floats, Sample
from cxnlp.evaluation.drift_statistics import (
    Outcome,
    benjamini_hochberg,
    homogeneity,
    kolmogorov_smirnov,
    mann_whitney,
    proportions,
    stability_index,
    stability_index_of_values,
)
from cxnlp.inference.tally import Counts
from cxnlp.taxonomy import Kind

DRIFT = "drift"
"""Verdict: significant, and the effect is large enough."""
SAME = "no alarm"
"""Verdict: tested, and not drift; which does not prove that nothing has changed."""
TOO_FEW = "too few"
"""Verdict: one of the files has too few reviews to say."""

_EFFECT_OF = {
    "two proportions": "h", "Fisher": "h", "chi-squared": "V", "Mann–Whitney": "delta", "Kolmogorov–Smirnov": "D",
}  # fmt: skip
# Measure to its group and its name for people; scores belong to their facet.
_TITLES = {
    WORDS: ("length", "words of a review"),
    UNKNOWN: ("pieces", "share that is unknown"),
    PIECES: ("pieces", "for each word"),
    CONFIDENCE: ("confidence", "probability"),
}


@dataclass(frozen=True)
class Finding:
    """One measure, in both files."""

    group: str
    """What it belongs to: ``language``, ``length``, ``pieces``, a facet, ``confidence`` or ``flags``."""
    name: str
    kind: str
    """``share`` (of reviews), ``mean`` (of values) or ``mix`` (of categories: shares of the one that moved most)."""
    reference: float
    new: float
    n_reference: int
    n_new: int
    verdict: str
    test: str = ""
    """Empty where nothing was tested; the next four are then None."""
    statistic: float | None = None
    p: float | None = None
    adjusted: float | None = None
    """p corrected for the number of tests, by Benjamini and Hochberg."""
    effect: float | None = None
    effect_name: str = ""
    stability: float = 0.0
    """Population stability index."""
    moved: str = ""
    """Of a mix: the category that moved most."""


@dataclass(frozen=True)
class Drift:
    """All findings of two files."""

    reference: Sample
    new: Sample
    limits: Limits
    findings: tuple[Finding, ...]

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """The findings that are drift."""
        return tuple(one for one in self.findings if one.verdict == DRIFT)

    @property
    def n_tests(self) -> int:
        """How many measures were tested."""
        return sum(bool(one.test) for one in self.findings)

    def as_json(self) -> dict[str, Any]:
        """Give everything as JSON can hold it; it holds no text."""
        return {
            "reference": _facts(self.reference),
            "new": _facts(self.new),
            "alpha": self.limits.alpha,
            "min_reviews": self.limits.min_reviews,
            "least_effects": dict(self.limits.effects),
            "tests": self.n_tests,
            "drift": bool(self.alarms),
            "alarms": [f"{one.group}: {one.name}" for one in self.alarms],
            "findings": [asdict(one) for one in self.findings],
        }


def _facts(sample: Sample) -> dict[str, Any]:
    tally = sample.tally
    return {"file": sample.path, "rows": tally.n_rows, "labelled": tally.n_scored, "unread": sample.n_unread}


def compare(reference: Sample, new: Sample, limits: Limits) -> Drift:
    """Test every measure that both files have, correct for the number of tests, and give the verdicts."""
    pair = (reference, new)
    found = [*_languages(pair, limits), *_numbers(pair, limits), *_facets(pair, limits), *_flags(pair, limits)]
    tested = [place for place, one in enumerate(found) if one.p is not None]
    corrected = benjamini_hochberg([one.p for one in found if one.p is not None])
    for place, adjusted in zip(tested, corrected, strict=True):
        one = found[place]
        large = abs(one.effect or 0.0) >= limits.effects[one.effect_name]
        verdict = DRIFT if adjusted < limits.alpha and large else SAME
        found[place] = replace(one, adjusted=adjusted, verdict=verdict)
    return Drift(reference, new, limits, tuple(found))


_Pair = tuple[Sample, Sample]


def _languages(pair: _Pair, limits: Limits) -> list[Finding]:
    known = [{code: n for code, n in sample.tally.languages.items() if code} for sample in pair]
    return _mix("language", "mix of languages", known[0], known[1], limits)


def _numbers(pair: _Pair, limits: Limits) -> list[Finding]:
    found = []
    for measure in dict.fromkeys([WORDS, UNKNOWN, PIECES, CONFIDENCE, *pair[0].numbers]):
        first, second = (sample.numbers.get(measure, np.zeros(0)) for sample in pair)
        if not len(first) or not len(second):
            continue
        group, title = _TITLES.get(measure) or (measure.removesuffix("_score"), "score")
        tests = (mann_whitney, kolmogorov_smirnov)
        enough = min(len(first), len(second)) >= limits.min_reviews
        outcomes = [test(first, second) for test in tests] if enough else [None]
        for outcome in outcomes:
            found.append(
                _finding(
                    (group, title, "mean"),
                    (float(first.mean()), float(second.mean())),
                    (len(first), len(second)),
                    outcome,
                    _stability(first, second, enough),
                    enough=enough,
                )
            )
            if outcome is None:  # too few, or all the same: one line says it
                break
    return found


def _stability(first: Floats, second: Floats, enough: bool) -> float:
    return stability_index_of_values(first, second) if enough else 0.0


def _facets(pair: _Pair, limits: Limits) -> list[Finding]:
    taxonomy = pair[0].tally.taxonomy
    first, second = (sample.tally.facets() for sample in pair)
    sizes = (pair[0].tally.n_scored, pair[1].tally.n_scored)
    found = []
    for facet in taxonomy.answers:
        a, b = first[facet.name], second[facet.name]
        if facet.kind is Kind.ONE_OF:
            found += _mix(facet.name, f"mix of {facet.name}", a.labels, b.labels, limits)
        for label in facet.labels:
            found += _share(facet.name, label, (a.labels[label], b.labels[label]), sizes, limits)
        if facet.main:
            found += _mix(facet.name, f"mix of {facet.main}", a.main, b.main, limits)
        if facet.rollup:
            found += _mix(facet.name, f"mix of {facet.rollup.name}", a.rollup, b.rollup, limits)
        if facet.name in taxonomy.polarity_of:
            name = taxonomy.polarity_of[facet.name].name
            for label in facet.labels:  # among the reviews that have it
                found += _mix(name, label, a.polarities[label], b.polarities[label], limits)
    return found


def _flags(pair: _Pair, limits: Limits) -> list[Finding]:
    counts = [sample.tally.flags for sample in pair]
    sizes = (pair[0].tally.n_rows, pair[1].tally.n_rows)
    names = sorted(set(counts[0]) | set(counts[1]))
    return [one for name in names for one in _share("flags", name, (counts[0][name], counts[1][name]), sizes, limits)]


def _share(group: str, name: str, hits: tuple[int, int], sizes: tuple[int, int], limits: Limits) -> list[Finding]:
    """Compare the share of reviews that have something; nothing to say where none or all of both files have it."""
    if not min(sizes) or sum(hits) in (0, sum(sizes)):
        return []
    enough = min(sizes) >= limits.min_reviews
    outcome = proportions(hits, sizes) if enough else None
    values = (hits[0] / sizes[0], hits[1] / sizes[1])
    stability = stability_index((hits[0], sizes[0] - hits[0]), (hits[1], sizes[1] - hits[1]))
    return [_finding((group, name, "share"), values, sizes, outcome, stability, enough=enough)]


def _mix(group: str, name: str, first: Counts, second: Counts, limits: Limits) -> list[Finding]:
    """Compare how reviews divide among categories, of which each has one."""
    names = list(dict.fromkeys([*first, *second]))
    a, b = [first.get(one, 0) for one in names], [second.get(one, 0) for one in names]
    sizes = (sum(a), sum(b))
    if not min(sizes) or sum(bool(x + y) for x, y in zip(a, b, strict=True)) < 2:
        return []
    shares = [(x / sizes[0], y / sizes[1]) for x, y in zip(a, b, strict=True)]
    moved = max(range(len(names)), key=lambda place: abs(shares[place][1] - shares[place][0]))
    outcome = homogeneity(a, b) if min(sizes) >= limits.min_reviews else None
    enough = outcome is not None  # all categories but one may be too rare
    one = _finding((group, name, "mix"), shares[moved], sizes, outcome, stability_index(a, b), enough=enough)
    return [replace(one, moved=names[moved])]


def _finding(
    title: tuple[str, str, str],
    values: tuple[float, float],
    sizes: tuple[int, int],
    outcome: Outcome | None,
    stability: float,
    *,
    enough: bool,
) -> Finding:
    """Put a finding together, before the correction for many tests; without an outcome nothing was tested."""
    found = Finding(*title, *values, *sizes, verdict=SAME if enough else TOO_FEW, stability=stability)
    if outcome is None:
        return found
    return replace(
        found,
        test=outcome.test,
        statistic=outcome.statistic,
        p=outcome.p,
        effect=outcome.effect,
        effect_name=_EFFECT_OF[outcome.test],
    )
