"""Results as lines of text: CSV and JSON lines."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from cxnlp.data.kinds import Column, as_text, to_json
from cxnlp.data.safe import APOSTROPHE, safe_cell
from cxnlp.text.counted import counted


class CsvWriter:
    """Rows of cells, with a header; cells that a spreadsheet would run as a formula are made safe."""

    def __init__(self, file: TextIO, columns: Sequence[Column], delimiter: str = ",", decimal: str = ".") -> None:
        self._file = file
        self._decimal = decimal
        self._decimals = [column.decimals for column in columns]
        self._writer = csv.writer(file, delimiter=delimiter)
        self._n_safe = 0
        self._writer.writerow([self._safe(column.title) for column in columns])

    def write(self, values: Sequence[Any]) -> None:
        """Add a row, one value per column."""
        self._writer.writerow([self._cell(*pair) for pair in zip(values, self._decimals, strict=True)])

    def close(self) -> tuple[str, ...]:
        """End the file; give sentences on what was changed."""
        self._file.flush()
        if not self._n_safe:
            return ()
        n = counted(self._n_safe, "cell")
        return (f"{n} would run as a formula in a spreadsheet; an apostrophe ({APOSTROPHE}) was put before each",)

    def _cell(self, value: Any, decimals: int | None) -> str:
        if isinstance(value, float):
            text = repr(value) if decimals is None else f"{value:.{decimals}f}"
            return text.replace(".", self._decimal)
        return self._safe(as_text(value))

    def _safe(self, cell: str) -> str:
        made = safe_cell(cell)
        self._n_safe += made is not cell
        return made


class JsonLinesWriter:
    """Records, one JSON object a line."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, record: Mapping[str, Any]) -> None:
        """Add a record."""
        line = to_json(record)
        try:
            line.encode("utf-8")
        except UnicodeEncodeError:  # half a surrogate pair, which JSON can only hold escaped
            line = json.dumps(record, default=str)
        self._file.write(line + "\n")

    def close(self) -> tuple[str, ...]:
        """End the file."""
        self._file.flush()
        return ()
