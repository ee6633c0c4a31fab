"""Where the lines and dots of a report's charts lie, in the units of their drawing; the template draws them.

Drawn by hand rather than by a library: so they take the page's colours, light and dark, and weigh next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cxnlp.evaluation.calibration import Calibration
from cxnlp.evaluation.coverage import Coverage
from cxnlp.evaluation.curves import Curve
from cxnlp.evaluation.report import FEW
from cxnlp.evaluation.show import number, with_interval
from cxnlp.evaluation.study import Study

SIDE = 100.0
"""Of a square chart."""
_KEPT_FROM = 0.6
"""Where the axis of coverage begins."""


@dataclass(frozen=True)
class Dot:
    """A figure with its interval, on a vertical line."""

    x: float
    y: float
    low: float
    high: float
    title: str


@dataclass(frozen=True)
class Square:
    """A chart, and what stands at the ends of its axes."""

    title: str
    caption: str
    line: str
    """``x,y x,y …``"""
    dots: Sequence[Dot]
    faint: bool = False
    """Whether it rests on too few to say."""
    right: tuple[str, str] = ("0", "1")
    up: tuple[str, str] = ("0", "1")


@dataclass(frozen=True)
class CurveChart:
    """The curves of one facet, side by side."""

    facet: str
    charts: Sequence[Square]


def reliability(study: Study) -> list[Square]:
    """Give a curve of confidence (right) against the share that is right (up), for every facet."""
    return [_reliability(one) for one in study.calibrations]


def _reliability(one: Calibration) -> Square:
    dots = [
        Dot(
            _x(part.confidence), _y(part.right), _y(part.low), _y(part.high),
            f"said {number(part.confidence)}, right {number(part.right)}, of {part.count:,}",
        )
        for part in one.bins
    ]  # fmt: skip
    line = _line([(part.confidence, part.right) for part in one.bins])
    return Square(
        one.facet,
        f"ECE {with_interval(one.ece['all'])}, by chance {number(one.by_chance['all'])}",
        line,
        dots,
        one.ece["all"].few,
    )


def precision_recall(study: Study) -> list[CurveChart]:
    """Give the curves of recall (right) against precision (up), with the model's threshold as a dot."""
    facets: dict[str, list[Square]] = {}
    for one in study.curves:
        facets.setdefault(one.facet, []).append(_precision_recall(one))
    return [CurveChart(facet, charts) for facet, charts in facets.items()]


def _precision_recall(one: Curve) -> Square:
    y = _y(one.precision)
    said = f"threshold {one.threshold:.3f}: precision {number(one.precision)}, recall {number(one.recall)}"
    dots = [] if math.isnan(one.precision) else [Dot(_x(one.recall), y, y, y, said)]
    caption = f"AP {number(one.average_precision)}, {one.support:,} gold"
    return Square(one.label, caption, _line(one.points), dots, one.support < FEW)


def coverage(study: Study) -> list[Square]:
    """Give the error (up) of what is kept (right), of all languages together."""
    return [_coverage(one) for one in study.coverages]


def _coverage(one: Coverage) -> Square:
    points = [(int(kept) / 100, found["all"]) for kept, found in one.error.items()]
    highest = max(e.high for _, e in points if not math.isnan(e.high))
    top = min(1.0, math.ceil(10 * highest) / 10 or 0.1)  # tenths, so that a small error is seen
    placed = [((kept - _KEPT_FROM) / (1 - _KEPT_FROM), kept, e) for kept, e in points]
    dots = [
        Dot(_x(x), _y(e.value / top), _y(e.low / top), _y(e.high / top), f"{kept:.0%} kept: error {number(e.value)}")
        for x, kept, e in placed
    ]
    line = _line([(x, e.value / top) for x, _, e in placed])
    ends = f"{_KEPT_FROM:.0%}", "100%"
    return Square(one.facet, "error of what is kept", line, dots, points[0][1].few, ends, ("0%", f"{top:.0%}"))


def _line(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{_x(x):g},{_y(y):g}" for x, y in points)


def _x(fraction: float) -> float:
    return round(SIDE * fraction, 2)


def _y(fraction: float) -> float:
    return round(SIDE * (1 - (0.0 if math.isnan(fraction) else fraction)), 2)
