"""Lines of delimited text to records, so that a quote left open costs one row and not the rest of the file."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cxnlp.data.encodings import INVALID_MARK, LONG_MARK, MAX_LINE_CHARS
from cxnlp.errors import DataError

INVALID_BYTES = "invalid_bytes"
"""Flag: bytes that are not text in the file's encoding; they are now U+FFFD."""
NUL_BYTES = "nul_bytes"
"""Flag: NUL characters, which were removed."""
BAD_QUOTES = "bad_quotes"
"""Flag: a quote was not closed, or stood alone inside a quoted cell; the line was read as one row."""
LONG_LINE = "long_line"
"""Flag: a line of more than 16 million characters; what is beyond was cut off."""
REASONS = {
    INVALID_BYTES: "bytes that are not text in this encoding, replaced by U+FFFD",
    NUL_BYTES: "NUL characters, removed",
    BAD_QUOTES: "a quote is not closed or stands alone; the line was read as one row",
    LONG_LINE: "a line of more than 16 million characters; what is beyond was cut off",
}
"""Flag to what was wrong, for people."""

DELIMITERS = (";", ",", "\t", "|")
NO_DELIMITER = "\x1f"
"""Delimiter of a file with one column: the unit separator, which no text holds."""

# A quoted cell longer than this is taken for a quote that was left open.
_MAX_RECORD_CHARS = MAX_LINE_CHARS
# Cells of a megabyte and more are read; the csv module refuses them unless told otherwise.
csv.field_size_limit(2**31 - 1)


@dataclass(frozen=True)
class Record:
    """One record of a delimited file; ``fields`` is empty for a blank line. ``line`` counts from 1."""

    line: int
    fields: list[str]
    flags: tuple[str, ...] = ()


class _Lines:
    """Cleaned lines that can be put back; remembers the number of the line given last."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._source = iter(lines)
        self._back: deque[str] = deque()
        self.number = 0

    def take(self) -> str | None:
        line = self._back.popleft() if self._back else next(self._source, None)
        self.number += line is not None
        return line

    def put_back(self, lines: list[str]) -> None:
        self._back.extendleft(reversed(lines))
        self.number -= len(lines)


def records(lines: Iterable[str], delimiter: str) -> Iterator[Record]:
    """Yield the records of ``lines`` (with their line ends).

    Where a line opens a quote that is never properly closed, that line alone is a record, flagged ``bad_quotes``, and
    reading goes on with the next line. The first record that is not blank sets the width that such a line should have.
    """
    source = _Lines(lines)
    width = 0
    while (line := source.take()) is not None:
        number = source.number
        if '"' not in line:
            taken, fields, clean = [line], _split(line, delimiter), True
        else:
            taken, fields, clean = _quoted(source, line, delimiter, width)
        width = width or len(fields)
        yield _record(number, fields, "".join(taken), clean)


def check_delimiter(delimiter: str | None) -> None:
    """Refuse what cannot stand between cells; None is for one that is found out.

    Raises:
        DataError: it is not one character, or one that means something else.
    """
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '"\r\n\0'):
        raise DataError(f"delimiter {delimiter!r}: expected one character, such as ; or , or | or tab")


def choose_delimiter(lines: Sequence[str]) -> str:
    """Give the delimiter with which most rows have as many cells as the header, or ``NO_DELIMITER`` for one column."""
    best, best_votes = NO_DELIMITER, (0.0, 0.0, 0)
    for delimiter in DELIMITERS:
        widths = [len(record.fields) for record in records(lines, delimiter) if record.fields]
        if not widths or widths[0] < 2:
            continue
        header, rows = widths[0], widths[1:]
        same = sum(width == header for width in rows) / len(rows) if rows else 1.0
        several = sum(width > 1 for width in rows) / len(rows) if rows else 1.0
        # A header that merely holds a comma is not enough: the rows must be divided by it too.
        if several >= 0.5 and (same, several, header) > best_votes:
            best, best_votes = delimiter, (same, several, header)
    return best


def _record(number: int, fields: list[str], raw: str, clean: bool) -> Record:
    flags = []
    if INVALID_MARK in raw:
        flags.append(INVALID_BYTES)
        fields = [cell.replace(INVALID_MARK, "\ufffd") for cell in fields]
    if "\0" in raw:
        flags.append(NUL_BYTES)
        fields = [cell.replace("\0", "") for cell in fields]
    if LONG_MARK in raw:
        flags.append(LONG_LINE)
        fields = [cell.replace(LONG_MARK, "") for cell in fields]
    if not clean:
        flags.append(BAD_QUOTES)
    return Record(number, fields, tuple(flags))


def _split(line: str, delimiter: str) -> list[str]:
    body = line.rstrip("\r\n")
    return body.split(delimiter) if body else []


def _quoted(source: _Lines, first: str, delimiter: str, width: int) -> tuple[list[str], list[str], bool]:
    """Read a record that has quotes: the lines it took, its fields, and whether its quotes are in order."""
    taken: list[str] = []

    def feed() -> Iterator[str]:
        line: str | None = first
        size = 0
        while line is not None and size <= _MAX_RECORD_CHARS:
            taken.append(line)
            size += len(line)
            yield line
            line = source.take()
        if line is not None:
            source.put_back([line])

    try:
        return taken, next(csv.reader(feed(), delimiter=delimiter, strict=True)), True
    except csv.Error:
        source.put_back(taken[1:])
    # Without regard to quotes, if that gives a row of the right width; otherwise as the csv module makes it out.
    cells = _split(first, delimiter)
    if len(cells) == width:
        return [first], [_unquote(cell) for cell in cells], False
    return [first], next(csv.reader([first.rstrip("\r\n")], delimiter=delimiter)), False


def _unquote(cell: str) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"')
    return cell
