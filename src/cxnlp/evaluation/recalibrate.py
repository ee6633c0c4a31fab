"""Fit a model to other reviews without training: scaling, main label, thresholds and cutoffs are learnt anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cxnlp.bundle import Manifest
from cxnlp.data import Review
from cxnlp.data.fingerprint import fingerprint
from cxnlp.errors import ArgumentValueError, DataError
from cxnlp.evaluation.calibration import calibrations
from cxnlp.evaluation.compare import Labels
from cxnlp.evaluation.confidence import Confidence, learn_confidence, learn_more
from cxnlp.evaluation.evaluate import evaluate_labels
from cxnlp.evaluation.paired import Paired, paired
from cxnlp.evaluation.precise import MIN_REVIEWS
from cxnlp.evaluation.report import Report
from cxnlp.inference.tagger import Tagger
from cxnlp.taxonomy import Cutoffs, Kind, Taxonomy
from cxnlp.text.counted import counted
from cxnlp.version import __version__

Floats = npt.NDArray[np.float32]
_FOLDS = 5


@dataclass(frozen=True)
class Answers:
    """What a model says of n reviews, each by what was learnt without it."""

    labels: Sequence[Labels]
    report: Report
    ece: Mapping[str, float]
    """The calibration error of each question that has one answer."""


@dataclass(frozen=True)
class Recalibrated:
    """A model fitted to n reviews, and what that did to its answers."""

    manifest: Manifest
    before: Answers
    """By what the model had learnt already."""
    after: Answers
    careful: Answers | None
    """The same, read carefully, if that was learnt."""
    against: Paired
    """``after`` beside ``before``."""


def recalibrate(
    tagger: Tagger,
    reviews: Sequence[Review],
    name: str,
    data: str,
    *,
    careful: bool = False,
    anew: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Recalibrated:
    """Learn all that is learnt on development reviews once the network stands; the network stays.

    Args:
        tagger: loaded from a bundle.
        reviews: n distinct labelled ones that it was not trained on.
        name: of the fitted model.
        data: name of the reviews, for the manifest.
        careful: whether to learn for careful reading too; without, the fitted model knows none.
        anew: whether to forget what the model had learnt, as training does, instead of going on from it.
        progress: called with the number of readings newly done; there are n, or with ``careful`` 2 n.

    Raises:
        ArgumentValueError: the tagger has no bundle.
        DataError: there are too few reviews.
        ExtraError: spaCy is not installed, and ``careful`` needs it.
    """
    manifest, taxonomy = tagger.manifest, tagger.taxonomy
    if manifest is None:
        raise ArgumentValueError("this Tagger was not loaded from a bundle; expected one made by Tagger.load")
    if len(reviews) < MIN_REVIEWS:
        raise DataError(
            f"{counted(len(reviews), 'labelled review')} with a text of its own; expected {MIN_REVIEWS} or more, as "
            "fewer teach a model more of chance than of themselves"
        )

    def read(carefully: bool) -> Floats:
        network = Tagger(taxonomy, tagger.tokenizer, tagger.backend, Cutoffs({}), careful=carefully)
        return network.probabilities([review.text for review in reviews], progress)

    raw, known = read(carefully=False), Confidence.of(manifest)
    before = _answers(taxonomy, reviews, *known.answer(taxonomy, raw))
    learnt, after = _fit(taxonomy, raw, reviews, None if anew else known)
    fields, read_carefully = learnt.as_fields(), None
    fields["careful"] = {}
    if careful:
        there = Confidence.of(manifest.carefully()) if manifest.careful else known
        more, read_carefully = _fit(taxonomy, read(carefully=True), reviews, None if anew else there)
        fields["careful"] = more.as_fields()
    languages = Counter(review.lang or "und" for review in reviews)
    fingerprints = {"name": data, "fingerprint": fingerprint(reviews), "reviews": dict(sorted(languages.items()))}
    return Recalibrated(
        replace(
            manifest,
            **fields,
            name=name,
            data={**manifest.data, "calibrated_on": fingerprints},
            scores={data: after.report.as_json()["figures"]},
            cxnlp_version=__version__,
        ),
        before,
        after,
        read_carefully,
        paired(taxonomy, reviews, before.labels, after.labels, ("before", "after")),
    )


def _fit(
    taxonomy: Taxonomy, raw: Floats, reviews: Sequence[Review], before: Confidence | None
) -> tuple[Confidence, Answers]:
    """Learn from all reviews; and give what is said of each by what the other four fifths teach."""

    def learn(rows: Sequence[int]) -> Confidence:
        some = [reviews[i] for i in rows]
        if before is None:
            return learn_confidence(taxonomy, raw[rows], some)
        return learn_more(taxonomy, raw[rows], some, before)

    fold = np.arange(len(reviews)) % _FOLDS
    parts = [(np.flatnonzero(fold != one).tolist(), np.flatnonzero(fold == one).tolist()) for one in range(_FOLDS)]
    said = [learn(rest).answer(taxonomy, raw[held]) for rest, held in parts]
    order = np.argsort(np.concatenate([held for _, held in parts]))
    labels = [one for _, some in said for one in some]
    probs = np.concatenate([some for some, _ in said])[order]
    return learn(range(len(reviews))), _answers(taxonomy, reviews, probs, [labels[i] for i in order])


def _answers(taxonomy: Taxonomy, reviews: Sequence[Review], probs: Floats, labels: Sequence[Labels]) -> Answers:
    found = calibrations(taxonomy, reviews, probs, resamples=2)
    errors = {one.facet: one.ece["all"].value for one in found if taxonomy[one.facet].kind is not Kind.ANY_OF}
    return Answers(labels, evaluate_labels(taxonomy, reviews, labels), errors)
