"""Write a workbook to label in: a drop-down in every cell, definitions beside, a model's labels filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from cxnlp.data.safe import runs_as_formula
from cxnlp.data.write import AtomicFile
from cxnlp.data.write_xlsx import MAX_COLUMNS, MAX_ROWS, cell_text, close_book, split_cell
from cxnlp.errors import DataError
from cxnlp.loop.items import Item
from cxnlp.loop.marks import Marks, has_none, marks_of
from cxnlp.loop.sheet import (
    DONE,
    EXACT,
    EXACT_HEADER,
    ID,
    LABELS,
    LANG,
    NONE,
    REVIEWS,
    TEXT,
    TICKS,
    Role,
    SheetColumn,
    escaped,
    held_as_it_is,
    id_to_cell,
    sheet_columns,
    tick_of,
)
from cxnlp.taxonomy import Taxonomy

_TEXT_WIDTH, _ID_WIDTH, _LABEL_WIDTH, _MEANING_WIDTH = 70, 14, 14, 100
_PART_CHARS = 30_000
"""Of a text that goes on in several cells; as JSON it is plain ASCII."""
_LABELS_HEADER = ("facet", "label", "meaning")
_TICK_MEANING = "the review speaks of it; how is not said"
_NONE_MEANING = "none of the labels applies; an empty row of cells means that nobody has answered"


def write_sheet(
    path: Path, taxonomy: Taxonomy, items: Sequence[Item], definitions: Mapping[str, Mapping[str, str]]
) -> int:
    """Write the workbook; give the number of texts that a cell cannot hold as they are.

    Where labels are a model's, a column ``done?`` is there: without a mark in it, a row was not seen by a person.

    Args:
        path: the workbook, which appears whole or not at all.
        taxonomy: whose facets get columns.
        items: one for each row.
        definitions: facet to label to what it means; may be empty.

    Raises:
        DataError: it cannot be written, or is more than a workbook holds.
    """
    columns = sheet_columns(taxonomy)
    if len(items) >= MAX_ROWS or len(columns) + 4 > MAX_COLUMNS:
        raise DataError(
            f"{path}: {len(items):,} reviews and {len(columns):,} columns of labels, a sheet holds {MAX_ROWS - 1:,} "
            f"and {MAX_COLUMNS - 4:,}; export fewer, or use another tool"
        )
    with AtomicFile(path) as part:
        return _Book(part).fill(taxonomy, columns, items, definitions)


class _Book:
    def __init__(self, part: Path) -> None:
        import xlsxwriter

        self._book = xlsxwriter.Workbook(str(part), {"tmpdir": str(part.parent), "use_zip64": True})
        self._book.set_properties({"created": datetime(2000, 1, 1)})  # the same rows give the same bytes
        top = {"valign": "top"}
        self._head = self._book.add_format({"bold": True, "text_wrap": True, **top})
        self._plain = self._book.add_format({"num_format": "@", **top})
        self._wrapped = self._book.add_format({"text_wrap": True, **top})
        self._quoted = self._book.add_format({"text_wrap": True, "quote_prefix": True, **top})

    def fill(
        self,
        taxonomy: Taxonomy,
        columns: Sequence[SheetColumn],
        items: Sequence[Item],
        definitions: Mapping[str, Mapping[str, str]],
    ) -> int:
        sheet = self._book.add_worksheet(REVIEWS)
        ranges = self._labels(taxonomy, definitions)
        exact = self._sheet(EXACT, EXACT_HEADER)
        lead = [ID, TEXT, *([DONE] if any(item.predicted and item.labels for item in items) else [])]
        titles = [*lead, *(column.title for column in columns), LANG]
        for place, title in enumerate(titles):
            self._text(sheet, 0, place, title, self._head)
        n_exact = n_exact_rows = 0
        for row, item in enumerate(items, 1):
            identity = id_to_cell(item.id)
            self._text(sheet, row, 0, identity, self._plain)
            self._text(sheet, row, 1, item.text, self._wrapped)
            cells = _cells(columns, item)
            for place, value in enumerate([*cells, item.lang], len(lead)):
                self._text(sheet, row, place, value, self._plain)
            if not held_as_it_is(item.text):
                n_exact += 1
                whole = escaped(item.text)
                for number, start in enumerate(range(0, len(whole), _PART_CHARS), 1):
                    n_exact_rows += 1
                    values = (identity, str(number), whole[start : start + _PART_CHARS])
                    for place, value in enumerate(values):
                        self._text(exact, n_exact_rows, place, value, self._plain)
        if n_exact_rows >= MAX_ROWS:
            raise DataError("more long texts than a workbook holds; export fewer, or use another tool")
        self._drop_downs(sheet, columns, len(lead), len(items), ranges)
        self._shape(sheet, len(lead), len(titles), len(items))
        close_book(self._book)
        return n_exact

    def _sheet(self, name: str, header: Sequence[str]) -> Any:
        sheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for place, title in enumerate(header):
            sheet.write_string(0, place, title, self._head)
        return sheet

    def _labels(self, taxonomy: Taxonomy, definitions: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """Write every label with its meaning; give facet to the cells that drop-downs take its labels from."""
        sheet = self._sheet(LABELS, _LABELS_HEADER)
        ranges: dict[str, str] = {}
        row = 0
        for facet in taxonomy.facets:
            first = row + 1
            extra = {tick_of(facet): _TICK_MEANING} if facet.of else {}
            for label in (*facet.labels, *extra):
                row += 1
                meaning = extra.get(label) or definitions.get(facet.name, {}).get(label, "")
                for place, value in enumerate((facet.name, label, meaning)):
                    self._text(sheet, row, place, value, self._wrapped)
            ranges[facet.name] = f"={LABELS}!$B${first + 1}:$B${row + 1}"
            if has_none(facet):
                row += 1
                for place, value in enumerate((facet.name, NONE, _NONE_MEANING)):
                    self._text(sheet, row, place, value, self._wrapped)
        sheet.set_column(0, 1, 20)
        sheet.set_column(2, 2, _MEANING_WIDTH)
        return ranges

    def _drop_downs(
        self, sheet: Any, columns: Sequence[SheetColumn], start: int, n_rows: int, ranges: Mapping[str, str]
    ) -> None:
        if start > 2:
            sheet.data_validation(1, 2, n_rows, 2, {"validate": "list", "source": [TICKS[0]]})
        for place, column in enumerate(columns, start):
            source = ranges[column.list_of] if column.list_of else list(column.options)
            choice = {"validate": "list", "source": source, "error_title": "Not a label"}
            choice["error_message"] = f"Choose from the list; the labels are in the sheet {LABELS}."
            sheet.data_validation(1, place, n_rows, place, choice)

    def _shape(self, sheet: Any, n_lead: int, n_columns: int, n_rows: int) -> None:
        sheet.freeze_panes(1, 2)
        sheet.autofilter(0, 0, n_rows, n_columns - 1)
        sheet.set_column(0, 0, _ID_WIDTH)
        sheet.set_column(1, 1, _TEXT_WIDTH)
        sheet.set_column(2, n_columns - 1, _LABEL_WIDTH)

    def _text(self, sheet: Any, row: int, column: int, text: str, form: Any) -> None:
        """Write text as text; what would become a formula once it is edited carries the mark of text."""
        if text:
            first = cell_text(split_cell(text)[0])
            sheet.write_string(row, column, first, self._quoted if runs_as_formula(text) else form)


def _cells(columns: Sequence[SheetColumn], item: Item) -> list[str]:
    """Give the cells of an item's labels, one for each column."""
    marks = {c.facet.name: marks_of(c.facet, item.labels[c.facet.name]) for c in columns if c.facet.name in item.labels}
    return [_cell(column, marks.get(column.facet.name, Marks())) for column in columns]


def _cell(column: SheetColumn, marks: Marks) -> str:
    if column.role is Role.NONE:
        return NONE if marks.none else ""
    if column.role is Role.LABEL:
        return dict(marks.polarities).get(column.label, column.tick) if column.label in marks.labels else ""
    return next(iter(marks.main if column.role is Role.MAIN else marks.labels), "")
