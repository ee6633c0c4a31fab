"""What to mend first, what delights, and moments of truth."""

from __future__ import annotations

import math

import numpy as np

from cxnlp.evaluation.intervals import welch
from cxnlp.journey.frame import LOW, TOP, Bools, Frame
from cxnlp.journey.parts import BLAME, PRAISE
from cxnlp.journey.regression import ENOUGH, Effect, risk_differences
from cxnlp.journey.result import NOTHING, RATING, VERDICT, Lever, Levers, Moment, share

_UNKNOWN = (math.nan, math.nan, math.nan)


def mend_first(frame: Frame) -> Levers:
    """Rank touchpoints by blame: how often × how far it goes with low ratings, or else with a negative verdict."""
    return _levers(frame, frame.blamed, frame.rating <= LOW, BLAME)


def delights(frame: Frame) -> Levers:
    """Rank touchpoints by praise: how often × how far it goes with the highest rating, or else a positive verdict."""
    return _levers(frame, frame.praised, frame.rating >= TOP, PRAISE)


def _levers(frame: Frame, judged: Bools, rated_so: Bools, verdict: str) -> Levers:
    against, outcome, among = _outcome(frame, rated_so, verdict)
    effects: list[Effect | None] = [None] * judged.shape[1]
    if against:
        effects = risk_differences(outcome[among], judged[among])
    labels = frame.parts.touchpoints.labels
    rows = [_lever(label, int(judged[:, i].sum()), frame.n, effects[i]) for i, label in enumerate(labels)]
    rows = [row for row in rows if row.reviews.hits]
    # Those that cannot be weighed stand last, the most frequent first.
    rows.sort(key=lambda row: (math.isnan(row.weight), -row.weight if row.weight == row.weight else -row.reviews.value))
    return Levers(against, share(int(outcome[among].sum()), int(among.sum())), rows)


def _outcome(frame: Frame, rated_so: Bools, verdict: str) -> tuple[str, Bools, Bools]:
    """Give what praise or blame is held against, who has it, and who could (n,)."""
    rated = ~np.isnan(frame.rating)
    n, hits = int(rated.sum()), int(rated_so.sum())
    if min(hits, n - hits) >= ENOUGH:
        return RATING, rated_so, rated
    everyone = np.ones(frame.n, np.bool_)
    said = frame.says(verdict)
    return (VERDICT if frame.parts.verdict else NOTHING), said, everyone


def _lever(label: str, hits: int, n: int, effect: Effect | None) -> Lever:
    if effect is None:
        return Lever(label, share(hits, n), *_UNKNOWN, *_UNKNOWN)
    return Lever(label, share(hits, n), effect.value, *effect.interval, *effect.weight)


def moments_of_truth(frame: Frame) -> list[Moment]:
    """Give each touchpoint's difference in score between reviews that praise and that blame it, the largest first.

    The interval is Welch's. Touchpoints that fewer than ten praise, or fewer than ten blame, are left out.
    """
    found = []
    for i, label in enumerate(frame.parts.touchpoints.labels):
        good = frame.score[frame.praised[:, i] & ~np.isnan(frame.score)]
        bad = frame.score[frame.blamed[:, i] & ~np.isnan(frame.score)]
        if min(len(good), len(bad)) < ENOUGH:
            continue
        (high, spread), (low, other) = ((float(x.mean()), float(x.var(ddof=1))) for x in (good, bad))
        interval = welch((low, other, len(bad)), (high, spread, len(good)))
        found.append(Moment(label, len(good), len(bad), high, low, high - low, *interval))
    return sorted(found, key=lambda moment: -moment.difference)
