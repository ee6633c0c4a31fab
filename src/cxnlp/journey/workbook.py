"""The tables of a journey report as an Excel workbook, one sheet each."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cxnlp.data.safe import runs_as_formula
from cxnlp.data.write_xlsx import cell_text, close_book
from cxnlp.journey.tables import NUMBER, SHARE, TEXT, Head, Table, Value
from cxnlp.journey.words import Words
from cxnlp.text.shorten import shorten

_SHEET_CHARS = 31
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\]|^'|'$")
_WIDTHS = 10, 44


def write_workbook(part: Path, tables: Sequence[Table], words: Words, title: str) -> None:
    """Write the tables, after a sheet that lists them; text is always text, and never a formula.

    Raises:
        OSError: it cannot be written.
    """
    import xlsxwriter

    book = xlsxwriter.Workbook(str(part), {"tmpdir": str(part.parent)})
    book.set_properties(
        {"title": cell_text(title), "created": datetime(2000, 1, 1)}
    )  # the same report gives the same bytes
    forms = {
        SHARE: book.add_format({"num_format": "0.0%"}),
        NUMBER: book.add_format({"num_format": "0.000"}),
        TEXT: book.add_format({"quote_prefix": True}),
    }
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    names = _sheet_names([words.say["contents"], *(words.sheets.get(table.key, table.title) for table in tables)])
    _write_contents(book.add_worksheet(names[0]), title, list(zip(names[1:], tables, strict=True)), bold)
    for name, table in zip(names[1:], tables, strict=True):
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 1)
        for column, head in enumerate(table.heads):
            sheet.write_string(0, column, cell_text(head.name), bold)
            sheet.set_column(column, column, _width(table, column, head))
        for number, row in enumerate(table.rows, 1):
            for column, (value, head) in enumerate(zip(row, table.heads, strict=True)):
                _write(sheet, number, column, value, forms.get(head.kind), forms[TEXT])
        sheet.autofilter(0, 0, max(1, len(table.rows)), len(table.heads) - 1)
    close_book(book)


def _write(sheet: Any, row: int, column: int, value: Value, form: Any, quoted: Any) -> None:
    if isinstance(value, str):
        sheet.write_string(row, column, cell_text(value), quoted if runs_as_formula(value) else None)
    elif not math.isnan(value):
        sheet.write_number(row, column, value, form)


def _width(table: Table, column: int, head: Head) -> int:
    if head.kind != TEXT:
        return _WIDTHS[0]
    return min(_WIDTHS[1], max([len(head.name), *(len(str(row[column])) for row in table.rows)]) + 2)


def _write_contents(sheet: Any, title: str, listed: Sequence[tuple[str, Table]], bold: Any) -> None:
    """List the sheets with their titles in full, each a link to it."""
    sheet.set_column(0, 0, _SHEET_CHARS + 2)
    sheet.set_column(1, 1, 2 * _WIDTHS[1])
    sheet.write_string(0, 0, cell_text(title), bold)
    for number, (name, table) in enumerate(listed, 2):
        quoted = name.replace("'", "''")
        sheet.write_url(number, 0, f"internal:'{quoted}'!A1", string=name)
        sheet.write_string(number, 1, cell_text(table.title))


def _sheet_names(titles: Sequence[str]) -> list[str]:
    """Give names that Excel takes: without its signs, each used once whatever the case, and cut with dots if long."""
    taken: set[str] = set()
    names = []
    for title in titles:
        base = cell_text(_NOT_IN_NAMES.sub(" ", title)).strip() or "-"
        name, copy = shorten(base, _SHEET_CHARS), 2
        while name.casefold() in taken:
            mark = f" {copy}"
            name = shorten(base, _SHEET_CHARS - len(mark)) + mark
            copy += 1
        taken.add(name.casefold())
        names.append(name)
    return names
