"""Lists for people, as CSV, XLSX or JSON lines, whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cxnlp.data.encodings import MARK_ERRORS
from cxnlp.data.kinds import Column
from cxnlp.data.write import AtomicFile
from cxnlp.data.write_lines import CsvWriter, JsonLinesWriter
from cxnlp.errors import DataError

FORMATS = {".csv": "csv", ".tsv": "tsv", ".xlsx": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl"}
"""Suffix to kind of file."""


def format_of(path: Path) -> str:
    """Name the kind of file that a name asks for.

    Raises:
        DataError: it is none of ``FORMATS``.
    """
    made = FORMATS.get(path.suffix.lower())
    if made is None:
        raise DataError(
            f"{path}: unknown kind of output {path.suffix or '(no extension)'!r}, expected one of {', '.join(FORMATS)}"
        )
    return made


def write_list(path: Path, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Write rows: in a table their values by ``columns``, in JSON lines all that they hold.

    Gives sentences on what was changed, such as cells that a spreadsheet would run as a formula.

    Raises:
        DataError: the kind of file is not known, or it cannot be written.
    """
    made = format_of(path)
    with AtomicFile(path) as part:
        if made == "xlsx":
            from cxnlp.data.write_xlsx import XlsxWriter

            writer = XlsxWriter(part, columns)
            for row in rows:
                writer.write([row.get(column.name) for column in columns])
            return writer.close()
        # Excel takes a CSV file without a mark for Windows-1252.
        encoding = "utf-8" if made == "jsonl" else "utf-8-sig"
        with part.open("w", encoding=encoding, errors=MARK_ERRORS, newline="") as file:
            if made == "jsonl":
                lines = JsonLinesWriter(file)
                for row in rows:
                    lines.write(row)
                return lines.close()
            table = CsvWriter(file, columns, "\t" if made == "tsv" else ",")
            for row in rows:
                table.write([row.get(column.name) for column in columns])
            return table.close()
