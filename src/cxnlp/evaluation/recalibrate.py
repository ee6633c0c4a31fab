"""Fit a model to other reviews without training: scaling, main label, thresholds and cutoffs are learnt anew."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cxnlp.bundle import Manifest
from cxnlp.data import Review
from cxnlp.data.fingerprint import fingerprint
from cxnlp.errors import ArgumentValueError, DataError
from cxnlp.evaluation.choice import MIN_LABELLED
from cxnlp.evaluation.compare import Labels
from cxnlp.evaluation.confidence import Confidence, learn_confidence
from cxnlp.evaluation.evaluate import evaluate_labels
from cxnlp.evaluation.report import Report
from cxnlp.evaluation.scaling import few_labelled
from cxnlp.inference.tagger import Tagger
from cxnlp.taxonomy import Cutoffs, Taxonomy, decide, scale_probabilities
from cxnlp.text.counted import counted
from cxnlp.version import __version__

_FOLDS = 5


@dataclass(frozen=True)
class Recalibrated:
    """A model fitted to n reviews, and what that did to their labels."""

    manifest: Manifest
    before: Report
    after: Report
    """Each review labelled by what the other four fifths say."""


def recalibrate(
    tagger: Tagger, reviews: Sequence[Review], name: str, progress: Callable[[int], None] | None = None
) -> Recalibrated:
    """Learn anew all that is learnt on development reviews once the network stands; the network stays.

    What there are too few reviews to learn stays too; see ``learn_confidence``.

    Args:
        tagger: loaded from a bundle.
        reviews: n labelled ones that it was not trained on.
        name: of these data, for the manifest.
        progress: called with the number of reviews newly read.

    Raises:
        ArgumentValueError: the tagger has no bundle.
        DataError: there is too little to learn anything from.
    """
    manifest, taxonomy = tagger.manifest, tagger.taxonomy
    if manifest is None:
        raise ArgumentValueError("this Tagger was not loaded from a bundle; expected one made by Tagger.load")
    few = few_labelled(taxonomy, reviews)
    if len(few) == len(taxonomy.facets):
        raise DataError(
            f"{counted(len(reviews), 'labelled review')}: every facet has fewer than {MIN_LABELLED} gold labels, so "
            "there is nothing to learn from; expected a hundred reviews or more"
        )
    before = Confidence.of(manifest)
    network = Tagger(taxonomy, tagger.tokenizer, tagger.backend, Cutoffs({}))
    raw = network.probabilities([review.text for review in reviews], progress)
    learnt = learn_confidence(taxonomy, raw, reviews, before)
    report = evaluate_labels(taxonomy, reviews, _decide(taxonomy, raw, learnt))
    languages = Counter(review.lang or "und" for review in reviews)
    calibrated_on = {
        "name": name, "fingerprint": fingerprint(reviews), "reviews": dict(sorted(languages.items())),
    }  # fmt: skip
    return Recalibrated(
        replace(
            manifest,
            **learnt.as_fields(),
            data={**manifest.data, "calibrated_on": calibrated_on},
            scores={name: report.as_json()["figures"]},
            cxnlp_version=__version__,
        ),
        evaluate_labels(taxonomy, reviews, _decide(taxonomy, raw, before)),
        evaluate_labels(taxonomy, reviews, _cross_fitted(taxonomy, raw, reviews, before)),
    )


def _decide(taxonomy: Taxonomy, raw: npt.NDArray[np.float32], confidence: Confidence) -> list[Labels]:
    return [*decide(taxonomy, scale_probabilities(taxonomy, raw, confidence.scaling), confidence.cutoffs)]


def _cross_fitted(
    taxonomy: Taxonomy, raw: npt.NDArray[np.float32], reviews: Sequence[Review], before: Confidence
) -> list[Labels]:
    found: dict[int, Labels] = {}
    fold = np.arange(len(reviews)) % _FOLDS
    for one in range(min(_FOLDS, len(reviews))):
        rest, held = (np.flatnonzero(which).tolist() for which in (fold != one, fold == one))
        learnt = learn_confidence(taxonomy, raw[rest], [reviews[i] for i in rest], before)
        found |= dict(zip(held, _decide(taxonomy, raw[held], learnt), strict=True))
    return [found[i] for i in range(len(reviews))]
