"""From summed counts to figures with intervals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from cxnlp.evaluation import metrics
from cxnlp.evaluation.bootstrap import interval
from cxnlp.evaluation.compare import Comparison
from cxnlp.evaluation.report import ALL, MEAN, UNKNOWN_LANGUAGE, Estimate, LabelScore
from cxnlp.evaluation.slices import Slice

Floats = npt.NDArray[np.float64]


def estimates(one: Comparison, slices: Mapping[str, Slice]) -> dict[str, dict[str, Estimate]]:
    """Give figure to slice to estimate."""
    return {
        figure: {name: _of_slice(metric(part.counts), part) for name, part in slices.items()}
        for figure, metric in one.figures.items()
    }


def estimates_with_mean(one: Comparison, slices: Mapping[str, Slice]) -> dict[str, dict[str, Estimate]]:
    """Give figure to slice to estimate, with the mean over languages where there are at least two."""
    out = estimates(one, slices)
    languages = languages_in_mean(slices)
    if len(languages) < 2:
        return out
    for figure, metric in one.figures.items():
        values = [metric(slices[name].counts) for name in languages]  # (1 + resamples,) each
        found = [out[figure][name] for name in languages]
        support, gold = sum(e.support for e in found), sum(e.gold for e in found)
        out[figure][MEAN] = estimate(metrics.mean_defined(np.stack(values, axis=-1)), support, gold)
    return out


def languages_in_mean(slices: Mapping[str, Slice]) -> list[str]:
    """Give the languages over which a mean is taken: all that are known."""
    return [name for name in slices if name not in (ALL, UNKNOWN_LANGUAGE)]


def estimate(values: Floats, support: int, gold: float) -> Estimate:
    """Give the first of the values (1 + resamples,) with the interval of the others."""
    low, high = interval(values[1:])
    return Estimate(float(values[0]), low, high, support, int(gold))


def label_scores(one: Comparison, part: Slice) -> dict[str, LabelScore]:
    """Give the figures of every label."""
    total = part.counts[0]
    precision, recall = metrics.label_precision(total), metrics.label_recall(total)
    f1 = metrics.label_f1(part.counts)  # (1 + resamples, k)
    out = {}
    for i, label in enumerate(one.labels):
        low, high = interval(f1[1:, i])
        support, predicted = int(total[metrics.GOLD, i]), int(total[metrics.PREDICTED, i])
        out[label] = LabelScore(float(precision[i]), float(recall[i]), float(f1[0, i]), low, high, support, predicted)
    return out


def _of_slice(values: Floats, part: Slice) -> Estimate:
    return estimate(values, part.support, part.counts[0, metrics.GOLD].sum())
