"""The tables of a report: the same in Markdown and in HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cxnlp.bundle.card import FIGURE_NAMES, TOO_FEW
from cxnlp.evaluation.confusion import Confusion
from cxnlp.evaluation.groupings import LENGTH, SOURCE, in_order
from cxnlp.evaluation.paired import Paired
from cxnlp.evaluation.report import FEW, Estimate, LabelScore
from cxnlp.evaluation.show import cell, number, with_interval
from cxnlp.evaluation.show_rivals import SAME, against_note, headline, p_value, rows_of, signed_interval, which
from cxnlp.evaluation.study import Study


@dataclass(frozen=True)
class Source:
    """What was evaluated, in the user's words."""

    bundle: str
    data: str
    split: str | None = None
    only: Mapping[str, Sequence[str]] | None = None
    broken_lines: int = 0


@dataclass(frozen=True)
class Table:
    """Cells as text; the first column names the row."""

    title: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    shades: Sequence[Sequence[float]] = ()
    """Of a matrix: the share of its row that each cell is, from 0 to 1, for the columns after the first."""


@dataclass(frozen=True)
class Section:
    """Tables under one heading."""

    key: str
    title: str
    note: str
    tables: Sequence[Table]


def sections(study: Study) -> list[Section]:
    """Lay out all tables of a study."""
    found = [
        _systems(study),
        *([_against(study.against)] if study.against else []),
        _by_language(study),
        *_by_group(study),
        _labels(study),
        _confusion(study.confusions),
        _calibration(study),
        _coverage(study),
        _curves(study),
    ]
    return [section for section in found if section.tables]


def _systems(study: Study) -> Section:
    tables = []
    for facet, figures in study.report.figures.items():
        rows = []
        for name, found in rows_of(study.systems, facet):
            shown = [headline(found.get(figure)) for figure in figures]
            support = next((e.support for e in shown if e is not None), 0)
            rows.append([name, f"{support:,}", *(cell(e) for e in shown)])
        tables.append(Table(facet, ["", "reviews", *(FIGURE_NAMES[figure] for figure in figures)], rows))
    notes = [f"{one.name[0].upper()}{one.name[1:]}: {one.note}." for one in study.systems if one.note]
    if any(one.beside for one in study.systems):
        notes.append(f"“{SAME}”: the model on the reviews and facets of the line above it.")
    note = f"Figures: {which(study.report)}. " + " ".join(notes)
    return Section("beside", "The model and what it is held against", note, tables)


def _against(against: Paired) -> Section:
    tables = []
    for facet, figures in against.figures.items():
        rows = [
            [f"{FIGURE_NAMES[figure]}, {name}", f"{one.support:,}"]
            + (
                ["", "", TOO_FEW, ""]
                if one.few
                else [number(one.first), number(one.second), signed_interval(one), p_value(one.p)]
            )
            for figure, slices in figures.items()
            for name, one in slices.items()
        ]
        tables.append(Table(facet, ["", "reviews", "A", "B", "B − A", "p"], rows))
    note = f"A is {against.first}, B is {against.second}. " + against_note(against).replace("\n", " ")
    return Section("against", "Two models on the same reviews", note, tables)


def _by_language(study: Study) -> Section:
    report = study.report
    tables = [_slices(facet, figures, None) for facet, figures in report.figures.items()]
    note = "“all” is all reviews together, “mean” the unweighted mean of the languages."
    return Section("languages", "By language", note, tables)


def _by_group(study: Study) -> Iterable[Section]:
    words = "Words are what white space parts."
    for grouping, title, note in ((SOURCE, "By source file", ""), (LENGTH, "By length in words", words)):
        facets = study.report.by.get(grouping, {})
        tables = [_slices(facet, figures, grouping) for facet, figures in facets.items()]
        if any(len(table.rows) > 1 for table in tables):
            yield Section(grouping, title, note, tables)


def _slices(facet: str, figures: Mapping[str, Mapping[str, Estimate]], grouping: str | None) -> Table:
    first = next(iter(figures.values()))
    names = list(first) if grouping is None else in_order(grouping, list(first))
    rows = [[name, f"{first[name].support:,}", *(cell(s.get(name)) for s in figures.values())] for name in names]
    return Table(facet, ["", "reviews", *(FIGURE_NAMES[figure] for figure in figures)], rows)


def _labels(study: Study) -> Section:
    tables = []
    heads = ["", "gold", "predicted", "precision", "recall", "F1"]
    for name, slices in study.report.labels.items():
        rows = [_label_row(label, score) for label, score in slices["all"].items()]
        tables.append(Table(name, heads, rows))
    note = f"All reviews together. Labels with fewer than {FEW} in gold are too few to say."
    return Section("labels", "Every label", note, tables)


def _label_row(label: str, score: LabelScore) -> list[str]:
    counts = [label, f"{score.support:,}", f"{score.predicted:,}"]
    if score.few:
        return [*counts, "", "", TOO_FEW]
    f1 = with_interval(Estimate(score.f1, score.low, score.high, score.support, score.support))
    return [*counts, number(score.precision), number(score.recall), f1]


def _confusion(confusions: Sequence[Confusion]) -> Section:
    tables = []
    for one in confusions:
        totals = [sum(row) for row in one.counts]
        rows = [[label, *(f"{n:,}" for n in row)] for label, row in zip(one.labels, one.counts, strict=True)]
        shades = [[n / total if total else 0.0 for n in row] for row, total in zip(one.counts, totals, strict=True)]
        tables.append(Table(one.name, ["gold ↓ predicted →", *one.labels], rows, shades))
    note = (
        "Rows are gold, columns predicted; numbers of reviews. A polarity is of labels that were found, each one case."
    )
    return Section("confusion", "What is taken for what", note, tables)


def _calibration(study: Study) -> Section:
    names = list(dict.fromkeys(name for one in study.calibrations for name in one.ece))
    rows = []
    for one in study.calibrations:
        judged = one.ece["all"].gold
        errors = [cell(one.ece.get(name)) for name in names]
        rows.append([one.facet, f"{judged:,}", str(len(one.bins)), number(one.by_chance["all"]), *errors])
    note = (
        "Expected calibration error (ECE): how far a probability lies from the share that is right, × 100. Judged are "
        "the most probable label where one is right; every label, pooled, as yes or no where several can be; and the "
        "most probable polarity of each label in gold. Bins hold equally many judgements (Nguyen & O’Connor 2015; "
        "Roelofs et al. 2022): at most 15 bins, of at least 20 each. Chance alone makes the error larger than 0, and "
        "its interval lies a little high; “by chance” is what all would have if every probability were true."
    )
    return Section(
        "calibration",
        "Calibration",
        note,
        [Table("ECE", ["", "judgements", "bins", "by chance", *names], rows)] if rows else [],
    )


def _coverage(study: Study) -> Section:
    tables = []
    for one in study.coverages:
        names = list(dict.fromkeys(name for found in one.error.values() for name in found))
        rows = [
            [f"{kept} %", number(one.kept_from[kept]), *(cell(found.get(name)) for name in names)]
            for kept, found in one.error.items()
        ]
        tables.append(Table(f"{one.facet}, error", ["kept", "confidence from", *names], rows))
    note = "Error is the share of wrong labels among the reviews that are kept, when the least certain are set aside."
    return Section("coverage", "Coverage against error", note, tables)


def _curves(study: Study) -> Section:
    facets: dict[str, list[list[str]]] = {}
    for one in study.curves:
        found = [number(part) for part in (one.average_precision, one.precision, one.recall)]
        shown = ["", "", TOO_FEW] if one.support < FEW else found
        facets.setdefault(one.facet, []).append([one.label, f"{one.support:,}", f"{one.threshold:.3f}", *shown])
    heads = ["", "gold", "threshold", "average precision", "precision there", "recall there"]
    note = "As the threshold alone would have it; the main phase, say, is given even below its threshold."
    tables = [Table(facet, heads, rows) for facet, rows in facets.items()]
    return Section("curves", "Precision and recall as thresholds move", note, tables)
