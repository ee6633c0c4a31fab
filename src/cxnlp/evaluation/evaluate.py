"""Compare predicted with gold labels: overall, by language, and as a mean over languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.errors import DataError
from cxnlp.evaluation.bootstrap import RESAMPLES
from cxnlp.evaluation.compare import Labels, compare
from cxnlp.evaluation.figures import estimates, estimates_with_mean, label_scores
from cxnlp.evaluation.report import ALL, Estimate, LabelScore, Report
from cxnlp.evaluation.restrict import check_only, restrict
from cxnlp.evaluation.slices import Groupings, languages_in_order, languages_of, slice_sums
from cxnlp.taxonomy import Cutoffs, Taxonomy, decide

Progress = Callable[[int], None]


class Scorer(Protocol):
    """What evaluation needs of a model; `cxnlp.Tagger` is one."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The labels that the model knows."""

    @property
    def cutoffs(self) -> Cutoffs:
        """From which probability labels are given, and which is the main one."""

    def probabilities(self, texts: Sequence[str], progress: Progress | None = None) -> npt.NDArray[np.float32]:
        """Give the probabilities (n, l) of n texts; call ``progress`` with the number of texts newly done."""


@dataclass(frozen=True)
class Scored:
    """What a model says of n reviews."""

    probs: npt.NDArray[np.float32]
    """(n, l), after labels that may not be given were left out."""
    labels: Sequence[Labels]
    """n records of labels."""


def score_reviews(
    scorer: Scorer,
    reviews: Sequence[Review],
    only: Mapping[str, Sequence[str]] | None = None,
    progress: Progress | None = None,
) -> Scored:
    """Score the texts of labelled reviews; see ``evaluate`` for arguments and errors."""
    only = only or {}
    _check_labelled(scorer.taxonomy, reviews)  # before the long part
    check_only(scorer.taxonomy, reviews, only)
    probs = scorer.probabilities([review.text for review in reviews], progress)
    probs = restrict(scorer.taxonomy, probs, only)
    return Scored(probs, decide(scorer.taxonomy, probs, scorer.cutoffs))


def evaluate(
    scorer: Scorer,
    reviews: Sequence[Review],
    only: Mapping[str, Sequence[str]] | None = None,
    *,
    progress: Progress | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Report:
    """Score the texts of reviews with a model and compare with their labels.

    Args:
        scorer: the model.
        reviews: labelled reviews; one that lacks a facet does not count for it.
        only: facet to the labels that may be given, for data that knows fewer labels than the model.
        progress: called with the number of texts newly scored.
        resamples: bootstrap resamples.
        seed: of the resamples.

    Raises:
        DataError: there is no labelled review, or a gold label that ``only`` leaves out.
        SettingsError: ``only`` names a facet or label that the taxonomy does not have.
    """
    scored = score_reviews(scorer, reviews, only, progress)
    return evaluate_labels(scorer.taxonomy, reviews, scored.labels, resamples=resamples, seed=seed)


def evaluate_labels(
    taxonomy: Taxonomy,
    reviews: Sequence[Review],
    predicted: Sequence[Labels],
    *,
    by: Groupings | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Report:
    """Compare predicted labels, one record for each review, with gold labels.

    Args:
        taxonomy: of the labels.
        reviews: n labelled reviews; one that lacks a facet does not count for it.
        predicted: n records of labels.
        by: groupings beside language, such as ``source``, to the group of every review.
        resamples: bootstrap resamples.
        seed: of the resamples.

    Raises:
        DataError: no review has a gold label.
        ValueError: there are not as many predictions, or groups, as reviews.
    """
    _check_labelled(taxonomy, reviews)
    comparisons = compare(taxonomy, reviews, predicted)
    languages = languages_of(reviews)
    order = languages_in_order(taxonomy, languages)
    sums = slice_sums(comparisons, languages, order, resamples, seed, by)
    figures: dict[str, dict[str, dict[str, Estimate]]] = {}
    labels: dict[str, dict[str, dict[str, LabelScore]]] = {}
    grouped: dict[str, dict[str, dict[str, dict[str, Estimate]]]] = {name: {} for name in by or {}}
    for one, found in zip(comparisons, sums, strict=True):
        figures.setdefault(one.facet, {}).update(estimates_with_mean(one, found.slices))
        if one.table is not None:
            labels[one.table] = {name: label_scores(one, part) for name, part in found.slices.items()}
        for grouping, groups in found.by.items():
            grouped[grouping].setdefault(one.facet, {}).update(estimates(one, groups))
    counts = {ALL: len(reviews)} | {language: int((languages == language).sum()) for language in order}
    return Report(counts, figures, labels, resamples, seed, grouped)


def scores(taxonomy: Taxonomy, reviews: Sequence[Review], predicted: Sequence[Labels]) -> dict[str, float]:
    """Give the figures of all reviews together, without intervals: ``sentiment/macro_f1``, ``phases/main_accuracy``.

    ``mean`` is the unweighted mean of one figure each of every facet and polarity: ``macro_f1`` of ``one_of``,
    ``micro_f1`` of ``any_of``, ``polarity_f1`` of pairs. What is undefined or without gold labels is left out.
    """
    out: dict[str, float] = {}
    leading: list[float] = []
    for one in compare(taxonomy, reviews, predicted):
        total = one.counts.sum(axis=0, dtype=np.float64)
        for name, metric in one.figures.items():
            value = float(metric(total))
            if np.isnan(value):
                continue
            out[f"{one.facet}/{name}"] = value
            if name == one.leading:
                leading.append(value)
    return out | ({"mean": sum(leading) / len(leading)} if leading else {})


def _check_labelled(taxonomy: Taxonomy, reviews: Sequence[Review]) -> None:
    known = [facet.name for facet in taxonomy.answers]
    if not any(name in review.labels for review in reviews for name in known):
        raise DataError(f"none of the {len(reviews)} reviews has a label; expected at least one of: {', '.join(known)}")
