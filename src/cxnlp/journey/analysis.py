"""From scored reviews to the report: pure functions of what was read."""

from __future__ import annotations

import math

import numpy as np

from cxnlp.evaluation.intervals import student
from cxnlp.inference.prediction import EMPTY, NEEDS_REVIEW, OTHER_LANGUAGE
from cxnlp.journey.divisions import divide
from cxnlp.journey.errors import Errors, corrected
from cxnlp.journey.frame import LOW, TOP, Frame, make_frame
from cxnlp.journey.levers import delights, mend_first, moments_of_truth
from cxnlp.journey.periods import over_time
from cxnlp.journey.ratings import rating_scale
from cxnlp.journey.result import Cell, Division, Journey, Overview, Share, Trust, share
from cxnlp.journey.rows import ScoredFile

LANGUAGE = "language"
"""The name of the division by the language of the texts."""

_ENOUGH = 10
"""Reviews from which on a mean is given: of fewer its interval says nothing."""


def analyse(scored: ScoredFile, errors: Errors | None = None) -> Journey:
    """Count everything that a report shows."""
    reviews = scored.reviews
    frame = make_frame(scored.parts, reviews)
    return Journey(
        _overview(scored, frame),
        scored.parts.phase_labels,
        _map(frame),
        mend_first(frame),
        delights(frame),
        moments_of_truth(frame),
        over_time(frame, reviews),
        _divisions(scored, frame),
        _trust(scored, frame, errors),
    )


def _overview(scored: ScoredFile, frame: Frame) -> Overview:
    days = [review.day for review in scored.reviews if review.day is not None]
    verdict = scored.parts.verdict
    rated = int((~np.isnan(frame.rating)).sum())
    return Overview(
        scored.n_rows,
        frame.n,
        min(days).isoformat() if days else "",
        max(days).isoformat() if days else "",
        {label: share(int(frame.says(label).sum()), frame.n) for label in (verdict.labels if verdict else ())},
        *_mean(frame.score[~np.isnan(frame.score)]),
        low_ratings=share(int((frame.rating <= LOW).sum()), rated) if rated else None,
        top_ratings=share(int((frame.rating >= TOP).sum()), rated) if rated else None,
        ratings=rating_scale(scored.roles["rating"], read) if (read := scored.source.table.ratings) else None,
    )


def _mean(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float, float]:
    """Give a mean and its 95 % interval (Student); NaN of fewer than ten."""
    if len(values) < _ENOUGH:
        return math.nan, math.nan, math.nan
    mean, n = float(values.mean()), len(values)
    half = student(n - 1) * float(values.std(ddof=1)) / math.sqrt(n)
    return mean, mean - half, mean + half


def _map(frame: Frame) -> list[Cell]:
    labels, totals = frame.parts.touchpoints.labels, frame.mentioned.sum(axis=0)
    cells = []
    for i in np.argsort(-totals, kind="stable"):
        if totals[i]:
            cells.append(_cell(frame, int(i), labels[i], None))
            cells += [_cell(frame, int(i), labels[i], p) for p in range(len(frame.parts.phase_labels))]
    return cells


def _cell(frame: Frame, i: int, label: str, phase: int | None) -> Cell:
    here = np.ones(frame.n, np.bool_) if phase is None else frame.phases[:, phase]
    counts = [int((kind[:, i] & here).sum()) for kind in (frame.mentioned, frame.praised, frame.blamed)]
    return Cell(label, None if phase is None else frame.parts.phase_labels[phase], *counts)


def _divisions(scored: ScoredFile, frame: Frame) -> list[Division]:
    values = {LANGUAGE: [review.language for review in scored.reviews]}
    for place, name in enumerate(scored.divided_by):
        values[name] = [review.groups[place] for review in scored.reviews]
    found = (divide(frame, name, many) for name, many in values.items())
    return [division for division in found if division is not None]


def _trust(scored: ScoredFile, frame: Frame, errors: Errors | None) -> Trust:
    usual = (NEEDS_REVIEW, OTHER_LANGUAGE, EMPTY)
    names = [*usual, *sorted(set(scored.flags) - set(usual))]
    flags: dict[str, Share] = {name: share(scored.flags.get(name, 0), scored.n_rows) for name in names}
    return Trust(
        scored.n_rows,
        flags,
        scored.n_unknown,
        errors.name if errors else "",
        errors.reviews if errors else 0,
        corrected(frame, errors) if errors else [],
    )
