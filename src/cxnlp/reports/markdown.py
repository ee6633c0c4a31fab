"""The tables of a report in Markdown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cxnlp.evaluation.study import Study
from cxnlp.reports.tables import Section, Source, Table, sections

# What Markdown or HTML would read in a name of a file or label. Brackets around numbers are intervals, and stay.
_SPECIAL = re.compile(r"([\\`*_|<>&]|\[(?![\d+−])|\](?=[(\[]))")


def markdown(study: Study, source: Source) -> str:
    """Lay out the tables of a study. They hold no text and no id of a review."""
    return "\n".join([*_heading(study, source), *(line for part in sections(study) for line in _section(part))])


def _heading(study: Study, source: Source) -> list[str]:
    return [f"# Evaluation of {escaped(source.bundle)}", "", escaped(described(study, source)), ""]


def described(study: Study, source: Source) -> str:
    """Say in a sentence or two what the figures are of."""
    counts = study.report.reviews
    languages = ", ".join(f"{name} {n:,}" for name, n in counts.items() if name != "all")
    split = f", split {source.split}" if source.split else ""
    only = "".join(
        f" {facet} is decided among {', '.join(labels)} only." for facet, labels in (source.only or {}).items()
    )
    broken = f" {source.broken_lines:,} broken lines were left out." if source.broken_lines else ""
    return (
        f"{counts['all']:,} reviews of {source.data}{split} ({languages}).{only}{broken} Figures × 100 with 95 % "
        f"bootstrap intervals ({study.report.resamples:,} resamples of reviews within each language)."
    )


def escaped(text: str) -> str:
    """Give text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def _section(section: Section) -> list[str]:
    note = [escaped(section.note), ""] if section.note else []
    return [f"## {section.title}", "", *note, *(line for table in section.tables for line in _table(table))]


def _table(table: Table) -> list[str]:
    rule = ["---", *["---:"] * (len(table.heads) - 1)]
    return [f"### {escaped(table.title)}", "", _row(table.heads, True), _row(rule, False), *_rows(table), ""]


def _rows(table: Table) -> list[str]:
    return [_row(row, True) for row in table.rows]


def _row(cells: Sequence[str], escape: bool) -> str:
    return f"| {' | '.join(escaped(one) if escape else one for one in cells)} |"
