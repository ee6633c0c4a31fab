"""From rows and their predictions to the writers of files: which columns or fields a result has."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Protocol, TextIO

from cxnlp.data.delimited import NO_DELIMITER
from cxnlp.data.encodings import MARK_ERRORS
from cxnlp.data.kinds import TEXT, Column, common_kind, typed
from cxnlp.data.source import STANDARD
from cxnlp.data.tables import Row, Table
from cxnlp.data.write_lines import CsvWriter, JsonLinesWriter
from cxnlp.data.write_parquet import ParquetWriter
from cxnlp.data.write_xlsx import XlsxWriter
from cxnlp.inference.cells import DECIMALS, cell_columns, number_columns, values
from cxnlp.inference.hooks import Hooks
from cxnlp.inference.options import ScoreOptions
from cxnlp.inference.prediction import Prediction, record_keys
from cxnlp.taxonomy import Taxonomy

Kinds = Mapping[str, Sequence[str]]
"""Column to the kinds of its values."""


class Sink(Protocol):
    """Takes the rows of a result, in order."""

    replaced: tuple[str, ...]
    """Columns of the input that a fresh one of the same name took the place of."""

    def write(self, row: Row, prediction: Prediction | None, flags: Sequence[str], noted: Any) -> None:
        """Add a row; ``noted`` is what the noter found, None if there is nothing."""

    def close(self) -> tuple[str, ...]:
        """End the file; give sentences on what was changed."""


class _TableWriter(Protocol):
    def write(self, values: Sequence[Any]) -> None: ...
    def close(self) -> tuple[str, ...]: ...


class TableSink:
    """The input's columns, then the prediction's; those of dates and times as such, if the writer is ``typed``."""

    def __init__(
        self, writer: _TableWriter, table: Table, taxonomy: Taxonomy, hooks: Hooks, *, typed: bool = True
    ) -> None:
        self._writer = writer
        self._taxonomy = taxonomy
        self._hooks = hooks
        kept, self.replaced = _kept(table, taxonomy, hooks)
        self._names = [name for _, name in kept]
        kinds = table.kinds if typed else {}
        self._kinds = [(place, kinds[name]) for place, name in enumerate(self._names) if name in kinds]

    def write(self, row: Row, prediction: Prediction | None, flags: Sequence[str], noted: Any) -> None:
        """Add a row."""
        found = [row.fields.get(name) for name in self._names]
        for place, kind in self._kinds:
            found[place] = typed(found[place], kind)
        found += values(self._taxonomy, prediction, flags).values()
        if noter := self._hooks.noter:
            made = {} if noted is None else noter.cells(row.text, noted)
            found += [made.get(name, "") for name in noter.columns]
        self._writer.write(found)

    def close(self) -> tuple[str, ...]:
        """End the file; give sentences on what was changed."""
        return self._writer.close()


class RecordSink:
    """The row's fields, the text as ``text``, the prediction's; a field of a taken name becomes ``input_…``."""

    def __init__(self, writer: JsonLinesWriter, table: Table, taxonomy: Taxonomy, hooks: Hooks) -> None:
        self.replaced: tuple[str, ...] = ()
        self._writer = writer
        self._hooks = hooks
        self._text_column = table.text_column
        self._carried = frozenset(table.carried)
        self._blank: dict[str, Any] = dict.fromkeys(record_keys(taxonomy))

    def write(self, row: Row, prediction: Prediction | None, flags: Sequence[str], noted: Any) -> None:
        """Add a row."""
        if row.broken:
            raw = next(iter(row.fields.values()))
            self._writer.write({"flags": list(flags), "line": row.line, "raw": raw})
            return
        added = self._blank | {"flags": list(flags)}
        if prediction is not None:
            added = prediction.as_record() | {"flags": list(flags)}
        if noter := self._hooks.noter:
            added[noter.field] = None if noted is None else noter.record(row.text, noted)
        if self._text_column != "text":
            added = {"text": row.text} | added
        carried = {key: value for key, value in row.fields.items() if key in self._carried}
        taken = set(carried) | set(added)
        fields = {}
        for key, value in carried.items():
            name = key
            while name in added or (name != key and name in taken):
                name = f"input_{name}"
            taken.add(name)
            fields[name] = value
        self._writer.write(fields | added)

    def close(self) -> tuple[str, ...]:
        """End the file."""
        return self._writer.close()


@contextmanager
def open_sink(
    part: Path, table: Table, taxonomy: Taxonomy, options: ScoreOptions, hooks: Hooks, kinds: Kinds, made: str
) -> Iterator[Sink]:
    """Open a result of the format ``made`` at ``part`` (``-``: standard output); end it with ``close``."""
    columns = _columns(table, taxonomy, hooks, kinds)
    if made == "xlsx":
        yield TableSink(XlsxWriter(part, columns), table, taxonomy, hooks)
    elif made == "parquet":
        yield TableSink(ParquetWriter(part, columns), table, taxonomy, hooks)
    else:
        with _text_file(part, made, options) as file:
            if made == "jsonl":
                yield RecordSink(JsonLinesWriter(file), table, taxonomy, hooks)
                return
            as_read = table.delimiter if table.delimiter not in ("", NO_DELIMITER) else ","
            delimiter = options.delimiter or ("\t" if made == "tsv" else as_read)
            yield TableSink(CsvWriter(file, columns, delimiter, options.decimal), table, taxonomy, hooks, typed=False)


@contextmanager
def _text_file(part: Path, made: str, options: ScoreOptions) -> Iterator[TextIO]:
    standard = part == STANDARD
    # Excel takes a CSV file without a mark for Windows-1252; a program that reads from a pipe wants none.
    mark = made != "jsonl" and (not standard if options.bom is None else options.bom)
    encoding = "utf-8-sig" if mark else "utf-8"
    if not standard:
        with part.open("w", encoding=encoding, errors=MARK_ERRORS, newline="") as file:
            yield file
        return
    sys.stdout.flush()
    stream = TextIOWrapper(sys.stdout.buffer, encoding=encoding, errors=MARK_ERRORS, newline="")
    try:
        yield stream
    finally:
        stream.detach()  # standard output stays open


def _kept(table: Table, taxonomy: Taxonomy, hooks: Hooks) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """Give title and name of the columns that are carried, and the titles of those that fresh ones replace."""
    new = _new_columns(taxonomy, hooks)
    titles = dict(zip(table.columns, table.header, strict=True))
    carried = [(titles.get(name, name), name) for name in table.carried]
    kept = [(title, name) for title, name in carried if title.strip() not in new]
    return kept, tuple(title for title, _ in carried if title.strip() in new)


def _new_columns(taxonomy: Taxonomy, hooks: Hooks) -> tuple[str, ...]:
    return (*cell_columns(taxonomy), *(hooks.noter.columns if hooks.noter else ()))


def _columns(table: Table, taxonomy: Taxonomy, hooks: Hooks, kinds: Kinds) -> list[Column]:
    kept, _ = _kept(table, taxonomy, hooks)
    numbers = number_columns(taxonomy)
    columns = [
        Column(name, title, table.kinds.get(name) or common_kind(kinds.get(name) or [TEXT])) for title, name in kept
    ]
    for name in _new_columns(taxonomy, hooks):
        columns.append(Column(name, name, "float", DECIMALS) if name in numbers else Column(name, name))
    return columns
