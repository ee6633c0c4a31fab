"""Results as an Excel workbook, in constant memory; split where Excel's limits ask for it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from cxnlp.data.kinds import Column, as_text
from cxnlp.data.safe import runs_as_formula
from cxnlp.errors import DataError
from cxnlp.text.counted import counted

MAX_ROWS = 1_048_576
"""Rows of a sheet, the header included."""
MAX_COLUMNS = 16_384
MAX_CELL_UNITS = 32_767
"""Characters of a cell, as Excel counts them: UTF-16 code units."""
LONG_CELLS = "Long cells"
_SHEET = "Reviews"
_LONG_HEADER = ("sheet", "row", "column", "part", "text")
_NO_XML = re.compile("[\ud800-\udfff\ufffe\uffff]")
_MAX_EXACT_INT = 1 << 53
_WIDTHS_FROM_ROWS = 200
_MIN_WIDTH, _MAX_WIDTH = 8, 60


class XlsxWriter:
    """A workbook with a frozen header, a filter and fitting column widths.

    Rows beyond a sheet's limit go on in ``Reviews 2``, and so on. The rest of a text longer than a cell's limit goes on
    in the sheet ``Long cells``, so that nothing is lost. Text is always written as text, and a cell that would become a
    formula when somebody edits it carries Excel's own mark of text.
    """

    def __init__(self, part: Path, columns: Sequence[Column]) -> None:
        import xlsxwriter

        if len(columns) > MAX_COLUMNS:
            raise DataError(f"{len(columns):,} columns, a workbook holds {MAX_COLUMNS:,}; write CSV or Parquet instead")
        # Rows wait in files beside the workbook, and not in a folder that others can read.
        options = {"constant_memory": True, "tmpdir": str(part.parent), "use_zip64": True}
        self._book = xlsxwriter.Workbook(str(part), options)
        self._book.set_properties({"created": datetime(2000, 1, 1)})  # the same rows give the same bytes
        self._bold = self._book.add_format({"bold": True})
        self._quoted = self._book.add_format({"quote_prefix": True})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        places = {c.decimals for c in columns if c.decimals is not None}
        formats = {n: self._book.add_format({"num_format": f"0.{'0' * n}"}) for n in places}
        self._numbers = [None if c.decimals is None else formats[c.decimals] for c in columns]
        self._titles = [column.title for column in columns]
        self._sheets: list[Any] = []
        self._long: Any = None
        self._n_long_rows = 0
        self._n_long_cells = 0
        self._row = 0
        self._widths = [len(title) + 3 for title in self._titles]  # room for the filter's arrow
        self._add_sheet()

    def write(self, values: Sequence[Any]) -> None:
        """Add a row, one value per column."""
        if self._row >= MAX_ROWS:
            self._end_sheet()
            self._add_sheet()
        for column, value in enumerate(values):
            self._cell(column, value)
        self._row += 1

    def close(self) -> tuple[str, ...]:
        """Finish the workbook; give sentences on what was changed.

        Raises:
            OSError: it cannot be written.
        """
        self._end_sheet()
        close_book(self._book)
        notes = []
        if len(self._sheets) > 1:
            notes.append(f"more rows than a sheet holds: they go on in {len(self._sheets)} sheets")
        if self._n_long_cells:
            n = counted(self._n_long_cells, "text")
            notes.append(f'{n} longer than a cell holds: the rest is in the sheet "{LONG_CELLS}"')
        return tuple(notes)

    def _add_sheet(self) -> None:
        number = len(self._sheets) + 1
        sheet = self._book.add_worksheet(_SHEET if number == 1 else f"{_SHEET} {number}")
        sheet.freeze_panes(1, 0)
        self._sheets.append(sheet)
        for column, title in enumerate(self._titles):
            sheet.write_string(0, column, cell_text(split_cell(title)[0]), self._bold)
        self._row = 1

    def _end_sheet(self) -> None:
        sheet = self._sheets[-1]
        sheet.autofilter(0, 0, self._row - 1, max(0, len(self._titles) - 1))
        for column, width in enumerate(self._widths):
            sheet.set_column(column, column, min(max(width, _MIN_WIDTH), _MAX_WIDTH))

    def _cell(self, column: int, value: Any) -> None:
        sheet, row = self._sheets[-1], self._row
        if value is None or value == "":
            return
        if isinstance(value, bool):
            sheet.write_boolean(row, column, value)
        elif _is_number(value):
            sheet.write_number(row, column, value, self._numbers[column])
        elif isinstance(value, datetime) and value.tzinfo is None and value.year >= 1900:
            self._write_day(column, value, self._moment)
        elif isinstance(value, date) and not isinstance(value, datetime) and value.year >= 1900:
            self._write_day(column, value, self._day)
        else:
            self._write_text(column, as_text(value))

    def _write_day(self, column: int, value: date, form: Any) -> None:
        self._sheets[-1].write_datetime(self._row, column, value, form)
        # One that does not fit is shown as a row of signs.
        self._widths[column] = max(self._widths[column], len(str(value)[:19]) + 1)

    def _write_text(self, column: int, text: str) -> None:
        first, *more = split_cell(text)
        form = self._quoted if runs_as_formula(text) else None
        self._sheets[-1].write_string(self._row, column, cell_text(first), form)
        if self._row < _WIDTHS_FROM_ROWS and len(self._sheets) == 1:
            self._widths[column] = max(self._widths[column], min(_MAX_WIDTH, len(first) + 1))
        if more:
            self._go_on(column, more)

    def _go_on(self, column: int, parts: Sequence[str]) -> None:
        if self._long is None:
            self._long = self._book.add_worksheet(LONG_CELLS)
            self._long.freeze_panes(1, 0)
            for place, title in enumerate(_LONG_HEADER):
                self._long.write_string(0, place, title, self._bold)
        self._n_long_cells += 1
        for number, part in enumerate(parts, 2):
            self._n_long_rows += 1
            if self._n_long_rows >= MAX_ROWS:
                raise DataError("more long texts than a workbook holds; write CSV or Parquet instead")
            row = self._n_long_rows
            self._long.write_string(row, 0, self._sheets[-1].get_name())
            self._long.write_number(row, 1, self._row + 1)
            self._long.write_string(row, 2, cell_text(split_cell(self._titles[column])[0]))
            self._long.write_number(row, 3, number)
            self._long.write_string(row, 4, cell_text(part), self._quoted if runs_as_formula(part) else None)


def close_book(book: Any) -> None:
    """Finish a workbook of XlsxWriter.

    Raises:
        OSError: it cannot be written.
    """
    from xlsxwriter.exceptions import FileCreateError

    try:
        book.close()
    except FileCreateError as error:
        cause = error.args[0] if error.args else None
        raise (cause if isinstance(cause, OSError) else OSError(str(error))) from error


def _is_number(value: Any) -> bool:
    if isinstance(value, int):
        return abs(value) <= _MAX_EXACT_INT  # a longer one, such as an order's, would lose its last digits
    return isinstance(value, float) and math.isfinite(value)


def cell_text(text: str) -> str:
    """Leave out what XML cannot hold, and what XlsxWriter takes for markup of its own."""
    text = _NO_XML.sub("\ufffd", text)
    return f" {text}" if text.startswith("<r>") and text.endswith("</r>") else text


def split_cell(text: str) -> list[str]:
    """Cut a text into pieces that fit a cell."""
    if 2 * len(text) <= MAX_CELL_UNITS:
        return [text]
    pieces, start, units = [], 0, 0
    for place, character in enumerate(text):
        size = 2 if character > "\uffff" else 1
        if units + size > MAX_CELL_UNITS - 1:  # one is kept for the space that _text may put before it
            pieces.append(text[start:place])
            start, units = place, 0
        units += size
    return [*pieces, text[start:]]
