"""Score a file of reviews: from an input file to an output file and a summary."""

from __future__ import annotations

import csv
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from cxnlp.data.delimited import NO_DELIMITER
from cxnlp.data.read import Problem
from cxnlp.data.tables import ROW_FLAGS, Row, Table, read_rows
from cxnlp.data.write import AtomicText
from cxnlp.errors import DataError
from cxnlp.inference.cells import cell_columns, cells
from cxnlp.inference.prediction import Prediction
from cxnlp.inference.tally import ScoreSummary, Tally
from cxnlp.taxonomy import Taxonomy

OUTPUT_SUFFIXES = (".csv", ".tsv", ".jsonl")

_CHUNK_ROWS = 1024
# A chunk also ends here, so that a file of megabyte cells is not held in memory either.
_CHUNK_CHARS = 4_000_000


class Labeller(Protocol):
    """What scoring needs of a tagger."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The labels that it gives."""

    def tag(
        self, texts: Sequence[str], *, languages: bool = True, progress: Callable[[int], None] | None = None
    ) -> list[Prediction]:
        """Give one prediction per text, in order; ``progress`` gets the number finished since its last call."""


def score_file(
    labeller: Labeller,
    table: Table,
    output: Path,
    *,
    summary: Path | None = None,
    on_rows: Callable[[int], None] = lambda n: None,
    on_problem: Callable[[Problem], None] = lambda problem: None,
) -> ScoreSummary:
    """Score every row of ``table`` into ``output`` (.csv, .tsv or .jsonl), and write the summary as JSON if asked.

    Rows keep their order and their cells. ``on_rows`` gets the number of rows finished since its last call, and
    ``on_problem`` each row that was not read cleanly. The files appear only when they are complete.

    Raises:
        DataError: the input cannot be read or the output cannot be written.
    """
    check_paths(table.path, output, summary)
    tally, started = Tally(labeller.taxonomy), time.perf_counter()
    with ExitStack() as stack:
        summary_file = stack.enter_context(AtomicText(summary)) if summary else None
        # Only the result's own block is left first, so that there is never a summary of a result that is not there.
        with AtomicText(output, _encoding(table, output)) as file:
            writer: _CsvWriter | _JsonWriter
            if output.suffix.lower() == ".jsonl":
                writer = _JsonWriter(file, table)
            else:
                writer = _CsvWriter(file, table, labeller.taxonomy, output)
            for rows in _chunks(read_rows(table)):
                for row, prediction in zip(rows, _tag(labeller, rows, on_rows), strict=True):
                    flags = (*row.flags, *(prediction.flags if prediction else ()))
                    writer.write(row, prediction, flags)
                    tally.add(prediction, flags, damaged=any(flag in ROW_FLAGS for flag in row.flags))
                    if row.problem:
                        on_problem(Problem(str(table.path), row.line, row.problem))
        result = _summary(table, output, tally, writer.replaced, time.perf_counter() - started)
        if summary_file:
            summary_file.write(json.dumps(result.as_record(), ensure_ascii=False, indent=2) + "\n")
    return result


def check_paths(source: Path, output: Path, summary: Path | None) -> None:
    """Refuse names that cannot be right, before a model is loaded.

    Raises:
        DataError: an unknown kind of output, or two of the three are the same file.
    """
    if output.suffix.lower() not in OUTPUT_SUFFIXES:
        found = output.suffix or "(no extension)"
        raise DataError(f"{output}: unknown kind of output {found!r}, expected one of {', '.join(OUTPUT_SUFFIXES)}")
    named = [("the input", source), ("the output", output), *([("the summary", summary)] if summary else [])]
    seen: dict[str, str] = {}
    for what, path in named:
        real = os.path.normcase(os.path.realpath(path))
        if real in seen:
            raise DataError(f"{path}: is both {seen[real]} and {what}; give each a name of its own")
        seen[real] = what
    if os.path.exists(output) and os.path.samefile(source, output):
        raise DataError(f"{output}: is the input under another name; give the output a name of its own")


def _encoding(table: Table, output: Path) -> str:
    # Whoever has files that are not plain UTF-8 will open the result with a program that needs the mark.
    return "utf-8" if table.encoding.plain or output.suffix.lower() == ".jsonl" else "utf-8-sig"


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    size = 0
    for row in rows:
        chunk.append(row)
        size += len(row.text)
        if len(chunk) >= _CHUNK_ROWS or size >= _CHUNK_CHARS:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _tag(labeller: Labeller, rows: Sequence[Row], on_rows: Callable[[int], None]) -> list[Prediction | None]:
    """Give one prediction per row, None where there is no reading it."""
    texts = [row.text for row in rows if not row.broken]
    predictions = iter(labeller.tag(texts, progress=on_rows) if texts else [])
    on_rows(len(rows) - len(texts))
    return [None if row.broken else next(predictions) for row in rows]


class _CsvWriter:
    """The input's columns, then the prediction's."""

    def __init__(self, file: AtomicText, table: Table, taxonomy: Taxonomy, output: Path) -> None:
        self._taxonomy = taxonomy
        new = cell_columns(taxonomy)
        kept = [
            (title, name) for title, name in zip(table.header, table.columns, strict=True) if title.strip() not in new
        ]
        self._columns = [name for _, name in kept]
        self.replaced = tuple(title for title in table.header if title.strip() in new)
        as_read = table.delimiter if table.delimiter not in ("", NO_DELIMITER) else ","
        self._writer = csv.writer(file, delimiter="\t" if output.suffix.lower() == ".tsv" else as_read)
        self._writer.writerow([*(title for title, _ in kept), *new])

    def write(self, row: Row, prediction: Prediction | None, flags: Sequence[str]) -> None:
        values = [_cell(row.fields.get(name)) for name in self._columns]
        self._writer.writerow([*values, *cells(self._taxonomy, prediction, flags).values()])


class _JsonWriter:
    """The row's fields, the text as ``text``, the prediction's; a field of a taken name becomes ``input_…``."""

    def __init__(self, file: AtomicText, table: Table) -> None:
        self._file = file
        self._text_column = table.text_column
        self.replaced: tuple[str, ...] = ()

    def write(self, row: Row, prediction: Prediction | None, flags: Sequence[str]) -> None:
        if prediction is None:
            self._put({"flags": list(flags), "line": row.line, "raw": next(iter(row.fields.values()))})
            return
        added = prediction.as_record() | {"flags": list(flags)}
        if prediction.empty:  # unknown, which a reader of labelled reviews takes None for
            added = {key: value if key in ("language", "flags") else None for key, value in added.items()}
        if self._text_column != "text":
            added = {"text": row.text} | added
        taken = set(row.fields) | set(added)
        fields = {}
        for key, value in row.fields.items():
            name = key
            while name in added or (name != key and name in taken):
                name = f"input_{name}"
            taken.add(name)
            fields[name] = value
        self._put(fields | added)

    def _put(self, record: dict[str, Any]) -> None:
        line = json.dumps(record, ensure_ascii=False)
        try:
            line.encode("utf-8")
        except UnicodeEncodeError:  # half a surrogate pair, which JSON can only hold escaped
            line = json.dumps(record)
        self._file.write(line + "\n")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _summary(table: Table, output: Path, tally: Tally, replaced: tuple[str, ...], elapsed_s: float) -> ScoreSummary:
    return ScoreSummary(
        input=str(table.path),
        output=str(output),
        encoding=table.encoding.name,
        delimiter="" if table.delimiter == NO_DELIMITER else table.delimiter,
        text_column=table.text_column,
        text_column_reason=table.text_column_reason,
        replaced_columns=replaced,
        n_rows=tally.n_rows,
        n_scored=tally.n_scored,
        n_damaged=tally.n_damaged,
        flags=dict(tally.flags.most_common()),
        languages=dict(tally.languages.most_common()),
        taxonomy=tally.taxonomy,
        facets=tally.facets(),
        elapsed_s=elapsed_s,
    )
