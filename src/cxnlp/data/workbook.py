"""Workbooks (XLSX): checked before anything is unpacked into memory, then read by calamine.

calamine holds a whole sheet in memory, some 0.7 KB for a row of five cells with 200 characters of text. What does not
fit is better saved as CSV, which is read as a stream.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

from cxnlp.data.columns import unique_names
from cxnlp.data.raw import BINARY, Raw, RawTable
from cxnlp.data.source import Source
from cxnlp.data.workbook_check import check_workbook
from cxnlp.errors import DataError, nearest

_HEADER_ROWS = 20
"""Rows from the top among which the header is looked for."""


def open_workbook(source: Source, sheet: str | None) -> RawTable:
    """Find the sheet and the header of a workbook.

    Raises:
        DataError: it is encrypted, cut off, too large once unpacked, or no workbook; no such sheet; nothing in it.
    """
    check_workbook(source)
    name, others = _choose_sheet(source, sheet)
    header = _header(_records(source, name))
    if header is None:
        raise DataError(f'{source.path}: no text in sheet "{name}"; expected a header and rows')
    top, titles = header
    columns = unique_names(titles)

    def rows() -> Iterator[Raw]:
        for line, cells in _records(source, name):
            if line > top and any(cell not in ("", None) for cell in cells):
                padded = [*cells, *[""] * (len(columns) - len(cells))]
                yield Raw(line, dict(zip(columns, padded, strict=False)))

    notes = [f'Workbook: sheet "{name}"{" (as given)" if sheet else ""}, header in row {top}.']
    if others:
        notes.append(f"Sheets not read: {', '.join(others[:9])}; --sheet takes another.")
    return RawTable(source, BINARY, "", titles, columns, rows, tuple(notes))


def _header(rows: Iterator[tuple[int, Sequence[Any]]]) -> tuple[int, tuple[str, ...]] | None:
    """Give the row number and titles of the header: the first row with text in as many cells as any near the top.

    So a line such as "Reviews of March" above it is passed over.
    """
    head: list[tuple[int, list[str]]] = []
    for line, cells in rows:
        titles = [str(cell).strip() for cell in cells]
        while titles and not titles[-1]:
            titles.pop()
        if titles:
            head.append((line, titles))
        if len(head) == _HEADER_ROWS:
            break
    if not head:
        return None
    widest = max(sum(map(bool, titles)) for _, titles in head)
    width = max(len(titles) for _, titles in head)
    line, titles = next((line, t) for line, t in head if sum(map(bool, t)) * 2 > widest)
    return line, (*titles, *[""] * (width - len(titles)))


def _choose_sheet(source: Source, wanted: str | None) -> tuple[str, list[str]]:
    """Give the sheet to read (the wanted one, or the first that can be seen and holds something) and the others."""
    with _opened(source) as file:
        from python_calamine import SheetTypeEnum, SheetVisibleEnum, load_workbook

        book = load_workbook(file)
        sheets = [sheet for sheet in book.sheets_metadata if sheet.typ == SheetTypeEnum.WorkSheet]
        names = [sheet.name for sheet in sheets]
        if wanted is not None and wanted not in names:
            raise DataError(
                f"{source.path}: no sheet {wanted!r}; the sheets are: {', '.join(names)}{nearest(wanted, names)}"
            )
        seen = [sheet.name for sheet in sheets if sheet.visible == SheetVisibleEnum.Visible] or names
        name = wanted or next((n for n in seen if book.get_sheet_by_name(n).total_height), seen[0] if seen else "")
    if not name:
        raise DataError(f"{source.path}: the workbook has no sheet of cells; expected a header and rows")
    return name, [other for other in names if other != name]


def _records(source: Source, name: str) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield (row number, cells from the sheet's first used column on) for every row down to the last used one."""
    with _opened(source) as file:
        from python_calamine import load_workbook

        with load_workbook(file) as book:
            sheet = book.get_sheet_by_name(name)
        for number, cells in enumerate(sheet.iter_rows(), 1):
            yield number, [_plain(cell) for cell in cells]


def _plain(cell: Any) -> Any:
    """Give a cell as JSON can hold it: whole numbers without a point, dates and times as ISO 8601 has them."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return int(cell)
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(sep=" ", timespec="seconds")
    if isinstance(cell, datetime.date | datetime.time):
        return cell.isoformat()
    return str(cell) if isinstance(cell, datetime.timedelta) else cell


@contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    """Open the file; the library's errors become ours."""
    from python_calamine import CalamineError, PasswordError

    with source.open() as file:
        try:
            yield file
        except PasswordError as error:
            raise DataError(f"{source.path}: the workbook is protected by a password; save it without") from error
        except CalamineError as error:
            raise DataError(
                f"{source.path}: the workbook is damaged ({type(error).__name__}); open it and save it again, "
                "or save the sheet as CSV (UTF-8)"
            ) from error
