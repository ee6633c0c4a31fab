"""A model beside what it is held against, as text for people, at most 100 columns wide; figures times 100."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from textwrap import fill

from cxnlp.bundle.card import FIGURE_NAMES, TOO_FEW
from cxnlp.evaluation.paired import Difference, Paired
from cxnlp.evaluation.report import ALL, MEAN, Estimate, Report
from cxnlp.evaluation.show import cell, number
from cxnlp.evaluation.study import MODEL, System
from cxnlp.text.shorten import shorten

SAME = f"{MODEL}, same reviews"
_NAME_WIDTH = 20
_FIGURE_WIDTH = 20
_WIDTH = 100
_SMALL = 0.001


def rows_of(systems: Sequence[System], facet: str) -> list[tuple[str, Mapping[str, Mapping[str, Estimate]]]]:
    """Give the systems that answer a facet with its figures, each with the model on the same reviews below it."""
    out = []
    for one in systems:
        if facet in one.report.figures:
            out.append((one.name, one.report.figures[facet]))
            if one.beside:
                out.append((SAME, one.beside.figures[facet]))
    return out


def headline(slices: Mapping[str, Estimate] | None) -> Estimate | None:
    """Give the mean over languages, or the figure of all reviews where there is no such mean."""
    return None if slices is None else slices.get(MEAN, slices.get(ALL))


def show_systems(systems: Sequence[System]) -> str:
    """Lay out the model and what it is held against: one block a facet, one row a system."""
    blocks = []
    report = systems[0].report
    for facet, figures in report.figures.items():
        heads = "".join(f"{FIGURE_NAMES[figure]:>{_FIGURE_WIDTH}}" for figure in figures)
        lines = [f"{shorten(facet, _NAME_WIDTH):<{_NAME_WIDTH}}{heads}"]
        for name, found in rows_of(systems, facet):
            cells = "".join(f"{cell(headline(found.get(figure))):>{_FIGURE_WIDTH}}" for figure in figures)
            lines.append(f"{shorten(name, _NAME_WIDTH):<{_NAME_WIDTH}}{cells}")
        blocks.append("\n".join(lines))
    notes = [f"{one.name}: {one.note}." for one in systems if one.note]
    if any(one.beside for one in systems):
        notes.append(f"{SAME}: the model on the reviews and facets of the line above.")
    wrapped = [fill(note, _WIDTH, subsequent_indent="  ") for note in notes]
    return "\n\n".join([f"Beside the model: {which(report)}", *blocks, "\n".join(wrapped)])


def which(report: Report) -> str:
    """Say what the headline figures are of."""
    mean = any(MEAN in slices for figures in report.figures.values() for slices in figures.values())
    return "unweighted mean over the languages" if mean else "all reviews together"


def show_against(against: Paired) -> str:
    """Lay out a comparison of two models: one row for each figure and slice."""
    lines = [f"A: {shorten(against.first, 97)}", f"B: {shorten(against.second, 97)}"]
    heads = f"{'reviews':>9}{'A':>8}{'B':>8}{'B − A':>26}{'p':>9}"
    for facet, figures in against.figures.items():
        for figure, slices in figures.items():
            lines += ["", f"{shorten(f'{facet}, {FIGURE_NAMES[figure]}', 32):<32}{heads}"]
            lines += [_difference_row(name, one) for name, one in slices.items()]
    return "\n".join([*lines, "", against_note(against)])


def against_note(against: Paired) -> str:
    """Say how to read a comparison."""
    return (
        f"B − A with its paired 95 % bootstrap interval.\np: approximate randomisation, {against.rounds:,} rounds, "
        "two-sided, each figure by itself: of twenty\nfigures of equal models one falls below 0.05 on average."
    )


def _difference_row(name: str, one: Difference) -> str:
    if one.few:
        return f"  {shorten(name, 30):<30}{one.support:>9,}{'':>16}{TOO_FEW:>26}"
    return (
        f"  {shorten(name, 30):<30}{one.support:>9,}{number(one.first):>8}{number(one.second):>8}"
        f"{signed_interval(one):>26}{p_value(one.p):>9}"
    )


def signed_interval(one: Difference) -> str:
    """Give a difference with its interval, such as ``+1.2 [−0.3 to +2.9]``."""
    if math.isnan(one.difference):
        return "–"
    return f"{_signed(one.difference)} [{_signed(one.low)} to {_signed(one.high)}]"


def p_value(p: float) -> str:
    """Give a p value with three digits."""
    if math.isnan(p):
        return "–"
    return f"< {_SMALL}" if p < _SMALL else f"{p:.3f}"


def _signed(fraction: float) -> str:
    if math.isnan(fraction):
        return "–"
    rounded = round(100 * fraction, 1)
    return "0.0" if rounded == 0 else f"{rounded:+.1f}".replace("-", "−")
