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
    TICK,
    Role,
    SheetColumn,
    id_of_cell,
    sheet_columns,
)
from cxnlp.taxonomy import Taxonomy

_TICKS = (TICK, "✓", "✔", "1", "true", "yes", "ja")
_HEADER = 1


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
    names = {_folded(name): name for name in reversed(table.columns)}
    if ID not in names or TEXT not in names:
        raise DataError(f'{path}: no columns "{ID}" and "{TEXT}" in sheet "{sheet}"; expected them to be left in place')
    answers, seen, n_not_done = Answers(), set[tuple[str, str]](), 0
    columns = _present(sheet_columns(taxonomy), names, refuser(answers, path, _HEADER, "row"))
    exact = _exact_texts(path, refuser(answers, path, _HEADER, "row"))
    for raw in table.rows():
        refuse = refuser(answers, path, raw.line, "row")
        cells = {folded: _text(raw.cells.get(name)) for folded, name in names.items()}
        identity = _identity(cells[ID].strip(), refuse)
        if identity is None:
            continue
        marks, reasons = _marks(columns, cells)
        if not all_rows and _folded(DONE) in names and cells[_folded(DONE)].strip().casefold() not in _TICKS:
            n_not_done += bool(reasons) or any(one != Marks() for one in marks.values())
            marks, reasons = {}, []
        for reason in reasons:
            refuse(reason)
        labels = labels_of(taxonomy, marks, refuse)
        text = exact.get(identity, cells[TEXT])
        put(answers, Answer(identity, text, cells.get(LANG, "").strip(), labels), seen, refuse)
    if n_not_done:
        answers.notes.append(
            f'{n_not_done:,} rows without a mark under "{DONE}": their labels are taken for the model\'s and left out '
            "(--all-rows reads them)"
        )
    return answers


def _present(
    columns: Sequence[SheetColumn], names: Mapping[str, str], refuse: Callable[[str], None]
) -> list[SheetColumn]:
    """Give the columns of those facets that are there whole; tell of what is missing."""
    missing = {column.facet.name: column for column in columns if _folded(column.title) not in names}
    known = {_folded(column.title) for column in columns}
    others = [name for folded, name in names.items() if folded not in known]
    for facet, column in missing.items():
        near = nearest(column.title, others)
        refuse(f"no column {column.title!r}, so that {facet} is unknown in every row{near}")
    return [column for column in columns if column.facet.name not in missing]


def _marks(columns: Sequence[SheetColumn], cells: Mapping[str, str]) -> tuple[dict[str, Marks], list[str]]:
    """Give facet to marks of one row, without facets that have a cell which cannot be read, and what is wrong there."""
    ticked: dict[str, list[tuple[SheetColumn, str]]] = {}
    reasons: dict[str, str] = {}
    for column in columns:
        cell = " ".join(cells[_folded(column.title)].split())
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
    alike = [option for option in column.options if option.casefold() == cell.casefold()]
    if len(alike) == 1:
        return alike[0]
    if TICK in column.options and cell.casefold() in _TICKS:
        return TICK
    if column.role is Role.NONE:
        return NONE if cell.casefold() in _TICKS else None
    return cell if column.list_of else None


def _facet_marks(found: Sequence[tuple[SheetColumn, str]]) -> Marks:
    return Marks(
        labels=tuple(column.label or option for column, option in found if column.role in (Role.ONE, Role.LABEL)),
        none=any(column.role is Role.NONE for column, _ in found),
        polarities=tuple(
            (column.label, option) for column, option in found if column.role is Role.LABEL and option != TICK
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
        identity, number, part = (_text(raw.cells.get(name)) for name in EXACT_HEADER)
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


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell)


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
