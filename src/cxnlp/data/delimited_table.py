"""Delimited text as a table: its encoding and delimiter, its header, and rows of the header's width."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cxnlp.data.columns import unique_names
from cxnlp.data.delimited import NO_DELIMITER, REASONS, Record, check_delimiter, choose_delimiter, records
from cxnlp.data.encodings import Encoding, find_encoding, text_lines
from cxnlp.data.raw import Raw, RawTable
from cxnlp.data.rows import TOO_FEW_FIELDS, TOO_MANY_FIELDS
from cxnlp.data.source import Source
from cxnlp.errors import DataError

_SAMPLE_CHARS = 1_000_000
# What Excel writes, and obeys, as the first line.
_SEPARATOR_LINE = re.compile(r"\ufeff?sep=(.)\r?\n?", re.IGNORECASE)


def open_delimited(source: Source, encoding: str | None, wanted: str | None) -> RawTable:
    """Find how a delimited file is to be read.

    Raises:
        DataError: it cannot be read, holds no text, or ``encoding`` or the delimiter ``wanted`` is none.
    """
    check_delimiter(wanted)
    found = find_encoding(source, encoding)
    sample = _sample_lines(source, found)
    named = _SEPARATOR_LINE.fullmatch(sample[0]) if sample else None
    delimiter = wanted or (named[1] if named else choose_delimiter(sample))
    skipped = 1 if named else 0
    header = _header(_records(source, found, delimiter, skipped))
    if not header:
        raise DataError(f"{source.path}: no text in the file; expected a header and rows")
    columns = unique_names(header)

    def rows() -> Iterator[Raw]:
        taken = _records(source, found, delimiter, skipped)
        _header(taken)
        body = _body(taken, one_column=len(columns) == 1)
        return (_row(record, columns, delimiter) for record in body)

    said = 'named in the first line, "sep="' if named else "as given" if wanted else "divides the rows as the header"
    shown = {NO_DELIMITER: "none: one column", "\t": f"tab ({said})"}.get(delimiter, f'"{delimiter}" ({said})')
    notes = (f"Encoding: {found.name}{' (as given)' if encoding else ''}.", f"Delimiter: {shown}.")
    return RawTable(source, found, delimiter, header, columns, rows, notes)


def _records(source: Source, encoding: Encoding, delimiter: str, skipped: int) -> Iterator[Record]:
    lines = text_lines(source, encoding)
    for _ in range(skipped):
        next(lines)
    return (Record(r.line + skipped, r.fields, r.flags) if skipped else r for r in records(lines, delimiter))


def _sample_lines(source: Source, encoding: Encoding) -> list[str]:
    lines: list[str] = []
    size = 0
    for line in text_lines(source, encoding):
        lines.append(line)
        size += len(line)
        if size > _SAMPLE_CHARS:
            break
    return lines


def _header(found: Iterator[Record]) -> tuple[str, ...]:
    """Take the first record that is not blank; empty if there is none."""
    return next((tuple(record.fields) for record in found if record.fields), ())


def _body(found: Iterator[Record], *, one_column: bool) -> Iterator[Record]:
    """Drop blank lines; in a file with one column, those before the last row are rows with an empty text."""
    blank: list[Record] = []
    for record in found:
        if not record.fields:
            blank.append(record)
            continue
        if one_column:
            yield from blank
        blank.clear()
        yield record


def _row(record: Record, columns: tuple[str, ...], delimiter: str) -> Raw:
    cells, flags, problem = _fit(record.fields, len(columns), delimiter)
    fields = dict(zip(columns, cells, strict=True))
    if not (record.flags or flags):
        return Raw(record.line, fields)
    problems = [REASONS[flag] for flag in record.flags] + ([problem] if problem else [])
    return Raw(record.line, fields, (*record.flags, *flags), "; ".join(problems))


def _fit(cells: Sequence[str], width: int, delimiter: str) -> tuple[Sequence[str], tuple[str, ...], str]:
    """Bring a row to the header's width."""
    if len(cells) == width or width == 1:
        return ([delimiter.join(cells)] if width == 1 else cells), (), ""
    found = f"{len(cells)} cells, expected {width}"
    if len(cells) < width:
        return [*cells, *[""] * (width - len(cells))], (TOO_FEW_FIELDS,), f"{found}; the missing ones are empty"
    if not any(cells[width:]):  # delimiters at the end of the line and nothing between them
        return cells[:width], (), ""
    last = delimiter.join(cells[width - 1 :])
    return [*cells[: width - 1], last], (TOO_MANY_FIELDS,), f"{found}; what is too much is in the last cell"
