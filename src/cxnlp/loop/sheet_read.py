"""Read a workbook that people labelled in, and sorted, shortened, widened and typed into."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cxnlp.data.source import open_source
from cxnlp.data.workbook import open_workbook
from cxnlp.errors import DataError, nearest
from cxnlp.loop.answers import Answer, Answers, put, refuser
from cxnlp.loop.marks import Marks, labels_of
from cxnlp.loop.sheet import (
    DONE,
    EXACT,
    EXACT_HEADER,
    ID,
    LANG,
    NONE,
    REVIEWS,
    TEXT,
    TICKS,
    Role,
    SheetColumn,
    id_of_cell,
    sheet_columns,
)
from cxnlp.taxonomy import Taxonomy
from cxnlp.text.counted import counted

_MEANT_AS_TICK = (*TICKS, "1", "true", "yes", "ja")
_HEADER_ROW = 1


def read_sheet(path: Path, taxonomy: Taxonomy, sheet: str = REVIEWS, *, all_rows: bool = False) -> Answers:
    """Read the rows of a workbook that ``write_sheet`` wrote; in whatever order they stand, and without those deleted.

    Case and spaces around a label do not matter. A facet of a row with a cell that cannot be read is left unknown and
    told of; so is a facet of which a column is missing, since an absent column is no answer.

    Args:
        path: the workbook.
        taxonomy: whose columns are read; others are left alone.
        sheet: the sheet of the reviews.
        all_rows: read the labels of rows too that are not marked as done.

    Raises:
        DataError: it cannot be read, or has no columns of ids and texts.
    """
    source = open_source(path)
    if source.kind != "xlsx":
        raise DataError(f"{path}: is no workbook; expected the .xlsx file that cxnlp labels export wrote")
    table = open_workbook(source, sheet)
    header = _Header(table.columns)
    if not (header.has(ID) and header.has(TEXT)):
        raise DataError(
            f'{path}: no columns "{ID}" and "{TEXT}" in sheet "{sheet}"; expected a workbook that cxnlp labels export '
            "--to xlsx wrote, with these left in place"
        )
    answers, seen, n_not_done = Answers(), set[tuple[str, str]](), 0
    refuse = refuser(answers, path, _HEADER_ROW, "row")
    columns, exact = _present(sheet_columns(taxonomy), header, refuse), _exact_texts(path, refuse)
    for raw in table.rows():
        refuse = refuser(answers, path, raw.line, "row")
        cell = header.cell(raw.cells, ID).strip()
        if not (cell or header.cell(raw.cells, TEXT).strip()):
            continue  # empty but for somebody's notes
        identity = _identity(cell, refuse)
        if identity is None:
            continue
        marks, reasons = _marks(columns, header, raw.cells)
        done = header.cell(raw.cells, DONE).strip().casefold() in _MEANT_AS_TICK
        if header.has(DONE) and not (done or all_rows):
            n_not_done += bool(reasons) or any(one != Marks() for one in marks.values())
            marks, reasons = {}, []
        for reason in reasons:
            refuse(reason)
        labels = labels_of(taxonomy, marks, refuse)
        text = exact.get(identity, header.cell(raw.cells, TEXT))
        put(answers, Answer(identity, text, header.cell(raw.cells, LANG).strip(), labels), seen, refuse)
    if n_not_done:
        answers.notes.append(
            f'{counted(n_not_done, "row")} without a mark under "{DONE}": their labels are taken for the model\'s and '
            "left out (--all-rows reads them)"
        )
    return answers


class _Header:
    """Finds columns by their titles: as written, or but for case and spaces."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self._folded = {_folded(name): name for name in reversed(self.names)}

    def has(self, title: str) -> bool:
        return title in self.names or _folded(title) in self._folded

    def cell(self, cells: Mapping[str, Any], title: str) -> str:
        """Give the cell under a title as text, empty where there is none."""
        value = cells.get(title if title in self.names else self._folded.get(_folded(title), ""))
        return "" if value is None else str(value)


def _present(columns: Sequence[SheetColumn], header: _Header, refuse: Callable[[str], None]) -> list[SheetColumn]:
    """Give the columns of those facets that are there whole; tell of what is missing."""
    missing = {column.facet.name: column for column in columns if not header.has(column.title)}
    for facet, column in missing.items():
        near = nearest(column.title, list(header.names))
        refuse(f"no column {column.title!r}, so that {facet} is unknown in every row{near}")
    return [column for column in columns if column.facet.name not in missing]


def _marks(
    columns: Sequence[SheetColumn], header: _Header, cells: Mapping[str, Any]
) -> tuple[dict[str, Marks], list[str]]:
    """Give facet to marks of one row, without facets that have a cell which cannot be read, and what is wrong there."""
    ticked: dict[str, list[tuple[SheetColumn, str]]] = {}
    reasons: dict[str, str] = {}
    for column in columns:
        cell = header.cell(cells, column.title).strip()
        if not cell:
            continue
        option = _option(column, cell)
        if option is None:
            reasons[column.facet.name] = f'column "{column.title}": neither "{column.options[0]}" nor empty'
        else:
            ticked.setdefault(column.facet.name, []).append((column, option))
    facets = {facet: _facet_marks(found) for facet, found in ticked.items() if facet not in reasons}
    return facets, list(reasons.values())


def _option(column: SheetColumn, cell: str) -> str | None:
    """Give the option that a cell means: as written, or but for case. One that is none of the labels stays as it is,
    for the taxonomy to refuse it with the nearest; None where a column takes a mark only, and this is none."""
    if cell in column.options:
        return cell
    alike = [option for option in column.options if _folded(option) == _folded(cell)]
    if len(alike) == 1:
        return alike[0]
    if column.role in (Role.LABEL, Role.NONE) and cell.casefold() in _MEANT_AS_TICK:
        return NONE if column.role is Role.NONE else column.tick
    if column.role is Role.NONE:
        return None
    return cell if column.list_of else None


def _facet_marks(found: Sequence[tuple[SheetColumn, str]]) -> Marks:
    return Marks(
        labels=tuple(column.label or option for column, option in found if column.role in (Role.ONE, Role.LABEL)),
        none=any(column.role is Role.NONE for column, _ in found),
        polarities=tuple(
            (column.label, option) for column, option in found if column.role is Role.LABEL and option != column.tick
        ),
        main=tuple(option for column, option in found if column.role is Role.MAIN),
    )


def _exact_texts(path: Path, refuse: Callable[[str], None]) -> dict[str, str]:
    """Give id to text, of those that stand as JSON in a sheet of their own."""
    try:
        table = open_workbook(open_source(path), EXACT)
    except DataError:  # removed, or a workbook of other make; the cells of the first sheet count then
        return {}
    parts: dict[str, dict[int, str]] = {}
    for raw in table.rows():
        identity, number, part = (str(raw.cells.get(name) or "") for name in EXACT_HEADER)
        if number.isdecimal():
            parts.setdefault(identity, {})[int(number)] = part
    texts: dict[str, str] = {}
    for identity, found in parts.items():
        try:
            texts[id_of_cell(identity)] = str(json.loads("".join(found[number] for number in sorted(found))))
        except ValueError:
            refuse(f'a text in sheet "{EXACT}" is not whole; the text in sheet "{REVIEWS}" counts')
    return texts


def _identity(cell: str, refuse: Callable[[str], None]) -> str | None:
    if not cell:
        refuse(f'no "{ID}"; a row that was added by hand needs one of its own')
        return None
    try:
        return id_of_cell(cell)
    except ValueError:
        refuse(f'the "{ID}" begins with a quotation mark and is no JSON string')
        return None


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
