"""What every reader gives before it is known what the columns mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from cxnlp.data.encodings import Encoding
from cxnlp.data.source import Source

BINARY = Encoding("")
"""The encoding of files that are not text."""


@dataclass(frozen=True)
class Raw:
    """One row as the file has it."""

    line: int
    """Line on which it begins, from 1; in JSON arrays and Parquet the number of the row, in a workbook that of its."""
    cells: Mapping[str, Any]
    """By column; only what JSON can hold."""
    flags: tuple[str, ...] = ()
    problem: str = ""
    unread: str = ""
    """Of a row that could not be read: the line itself."""


@dataclass(frozen=True)
class RawTable:
    """A file whose rows can be read as often as needed."""

    source: Source
    encoding: Encoding
    delimiter: str
    """Empty if the file is not delimited."""
    header: tuple[str, ...]
    columns: tuple[str, ...]
    """A unique name for each column of the header."""
    rows: Callable[[], Iterator[Raw]]
    notes: tuple[str, ...] = ()
    """Sentences on what was decided so far."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Column to ``date`` or ``datetime``, where the file says that it holds nothing else; its cells are ISO 8601."""
