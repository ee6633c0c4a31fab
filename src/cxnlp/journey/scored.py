"""A scored file as the rows that a report is counted from; texts are left where they are."""

from __future__ import annotations

import datetime
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cxnlp.data.columns import NoTextColumnError, key, wanted_column
from cxnlp.data.kinds import as_text
from cxnlp.data.source import STANDARD
from cxnlp.data.tables import ReadingOptions, Row, Table, open_table, read_rows
from cxnlp.data.values import date_of
from cxnlp.errors import DataError
from cxnlp.inference.cells import PREFIX
from cxnlp.inference.prediction import NEEDS_REVIEW
from cxnlp.journey.cells import LabelReader
from cxnlp.journey.parts import Parts
from cxnlp.text.shorten import shorten

# Columns by which a report is divided if none is named; compared as cxnlp.data.columns.key gives them.
_DIVIDED_BY = (
    "source", "channel", "platform", "store", "shop", "branch", "market", "country", "brand", "region",
    "kilde", "kanal", "butikk", "butik", "avdeling", "filial", "land", "merke", "källa", "varumärke",
)  # fmt: skip
_VALUE_CHARS = 60


@dataclass(frozen=True, slots=True)
class Scored:
    """The labels of one row, and what stands beside them."""

    place: int
    """Among the rows of the file, from 0."""
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

    table: Table
    reader: LabelReader
    reviews: Sequence[Scored]
    """Those that have labels."""
    n_rows: int
    flags: Mapping[str, int]
    """Flag to rows, of all rows."""
    n_unknown: int
    """Rows left out, because the taxonomy does not have one of their labels."""
    divided_by: tuple[str, ...] = ()
    with_text: bool = True
    roles: Mapping[str, str] = field(default_factory=dict)
    """Role to column, of rating and date."""


def open_scored(path: Path, options: ReadingOptions) -> tuple[Table, bool]:
    """Open a scored file; give it, and whether it has texts. ``text_column=""`` says that it has none.

    Raises:
        DataError: it cannot be read, or is no scored file.
    """
    if options.text_column != "":
        try:
            return open_table(path, options), True
        except NoTextColumnError:
            if path == STANDARD:  # read to its end, and gone
                raise
    for flags in (f"{PREFIX}flags", "flags"):  # a table has a text column; this one is never read as such
        try:
            return open_table(path, replace(options, text_column=flags, title_column="")), False
        except DataError:
            continue
    raise DataError(f"{path}: neither texts nor labels; expected a file that cxnlp score wrote; score it first")


def read_scored(
    path: Path,
    parts: Parts,
    options: ReadingOptions = ReadingOptions(),  # noqa: B008 - it is frozen
    by: Sequence[str] = (),
) -> ScoredFile:
    """Read a scored file; ``by`` names the columns to divide by, otherwise those that are known by their names.

    Raises:
        DataError: it cannot be read, was scored with another taxonomy, or lacks a named column.
    """
    table, with_text = open_scored(path, options)
    reader = LabelReader(str(path), table.columns, parts)
    divided_by = tuple(_named(table, name) for name in by) or _guessed(table)
    reviews: list[Scored] = []
    flags: Counter[str] = Counter()
    n_rows = n_unknown = 0
    for place, row in enumerate(read_rows(table)):
        n_rows += 1
        its_flags = reader.flags(row.fields)
        flags.update(its_flags)
        confidence = reader.confidence(row.fields)
        if confidence is None:
            continue
        try:
            reviews.append(_scored(place, row, table, reader, confidence, divided_by, with_text, its_flags))
        except DataError:
            n_unknown += 1
    if not reviews:
        what = f"all {n_unknown:,} rows have labels that the model does not know" if n_unknown else "no row has labels"
        raise DataError(f"{path}: {what}; expected labels of the model {parts.taxonomy.name!r}; name one with --model")
    roles = {role: table.roles[role] for role in ("rating", "date") if role in table.roles}
    return ScoredFile(table, reader, reviews, n_rows, dict(flags), n_unknown, divided_by, with_text, roles)


def _scored(
    place: int,
    row: Row,
    table: Table,
    reader: LabelReader,
    confidence: float,
    divided_by: Sequence[str],
    with_text: bool,
    flags: Sequence[str],
) -> Scored:
    verdict, score = reader.verdict(row.fields)
    return Scored(
        place,
        reader.touchpoints(row.fields),
        reader.phases(row.fields),
        verdict,
        score,
        confidence,
        reader.language(row.fields),
        NEEDS_REVIEW in flags,
        row.rating,
        date_of(row.fields.get(table.roles.get("date", "")), day_first=table.day_first),
        tuple(_value(row.fields.get(name)) for name in divided_by),
        hash(row.text) if with_text else 0,
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
