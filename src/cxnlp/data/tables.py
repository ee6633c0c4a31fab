"""Files of reviews to score, CSV or JSONL, read row by row; a damaged row is flagged, and none is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from cxnlp.data.columns import find_text_column, unique_names
from cxnlp.data.delimited import BAD_QUOTES, INVALID_BYTES, NUL_BYTES, Record, choose_delimiter, records
from cxnlp.data.encodings import Encoding, find_encoding, text_lines
from cxnlp.data.json_rows import BROKEN_LINE, NOT_TEXT, JsonLine, json_rows
from cxnlp.data.rows import ROW_FLAGS, TOO_FEW_FIELDS, TOO_MANY_FIELDS, ReadingOptions, Row, Table
from cxnlp.errors import DataError

__all__ = ["ROW_FLAGS", "ReadingOptions", "Row", "Table", "open_table", "read_rows"]

TABLE_SUFFIXES = (".csv", ".tsv", ".txt")
JSON_SUFFIXES = (".jsonl", ".ndjson")

_REASONS = {
    INVALID_BYTES: "bytes that are not text in this encoding, replaced by U+FFFD",
    NUL_BYTES: "NUL characters, removed",
    BAD_QUOTES: "a quote is not closed or stands alone; the line was read as one row",
    NOT_TEXT: "the text is not a string; nothing to score",
}
_SAMPLE_CHARS = 1_000_000
_SAMPLE_ROWS = 200


def open_table(path: Path, options: ReadingOptions = ReadingOptions()) -> Table:  # noqa: B008 - it is frozen
    """Look through a file once: its encoding, delimiter, columns, number of rows, and where the text is.

    Raises:
        DataError: the file cannot be read, has no rows, or its text column is not known.
    """
    found = find_encoding(path, options.encoding)
    suffix = path.suffix.lower()
    if suffix not in TABLE_SUFFIXES + JSON_SUFFIXES:
        expected = ", ".join(TABLE_SUFFIXES + JSON_SUFFIXES)
        raise DataError(f"{path}: unknown kind of file {suffix or '(no extension)'!r}, expected one of {expected}")
    if suffix in JSON_SUFFIXES:
        return _open_json(path, found, options.text_column)
    return _open_delimited(path, found, options.text_column, options.delimiter)


def read_rows(table: Table) -> Iterator[Row]:
    """Yield the rows of a table in order.

    Raises:
        DataError: the file cannot be read.
    """
    lines = text_lines(table.path, table.encoding)
    if table.is_json:
        return (_json_row(line, table.text_column) for line in json_rows(lines))
    found = records(lines, table.delimiter)
    _header(found)
    return (_table_row(record, table) for record in _body(found, one_column=len(table.columns) == 1))


def _open_json(path: Path, encoding: Encoding, text_column: str | None) -> Table:
    keys: dict[str, None] = {}
    sample: list[Mapping[str, Any]] = []
    n_rows = 0
    for line in json_rows(text_lines(path, encoding)):
        n_rows += 1
        if line.record is not None:
            keys.update(dict.fromkeys(line.record))
            if len(sample) < _SAMPLE_ROWS:
                sample.append(line.record)
    if not n_rows:
        raise DataError(f"{path}: no lines; expected one JSON object a line")
    if not sample:
        raise DataError(f"{path}: none of the {n_rows} lines is a JSON object; expected one object a line")
    names = tuple(keys)
    column, reason = find_text_column(str(path), names, sample, text_column)
    return Table(
        path, encoding, "", names, names, column, reason, n_rows, roles={"text": column}, carried=names, kind="jsonl"
    )


def _open_delimited(path: Path, encoding: Encoding, text_column: str | None, wanted: str | None) -> Table:
    if wanted is not None and (len(wanted) != 1 or wanted in '"\r\n\0'):
        raise DataError(f"delimiter {wanted!r}: expected one character, such as ; or , or | or tab")
    delimiter = wanted or choose_delimiter(_sample_lines(path, encoding))
    found = records(text_lines(path, encoding), delimiter)
    header = _header(found)
    if not header:
        raise DataError(f"{path}: no text in the file; expected a header and rows")
    columns = unique_names(header)
    rows = _body(found, one_column=len(columns) == 1)
    head = list(islice(rows, _SAMPLE_ROWS))
    n_rows = len(head) + sum(1 for _ in rows)
    if not n_rows:
        raise DataError(f"{path}: a header and no rows; there is nothing to score")
    sample = [dict(zip(columns, record.fields, strict=False)) for record in head]
    column, reason = find_text_column(str(path), columns, sample, text_column)
    roles = {"text": column}
    return Table(path, encoding, delimiter, header, columns, column, reason, n_rows, roles=roles, carried=columns)


def _sample_lines(path: Path, encoding: Encoding) -> list[str]:
    lines: list[str] = []
    size = 0
    for line in text_lines(path, encoding):
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


def _table_row(record: Record, table: Table) -> Row:
    cells, flags, problem = _fit(record.fields, len(table.columns), table.delimiter)
    fields = dict(zip(table.columns, cells, strict=True))
    problems = [_REASONS[flag] for flag in record.flags] + ([problem] if problem else [])
    return Row(record.line, fields, fields[table.text_column], (*record.flags, *flags), "; ".join(problems))


def _fit(cells: Sequence[str], width: int, delimiter: str) -> tuple[list[str], tuple[str, ...], str]:
    """Bring a row to the header's width."""
    if len(cells) == width or width == 1:
        return ([delimiter.join(cells)] if width == 1 else list(cells)), (), ""
    found = f"{len(cells)} cells, expected {width}"
    if len(cells) < width:
        return [*cells, *[""] * (width - len(cells))], (TOO_FEW_FIELDS,), f"{found}; the missing ones are empty"
    if not any(cells[width:]):  # delimiters at the end of the line and nothing between them
        return list(cells[:width]), (), ""
    last = delimiter.join(cells[width - 1 :])
    return [*cells[: width - 1], last], (TOO_MANY_FIELDS,), f"{found}; what is too much is in the last cell"


def _json_row(line: JsonLine, text_column: str) -> Row:
    if line.record is None:
        return Row(line.number, {text_column: line.raw}, "", (*line.flags, BROKEN_LINE), line.problem)
    value = line.record.get(text_column)
    flags = line.flags
    if value is None:
        text = ""
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        text = str(value)
    else:
        text, flags = "", (*flags, NOT_TEXT)
    return Row(line.number, line.record, text, flags, "; ".join(_REASONS[flag] for flag in flags))
