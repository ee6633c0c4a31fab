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

_SHEET_CHARS = 31
_NOT_IN_NAMES = re.compile(r"[\[\]:*?/\\]|^'|'$")
_WIDTHS = 10, 44


def write_workbook(part: Path, tables: Sequence[Table]) -> None:
    """Write the tables; text is always text, and never a formula.

    Raises:
        OSError: it cannot be written.
    """
    import xlsxwriter

    book = xlsxwriter.Workbook(str(part), {"tmpdir": str(part.parent)})
    book.set_properties({"created": datetime(2000, 1, 1)})  # the same report gives the same bytes
    forms = {
        SHARE: book.add_format({"num_format": "0.0%"}),
        NUMBER: book.add_format({"num_format": "0.000"}),
        TEXT: book.add_format({"quote_prefix": True}),
    }
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    taken: set[str] = set()
    for table in tables:
        sheet = book.add_worksheet(_sheet_name(table.title, taken))
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


def _sheet_name(title: str, taken: set[str]) -> str:
    """Give a name that Excel takes: short, without its signs, and used once whatever the case."""
    base = name = cell_text(_NOT_IN_NAMES.sub(" ", title)).strip()[:_SHEET_CHARS] or "-"
    copy = 2
    while name.casefold() in taken:
        name = f"{base[: _SHEET_CHARS - 4]} {copy}"
        copy += 1
    taken.add(name.casefold())
    return name
