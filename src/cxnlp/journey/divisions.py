"""The reviews by language, source, store or whatever column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from cxnlp.evaluation.intervals import z_for
from cxnlp.journey.frame import LOW, Bools, Frame
from cxnlp.journey.parts import BLAME, PRAISE
from cxnlp.journey.result import Division, Group, Share, change, share

_MAX_GROUPS = 15
_MAX_BLAMED = 3


def divide(frame: Frame, column: str, values: Sequence[str]) -> Division | None:
    """Count the reviews of each value (n,), the most frequent first; None where all have the same."""
    counts = Counter(values)
    if len(counts) < 2:
        return None
    shown = [name for name, _ in counts.most_common(_MAX_GROUPS)]
    found = np.array(values, dtype=object)
    z = z_for(len(shown))
    groups = [_group(frame, name, found == name, z) for name in shown]
    rest = sum(counts.values()) - sum(counts[name] for name in shown)
    return Division(column, groups, len(counts) - len(shown), rest)


def _group(frame: Frame, name: str, here: Bools, z: float) -> Group:
    shares, rest = _shares(frame, here), _shares(frame, ~here)
    first = next(iter(shares), None)
    against = change(rest[first], shares[first], z) if first and shares[first].of and rest[first].of else None
    n, blamed = int(here.sum()), frame.blamed[here].sum(axis=0)
    order = [i for i in np.argsort(-blamed, kind="stable") if blamed[i]][:_MAX_BLAMED]
    labels = frame.parts.touchpoints.labels
    return Group(name, n, shares, against, [(labels[i], share(int(blamed[i]), n)) for i in order])


def _shares(frame: Frame, here: Bools) -> dict[str, Share]:
    n = int(here.sum())
    found = {}
    if frame.parts.verdict:
        found = {label: share(int(frame.says(label)[here].sum()), n) for label in (BLAME, PRAISE)}
    rated = here & ~np.isnan(frame.rating)
    if not np.isnan(frame.rating).all():
        found["low"] = share(int((frame.rating[rated] <= LOW).sum()), int(rated.sum()))
    return found
