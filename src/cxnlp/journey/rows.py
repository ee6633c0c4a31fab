"""A scored file as the rows that a report is counted from; texts are left where they are."""

from __future__ import annotations

import datetime
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from cxnlp.data.columns import key, wanted_column
from cxnlp.data.kinds import as_text
from cxnlp.data.read import Problem
from cxnlp.data.tables import ReadingOptions, Table
from cxnlp.data.values import date_of
from cxnlp.errors import DataError
from cxnlp.inference.cells import PREFIX
from cxnlp.inference.prediction import Prediction
from cxnlp.inference.scored import ScoredRow, ScoredTable, Status, open_scored
from cxnlp.journey.parts import Parts
from cxnlp.text.shorten import shorten

# Columns by which a report is divided if none is named; compared as cxnlp.data.columns.key gives them.
_DIVIDED_BY = (
    "source", "channel", "platform", "store", "shop", "branch", "market", "country", "brand", "region",
    "kilde", "kanal", "butikk", "butik", "avdeling", "filial", "land", "merke", "källa", "varumärke",
)  # fmt: skip
_VALUE_CHARS = 60


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """The labels of one row, and what stands beside them."""

    line: int
    """Line or row of the file."""
    touchpoints: Mapping[str, str]
    phases: tuple[str, ...]
    verdict: str
    score: float | None
    confidence: float
    language: str
    needs_review: bool
    rating: float | None
    """From −1 (1 of 5 stars) to 1 (5 of 5)."""
    day: datetime.date | None
    groups: tuple[str, ...]
    """The value of each column that the report is divided by."""
    text: int
    """A hash of the text, by which copies are known; 0 without texts."""


@dataclass(frozen=True)
class ScoredFile:
    """What was read."""

    source: ScoredTable
    parts: Parts
    reviews: Sequence[ReviewRow]
    """Those that have labels."""
    n_rows: int
    """All rows but those that are broken."""
    flags: Mapping[str, int]
    """Flag to rows, of all these."""
    n_unknown: int
    """Rows left out of all but the flags, because the taxonomy does not have one of their labels, or their confidence
    cannot be read."""
    divided_by: tuple[str, ...] = ()
    roles: Mapping[str, str] = field(default_factory=dict)
    """Role to column, of rating and date."""
    problems: Sequence[Problem] = ()
    """What is wrong with rows, those left out among them."""


def read_review_rows(
    path: Path,
    parts: Parts,
    options: ReadingOptions = ReadingOptions(),  # noqa: B008 - it is frozen
    by: Sequence[str] = (),
) -> ScoredFile:
    """Read a scored file; ``by`` names the columns to divide by, otherwise those that are known by their names.

    Raises:
        DataError: it cannot be read, was scored with another taxonomy, or lacks a named column.
    """
    needed = [facet.name for facet in (parts.touchpoints, parts.verdict, parts.phases) if facet]
    scored = open_scored(path, parts.taxonomy, options, [*needed, "flags"])
    table = scored.table
    divided_by = tuple(_named(table, name) for name in by) or _guessed(table)
    reviews: list[ReviewRow] = []
    flags: Counter[str] = Counter()
    counts: Counter[Status] = Counter()
    problems: list[Problem] = []
    for row in scored.rows():
        problems += [row.problem] if row.problem else []
        counts[row.status] += 1
        flags.update(row.flags)
        if row.status is Status.LABELLED and row.prediction:
            reviews.append(_scored(row, row.prediction, parts, table, divided_by))
    if not reviews:
        raise DataError(f"{path}: no row has labels; expected scored reviews with something to read; score it first")
    roles = {role: table.roles[role] for role in ("rating", "date") if role in table.roles}
    n_rows, n_unknown = counts.total() - counts[Status.BROKEN], counts[Status.UNKNOWN]
    return ScoredFile(scored, parts, reviews, n_rows, dict(flags), n_unknown, divided_by, roles, problems)


def _scored(row: ScoredRow, said: Prediction, parts: Parts, table: Table, divided_by: Sequence[str]) -> ReviewRow:
    verdict, phases, cells = parts.verdict, parts.phases, row.source.fields
    found = tuple(said.labels[phases.name]) if phases else ()
    return ReviewRow(
        row.line,
        cast(Mapping[str, str], said.labels[parts.touchpoints.name]),
        found[:1] if phases and phases.main else found,
        str(said.labels[verdict.name]) if verdict else "",
        row.scores.get(verdict.name) if verdict else None,
        said.confidence,
        said.language,
        said.needs_review,
        row.source.rating,
        date_of(cells.get(table.roles.get("date", "")), day_first=table.day_first),
        tuple(_value(cells.get(name)) for name in divided_by),
        0 if row.text is None else hash(row.text),
    )


def _value(cell: Any) -> str:
    return sys.intern(shorten(as_text(cell).strip(), _VALUE_CHARS))


def _named(table: Table, name: str) -> str:
    found = wanted_column(str(table.path), table.columns, name, "--by")
    if found in (table.roles.get("text"), table.roles.get("title")):
        raise DataError(
            f"{table.path}: the column {shorten(found, _VALUE_CHARS)!r} holds the reviews themselves, expected one to "
            "divide them by, such as a shop; choose another"
        )
    if found not in table.carried:
        raise DataError(
            f"{table.path}: the column {shorten(found, _VALUE_CHARS)!r} is about a person, expected one to divide "
            "reviews by; choose another, or give --keep-personal if it is not"
        )
    return found


def _guessed(table: Table) -> tuple[str, ...]:
    return tuple(name for name in table.carried if key(name) in _DIVIDED_BY and not name.startswith(PREFIX))
