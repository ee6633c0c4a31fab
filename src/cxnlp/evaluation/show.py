"""A report as text for people, at most 100 columns wide; figures times 100."""

from __future__ import annotations

import math
from collections.abc import Mapping

from cxnlp.bundle.card import FIGURE_NAMES, TOO_FEW
from cxnlp.evaluation.report import ALL, FEW, MEAN, Estimate, LabelScore, Report
from cxnlp.text.counted import counted
from cxnlp.text.shorten import shorten

_FIGURE_WIDTH = 21
_WIDTH = 100
_LANGUAGE_WIDTH = 6
_LABEL_WIDTH = 22
_NONE, _FEW = "–", "few"


def show(report: Report) -> str:
    """Lay out the figures: one block a facet, one row a slice, each figure with its interval."""
    lines = [_heading(report)]
    for facet, figures in report.figures.items():
        heads = "".join(f"{FIGURE_NAMES[figure]:>{_FIGURE_WIDTH}}" for figure in figures)
        lines += ["", f"{shorten(facet, 15):<15}{heads}"]
        first = next(iter(figures.values()))
        for name, estimate in first.items():
            cells = "".join(f"{cell(slices.get(name)):>{_FIGURE_WIDTH}}" for slices in figures.values())
            lines.append(f"  {shorten(name, 6):<6}{estimate.support:>7,}{cells}")
    lines += ["", "Numbers after a name are reviews that count. Figures × 100 [95 % bootstrap interval]."]
    if any(one.few for figures in report.figures.values() for slices in figures.values() for one in slices.values()):
        lines.append(f'"{TOO_FEW}": fewer than {FEW} reviews; cxnlp evaluate --json FILE writes such figures too.')
    if any(MEAN in slices for figures in report.figures.values() for slices in figures.values()):
        lines.append(f"{ALL}: all reviews together. {MEAN}: unweighted mean of the languages.")
    return "\n".join(lines)


def show_labels(report: Report) -> str:
    """Lay out every label: gold and predicted counts, precision, recall, F1 with interval, and F1 by language."""
    blocks = []
    for table, slices in report.labels.items():
        room = (_WIDTH - _LABEL_WIDTH - 8 - 10 - 2 * 7 - _FIGURE_WIDTH) // _LANGUAGE_WIDTH
        languages = [name for name in slices if name != ALL][:room]
        columns = f"{'gold':>8}{'predicted':>10}{'prec.':>7}{'recall':>7}{'F1':>{_FIGURE_WIDTH}}"
        heads = columns + "".join(f"{shorten(name, 5):>{_LANGUAGE_WIDTH}}" for name in languages)
        rows = [_label_row(label, score, slices, languages) for label, score in slices[ALL].items()]
        blocks.append("\n".join([f"{shorten(table, _LABEL_WIDTH):<{_LABEL_WIDTH}}{heads}", *rows]))
    note = f'Columns after F1: F1 by language. "{TOO_FEW}", "{_FEW}": fewer than {FEW} gold labels.'
    return "\n\n".join([*blocks, note])


def _heading(report: Report) -> str:
    parts = ", ".join(f"{name} {count:,}" for name, count in report.reviews.items() if name != ALL)
    return f"{counted(report.reviews[ALL], 'review')} ({shorten(parts, 80)})"


def _label_row(label: str, score: LabelScore, slices: Mapping[str, Mapping[str, LabelScore]], names: list[str]) -> str:
    f1 = cell(Estimate(score.f1, score.low, score.high, score.support, score.support))
    by_language = "".join(f"{_short(slices[name][label]):>{_LANGUAGE_WIDTH}}" for name in names)
    precision, recall = ("", "") if score.few else (number(score.precision), number(score.recall))
    return (
        f"  {shorten(label, _LABEL_WIDTH - 2):<{_LABEL_WIDTH - 2}}{score.support:>8,}{score.predicted:>10,}"
        f"{precision:>7}{recall:>7}{f1:>{_FIGURE_WIDTH}}{by_language}"
    )


def _short(score: LabelScore) -> str:
    return _FEW if score.few else number(score.f1)


def cell(estimate: Estimate | None) -> str:
    """Give a figure with its interval, or say that it rests on too few reviews; a dash where there is none."""
    if estimate is None:
        return _NONE
    return TOO_FEW if estimate.few else with_interval(estimate)


def with_interval(estimate: Estimate | None) -> str:
    """Give a figure with its interval, such as ``79.0 [74.2–83.1]``; a dash where it is undefined."""
    if estimate is None or math.isnan(estimate.value):
        return _NONE
    return f"{number(estimate.value)} [{number(estimate.low)}–{number(estimate.high)}]"


def number(fraction: float) -> str:
    """Give a figure times 100; a dash where it is undefined."""
    return _NONE if math.isnan(fraction) else f"{100 * fraction:.1f}"
