"""Compare predicted with gold labels: overall, by language, and as a mean over languages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.errors import DataError
from cxnlp.evaluation import metrics
from cxnlp.evaluation.bootstrap import RESAMPLES, interval
from cxnlp.evaluation.compare import Comparison, Labels, compare
from cxnlp.evaluation.report import ALL, MEAN, UNKNOWN_LANGUAGE, Estimate, LabelScore, Report
from cxnlp.evaluation.restrict import check_only, restrict
from cxnlp.evaluation.slices import Slice, languages_in_order, slice_sums
from cxnlp.taxonomy import Taxonomy, Thresholds, decide

Floats = npt.NDArray[np.float64]
Progress = Callable[[int], None]


class Scorer(Protocol):
    """What evaluation needs of a model; `cxnlp.Tagger` is one."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The labels that the model knows."""

    @property
    def thresholds(self) -> Thresholds:
        """The probability from which each label is given."""

    def probabilities(self, texts: Sequence[str], progress: Progress | None = None) -> npt.NDArray[np.float32]:
        """Give the probabilities (n, l) of n texts; call ``progress`` with the number of texts newly done."""


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
    only = only or {}
    _check_labelled(scorer.taxonomy, reviews)  # before the long part
    check_only(scorer.taxonomy, reviews, only)
    probs = scorer.probabilities([review.text for review in reviews], progress)
    predicted = decide(scorer.taxonomy, restrict(scorer.taxonomy, probs, only), scorer.thresholds)
    return evaluate_labels(scorer.taxonomy, reviews, predicted, resamples=resamples, seed=seed)


def evaluate_labels(
    taxonomy: Taxonomy,
    reviews: Sequence[Review],
    predicted: Sequence[Labels],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Report:
    """Compare predicted labels, one record for each review, with gold labels.

    Raises:
        DataError: no review has a gold label.
        ValueError: there are not as many predictions as reviews.
    """
    _check_labelled(taxonomy, reviews)
    comparisons = compare(taxonomy, reviews, predicted)
    languages = np.array([review.lang or UNKNOWN_LANGUAGE for review in reviews])
    order = languages_in_order(taxonomy, languages)
    sums = slice_sums(comparisons, languages, order, resamples, seed)
    figures: dict[str, dict[str, dict[str, Estimate]]] = {}
    labels: dict[str, dict[str, dict[str, LabelScore]]] = {}
    for one, slices in zip(comparisons, sums, strict=True):
        figures.setdefault(one.facet, {}).update(_figures(one, slices))
        if one.table is not None:
            labels[one.table] = {name: _label_scores(one, part) for name, part in slices.items()}
    counts = {ALL: len(reviews)} | {language: int((languages == language).sum()) for language in order}
    return Report(counts, figures, labels, resamples, seed)


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


def _figures(one: Comparison, slices: Mapping[str, Slice]) -> dict[str, dict[str, Estimate]]:
    """Figure to slice to estimate, with the mean over languages where there are at least two."""
    languages = [name for name in slices if name not in (ALL, UNKNOWN_LANGUAGE)]
    out: dict[str, dict[str, Estimate]] = {}
    for figure, metric in one.figures.items():
        values = {name: metric(part.counts) for name, part in slices.items()}  # (1 + resamples,) each
        out[figure] = {
            name: _estimate(values[name], part.support, part.counts[0, metrics.GOLD].sum())
            for name, part in slices.items()
        }
        if len(languages) > 1:
            mean = metrics.mean_defined(np.stack([values[name] for name in languages], axis=-1))
            estimates = [out[figure][name] for name in languages]
            out[figure][MEAN] = _estimate(mean, sum(e.support for e in estimates), sum(e.gold for e in estimates))
    return out


def _estimate(values: Floats, support: int, gold: float) -> Estimate:
    low, high = interval(values[1:])
    return Estimate(float(values[0]), low, high, support, int(gold))


def _label_scores(one: Comparison, part: Slice) -> dict[str, LabelScore]:
    total = part.counts[0]
    precision, recall = metrics.label_precision(total), metrics.label_recall(total)
    f1 = metrics.label_f1(part.counts)  # (1 + resamples, k)
    out = {}
    for i, label in enumerate(one.labels):
        low, high = interval(f1[1:, i])
        support, predicted = int(total[metrics.GOLD, i]), int(total[metrics.PREDICTED, i])
        out[label] = LabelScore(float(precision[i]), float(recall[i]), float(f1[0, i]), low, high, support, predicted)
    return out
