"""All that is said of a model on labelled reviews: what a report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cxnlp.data import Review
from cxnlp.evaluation.baselines import MajorityScorer, rated
from cxnlp.evaluation.bootstrap import RESAMPLES
from cxnlp.evaluation.calibration import Calibration, calibrations
from cxnlp.evaluation.compare import Labels
from cxnlp.evaluation.confusion import Confusion, confusions
from cxnlp.evaluation.coverage import Coverage, coverages
from cxnlp.evaluation.curves import Curve, curves
from cxnlp.evaluation.evaluate import Scored, Scorer, evaluate_labels, score_reviews
from cxnlp.evaluation.gallery import Gallery, galleries
from cxnlp.evaluation.groupings import groupings
from cxnlp.evaluation.paired import Paired
from cxnlp.evaluation.report import Report, plain
from cxnlp.evaluation.second import Second
from cxnlp.taxonomy import Taxonomy, Thresholds

MODEL, TFIDF, MAJORITY, STARS, SECOND = "model", "tfidf", "majority", "stars", "second"


@dataclass(frozen=True)
class System:
    """Something that gives labels, and how it does."""

    key: str
    name: str
    """For people."""
    note: str
    report: Report
    beside: Report | None = None
    """The model's figures on the same reviews and facets, where these are not all."""


@dataclass(frozen=True)
class Study:
    """A model on labelled reviews, with whatever it can be held against."""

    report: Report
    """The model's figures, also by source and length."""
    systems: Sequence[System]
    """The model first."""
    confusions: Sequence[Confusion]
    calibrations: Sequence[Calibration]
    coverages: Sequence[Coverage]
    curves: Sequence[Curve]
    galleries: Sequence[Gallery]
    against: Paired | None = None

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON can hold it; the keys of ``Report`` stand at the top."""
        return {
            **self.report.as_json(),
            "systems": {one.key: _system(one) for one in self.systems},
            "confusion": {
                one.name: {"labels": list(one.labels), "counts": plain(one.counts)} for one in self.confusions
            },
            "calibration": {
                one.facet: {"ece": plain(one.ece), "by_chance": plain(one.by_chance), "bins": plain(one.bins)}
                for one in self.calibrations
            },
            "coverage": {
                one.facet: {"kept_from": plain(one.kept_from), "error": plain(one.error)} for one in self.coverages
            },
            "curves": plain(self.curves),
            "errors": {one.facet: _gallery(one) for one in self.galleries},
            **({"against": self.against.as_json()} if self.against else {}),
        }


@dataclass(frozen=True)
class Rivals:
    """What a model is held against, beside the majority."""

    ratings: Mapping[str, float] = field(default_factory=dict)
    """Id to rating, from −1 to 1."""
    second: Second | None = None
    tfidf: Scorer | None = None
    tfidf_note: str = ""
    train: Sequence[Review] = ()
    """Where the majority is counted; the evaluated reviews if there are none."""


def study(
    taxonomy: Taxonomy,
    thresholds: Thresholds,
    reviews: Sequence[Review],
    scored: Scored,
    rivals: Rivals,
    *,
    only: Mapping[str, Sequence[str]] | None = None,
    against: Paired | None = None,
    with_text: bool = False,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Study:
    """Put together all figures of a model.

    Args:
        taxonomy: of the labels.
        thresholds: of the model.
        reviews: n labelled reviews.
        scored: what the model says of them.
        rivals: what it is held against.
        only: facet to the labels that may be given, by every scorer.
        against: the comparison with another model.
        with_text: whether the texts of wrong reviews go in. They are personal data.
        resamples: bootstrap resamples.
        seed: of the resamples.
    """
    by = groupings(reviews)
    report = evaluate_labels(taxonomy, reviews, scored.labels, by=by, resamples=resamples, seed=seed)
    systems = _Systems(taxonomy, reviews, scored, only or {}, resamples, seed)
    return Study(
        report=report,
        systems=[System(MODEL, "model", "", report), *systems.scorers(rivals), *systems.labels(rivals)],
        confusions=confusions(taxonomy, reviews, scored.labels),
        calibrations=calibrations(taxonomy, reviews, scored.probs, resamples=resamples, seed=seed),
        coverages=coverages(taxonomy, reviews, scored.probs, resamples=resamples, seed=seed),
        curves=curves(taxonomy, reviews, scored.probs, thresholds),
        galleries=galleries(taxonomy, reviews, scored.labels, scored.probs, with_text=with_text),
        against=against,
    )


@dataclass(frozen=True)
class _Systems:
    """Makes the systems that stand beside the model, over the same reviews and draws."""

    taxonomy: Taxonomy
    reviews: Sequence[Review]
    scored: Scored
    only: Mapping[str, Sequence[str]]
    resamples: int
    seed: int

    def scorers(self, rivals: Rivals) -> list[System]:
        """Those that answer every review and facet."""
        out = []
        if rivals.tfidf is not None:
            out.append(self._scorer(TFIDF, "TF-IDF + logistic", rivals.tfidf_note, rivals.tfidf))
        where = f"of the {len(rivals.train):,} training reviews" if rivals.train else "of the evaluated reviews"
        majority = MajorityScorer.train(self.taxonomy, rivals.train or self.reviews)
        note = f"always the most frequent label, and the most frequent polarity with it, {where}"
        return [*out, self._scorer(MAJORITY, "majority", note, majority)]

    def labels(self, rivals: Rivals) -> list[System]:
        """Those whose labels are known for some reviews, or facets, only."""
        out = []
        rows, said = rated(self.taxonomy, self.reviews, rivals.ratings)
        if rows:
            (facet,) = said[0]
            reviews = [self._only_facet(row, facet) for row in rows]
            note = "1–2 stars are negative, 3 neutral, 4–5 positive; of the reviews that have stars"
            out.append(self._given(STARS, "star rating", note, rows, reviews, said))
        if rivals.second is not None:
            one = rivals.second
            note = "a second annotator's labels, of the reviews and facets that both labelled"
            out.append(self._given(SECOND, "second annotator", note, one.rows, one.reviews, one.labels))
        return out

    def _only_facet(self, row: int, facet: str) -> Review:
        review = self.reviews[row]
        return replace(review, labels={facet: review.labels[facet]})

    def _scorer(self, key: str, name: str, note: str, scorer: Scorer) -> System:
        labels = score_reviews(scorer, self.reviews, self.only).labels
        return System(key, name, note, self._report(self.reviews, labels))

    def _given(
        self,
        key: str,
        name: str,
        note: str,
        rows: Sequence[int],
        reviews: Sequence[Review],
        labels: Sequence[Labels],
    ) -> System:
        model = [self.scored.labels[row] for row in rows]
        return System(key, name, note, self._report(reviews, labels), self._report(reviews, model))

    def _report(self, reviews: Sequence[Review], labels: Sequence[Labels]) -> Report:
        return evaluate_labels(self.taxonomy, reviews, labels, resamples=self.resamples, seed=self.seed)


def _system(one: System) -> dict[str, Any]:
    out = {
        "name": one.name,
        "note": one.note,
        "reviews": dict(one.report.reviews),
        "figures": plain(one.report.figures),
    }
    return out | ({"model_on_the_same": plain(one.beside.figures)} if one.beside else {})


def _gallery(one: Gallery) -> dict[str, Any]:
    misses = [{key: value for key, value in plain(miss).items() if value is not None} for miss in one.misses]
    return {"wrong": one.wrong, "judged": one.judged, "most_confident": misses}
