"""Where the bars and lines of a journey report lie, in the units of their drawing; the template draws them.

Drawn here rather than by a library, as the charts of an evaluation are: docs/report.md says why.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cxnlp.journey.result import Cell, Share

WIDTH, HEIGHT = 300.0, 90.0
"""Of a chart over time."""
_LARGEST, _SMALLEST = 2.6, 0.55
"""Diameters of circles in the map, in em."""
_TOPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Bar:
    """A figure with its interval on a line from 0 to 100."""

    name: str
    shown: str
    start: float
    width: float
    low: float
    high: float
    tone: str
    """``praise``, ``blame`` or ``plain``."""
    note: str = ""
    faint: bool = False
    """Whether it could be 0, or rests on too few reviews."""


@dataclass(frozen=True)
class Bars:
    """Bars on one axis."""

    zero: float
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Figure:
    """What a bar shows."""

    name: str
    shown: str
    value: float
    low: float
    high: float
    tone: str = "plain"
    note: str = ""
    few: bool = False
    """Whether it rests on too few reviews to say."""


def bars(figures: Sequence[Figure], least: float = 0.0) -> Bars:
    """Lay figures out on an axis that holds 0, all values, and at least ``least``; intervals are cut at its ends.

    No value may be NaN.
    """
    largest = max((abs(one.value) for one in figures), default=0.0)
    top = max([least, *(max(one.value, min(one.high, 1.5 * largest)) for one in figures)]) or 1.0
    bottom = min([0.0, *(min(one.value, max(one.low, -largest / 2)) for one in figures)])
    span = top - bottom

    def at(value: float) -> float:
        return round(100 * (min(max(value, bottom), top) - bottom) / span, 2)

    zero = at(0)
    out = []
    for one in figures:
        start, end = sorted((zero, at(one.value)))
        unclear = one.few or one.low < 0 <= one.high
        width = round(end - start, 2)
        out.append(Bar(one.name, one.shown, start, width, at(one.low), at(one.high), one.tone, one.note, faint=unclear))
    return Bars(zero, out)


@dataclass(frozen=True)
class Dot:
    """One period."""

    x: float
    y: float
    title: str


@dataclass(frozen=True)
class Line:
    """A share over time: a line in a band, broken where a period has no reviews."""

    title: str
    tone: str
    top: float
    """The share at which its axis ends."""
    bands: Sequence[str]
    """``x,y x,y …`` of the outline of each unbroken piece."""
    lines: Sequence[str]
    dots: Sequence[Dot]
    note: str = ""
    clear: bool = False
    """Whether the last change is marked."""


def line(title: str, tone: str, shares: Sequence[Share], titles: Sequence[str], note: str, clear: bool) -> Line:
    """Lay a share over time out; its axis begins at 0 and ends at a round share."""
    highest = max((one.high if one.of >= 10 else one.value for one in shares if one.of), default=0.0)
    top = next((t for t in _TOPS if t >= min(highest, 1.0)), 1.0)
    step = WIDTH / max(1, len(shares) - 1)

    def at(place: int, value: float) -> str:
        return f"{place * step:.1f},{HEIGHT * (1 - min(value, top) / top):.1f}"

    pieces: list[list[int]] = []
    for place, one in enumerate(shares):
        if one.of:
            if not pieces or pieces[-1][-1] != place - 1:
                pieces.append([])
            pieces[-1].append(place)
    bands, lines = [], []
    for piece in pieces:
        there = [at(i, shares[i].high) for i in piece]
        bands.append(" ".join([*there, *(at(i, shares[i].low) for i in reversed(piece))]))
        lines.append(" ".join(at(i, shares[i].value) for i in piece))
    dots = [
        Dot(round(i * step, 1), round(HEIGHT * (1 - min(one.value, top) / top), 1), titles[i])
        for i, one in enumerate(shares)
        if one.of
    ]
    return Line(title, tone, top, bands, lines, dots, note, clear)


def diameter(cell: Cell, most: int) -> float:
    """Give the diameter of a circle in em, so that areas are as numbers of reviews."""
    return round(max(_SMALLEST, _LARGEST * math.sqrt(cell.reviews / most)), 2) if most else 0.0


def mix(cell: Cell) -> tuple[str, int]:
    """Give the colour of a circle: praise or blame, and how much of it in per cent."""
    return ("praise" if cell.balance > 0 else "blame"), round(100 * min(1.0, abs(cell.balance)))
