"""Files of reviews to score, of any kind, read row by row; a damaged row is flagged, and none is lost unsaid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from cxnlp.data.columns import NoTextColumnError, key, wanted_column
from cxnlp.data.decisions import decisions
from cxnlp.data.delimited_table import open_delimited
from cxnlp.data.formats import Format, recognise
from cxnlp.data.json_rows import BROKEN_LINE, NOT_TEXT
from cxnlp.data.json_table import open_json
from cxnlp.data.mapping import NO_MAPPING, merged, read_mapping
from cxnlp.data.mapping import Mapping as ColumnMapping
from cxnlp.data.personal import holds_personal, is_personal
from cxnlp.data.raw import Raw, RawTable
from cxnlp.data.roles import Roles, find_roles
from cxnlp.data.rows import ROW_FLAGS, ReadingOptions, Row, Table
from cxnlp.data.source import SUFFIXES, Source, open_source
from cxnlp.data.survey import EDITED, Survey, kept, survey
from cxnlp.data.values import Scale, joined, original_of, rating_of, scale_named
from cxnlp.errors import DataError
from cxnlp.text.declared import language_of

__all__ = [
    "ROW_FLAGS", "SAMPLE_ROWS", "SUFFIXES", "Meaning", "ReadingOptions", "Row", "Table", "open_raw", "open_table",
    "personal_columns", "read_rows",
]  # fmt: skip

SAMPLE_ROWS = 200
"""Rows that the roles of columns are guessed from."""
_NOT_TEXT = "the text is not a string; nothing to score"
_MAPPED = "as the mapping says"


def open_table(path: Path, options: ReadingOptions = ReadingOptions()) -> Table:  # noqa: B008 - it is frozen
    """Look through a file: what it is, its columns and their roles, its number of rows, and which are left out.

    ``-`` is standard input.

    Raises:
        DataError: the file cannot be read, has no rows, holds no text, or its text column is not known.
        SettingsError: the mapping cannot be used.
    """
    mapping = read_mapping(options.mapping) if options.mapping else NO_MAPPING
    options = merged(options, mapping)
    scale = scale_named(options.rating_scale, "rating scale") if options.rating_scale else None
    raw = open_raw(open_source(path), options)
    named = options.format is not None
    export = recognise(raw.columns, options.format)
    if export.refusal and options.text_column is None:
        raise NoTextColumnError(
            f"{path}: this is a {export.title} export, and {export.refusal}; or name a column with --text-column"
        )
    body = _body(raw, export, mapping)
    head = list(islice(body(), SAMPLE_ROWS * 5))
    sample = [row.cells for row in head if BROKEN_LINE not in row.flags][:SAMPLE_ROWS]
    if not head:
        raise DataError(f"{path}: a header and no rows; there is nothing to score")
    open_ended = export.text_columns(list(islice(raw.rows(), 2))) if export.text_columns else ()
    roles = find_roles(str(path), raw.columns, sample, export, options, open_ended)
    roles = _with_id(roles, str(path), raw.columns, mapping)
    reason = _reason(export, options, mapping, str(path), raw.columns)
    found = survey(
        body(),
        roles.columns,
        reason=reason,
        edits=export.edits,
        scale=export.scale,
        month_first=export.month_first,
        date_order=mapping.date_order,
        given=scale,
    )
    personal = () if options.keep_personal else personal_columns(raw.columns, export, mapping, roles, head)
    return Table(
        raw.source.path,
        raw.encoding,
        raw.delimiter,
        raw.header,
        raw.columns,
        roles.columns["text"],
        roles.text_reason,
        found.n_rows,
        format=export.name,
        roles=roles.columns,
        carried=tuple(name for name in raw.columns if name not in personal),
        decisions=decisions(raw.notes, export, named, roles, found, personal),
        kind=raw.source.kind,
        kinds=raw.kinds,
        day_first=found.dates.day_first,
        ratings=found.ratings,
        rows=_Reading(body, reason, found, Meaning(roles.columns, found.scale)),
    )


def read_rows(table: Table) -> Iterator[Row]:
    """Yield the rows of a table in order; those left out are counted in ``table.left_out``, from nothing.

    Raises:
        DataError: the file cannot be read.
    """
    table.left_out.clear()
    return table.rows(table.left_out)


def open_raw(source: Source, options: ReadingOptions) -> RawTable:
    """Open a file of any kind before it is known what its columns mean.

    Raises:
        DataError: it cannot be read, or has no rows.
    """
    if source.kind in ("json", "jsonl"):
        return open_json(source, options.encoding)
    if source.kind == "xlsx":
        from cxnlp.data.workbook import open_workbook

        return open_workbook(source, options.sheet)
    if source.kind == "parquet":
        from cxnlp.data.parquet_table import open_parquet

        return open_parquet(source)
    return open_delimited(source, options.encoding, options.delimiter)


def _body(raw: RawTable, export: Format, mapping: ColumnMapping) -> Callable[[], Iterator[Raw]]:
    """Give the rows without further records of the header."""

    def rows() -> Iterator[Raw]:
        found = islice(raw.rows(), mapping.extra_header_rows, None)
        return export.body(found) if export.body else found

    return rows


def _with_id(roles: Roles, path: str, columns: Sequence[str], mapping: ColumnMapping) -> Roles:
    if mapping.id is None:
        return roles
    found = wanted_column(path, columns, mapping.id, "id in the mapping")
    return Roles({**roles.columns, "id": found}, roles.text_reason)


def _reason(
    export: Format, options: ReadingOptions, mapping: ColumnMapping, path: str, columns: Sequence[str]
) -> Callable[[Mapping[str, Any]], str] | None:
    """Give what says why a row is left out, or None if none is."""
    by_export = None if options.keep_unfinished else export.leave_out
    if not mapping.leave_out:
        return by_export
    values = {
        wanted_column(path, columns, name, "leave_out in the mapping"): {word.casefold() for word in words}
        for name, words in mapping.leave_out.items()
    }

    def reason(cells: Mapping[str, Any]) -> str:
        if any(str(cells.get(name, "")).strip().casefold() in words for name, words in values.items()):
            return _MAPPED
        return by_export(cells) if by_export else ""

    return reason


def personal_columns(
    columns: Sequence[str], export: Format, mapping: ColumnMapping, roles: Roles, rows: Sequence[Raw] = ()
) -> tuple[str, ...]:
    """Name the columns about a person, which are not carried to a result: by name, or what objects in them hold."""
    inside = {name for row in rows for name, value in row.cells.items() if holds_personal(name, value)}
    used = {name for role, name in roles.columns.items() if role in ("text", "title", "rating", "date", "language")}
    carried = {key(name) for name in mapping.carry}
    listed = {key(name) for name in mapping.personal}
    return tuple(
        name
        for name in columns
        if key(name) in listed
        or (
            name not in used
            and key(name) not in carried
            and (key(name) in export.personal or is_personal(name) or name in inside)
        )
    )


@dataclass(frozen=True)
class _Reading:
    """Reads the rows that count, and counts the others."""

    body: Callable[[], Iterator[Raw]]
    reason: Callable[[Mapping[str, Any]], str] | None
    found: Survey
    meaning: Meaning

    def __call__(self, left_out: Counter[str]) -> Iterator[Row]:
        for raw, counts in kept(self._finished(left_out), self.found.superseded):
            if counts:
                yield self.meaning.row(raw)
            else:
                left_out[EDITED] += 1

    def _finished(self, left_out: Counter[str]) -> Iterator[Raw]:
        for raw in self.body():
            if self.reason and (why := self.reason(raw.cells)):
                left_out[why] += 1
            else:
                yield raw


@dataclass(frozen=True)
class Meaning:
    """From a raw row to one with a text, by the roles of its columns."""

    roles: Mapping[str, str]
    scale: Scale | None

    def row(self, raw: Raw) -> Row:
        """Give the row."""
        text_column = self.roles["text"]
        if BROKEN_LINE in raw.flags:
            return Row(raw.line, {text_column: raw.unread}, "", raw.flags, raw.problem)
        cells, flags, problem = raw.cells, raw.flags, raw.problem
        text = _text_of(cells.get(text_column))
        if text is None:
            text, flags = "", (*flags, NOT_TEXT)
            problem = f"{problem}; {_NOT_TEXT}" if problem else _NOT_TEXT
        elif "oogle)" in text:
            text = original_of(text)
        title = self.roles.get("title")
        if title is not None and (head := _text_of(cells.get(title))):
            text = joined(head, text)
        rating, language = self.roles.get("rating"), self.roles.get("language")
        return Row(
            raw.line,
            cells,
            text,
            flags,
            problem,
            rating_of(cells.get(rating), self.scale) if rating is not None else None,
            language_of(cells.get(language)) if language is not None else "",
        )


def _text_of(value: Any) -> str | None:
    """Give a cell as text; None if it is a list, an object or a truth value."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
