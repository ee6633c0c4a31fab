"""What a reader of reviews gives: rows, the table that they come from, and the options of reading."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxnlp.data.delimited import BAD_QUOTES, INVALID_BYTES, LONG_LINE, NUL_BYTES
from cxnlp.data.encodings import Encoding
from cxnlp.data.json_rows import BROKEN_LINE, NOT_TEXT
from cxnlp.data.survey import RatingsRead

TOO_FEW_FIELDS = "too_few_fields"
"""Flag: a row shorter than the header; the missing cells are empty."""
TOO_MANY_FIELDS = "too_many_fields"
"""Flag: a row longer than the header; what is too much is in the last cell, with its delimiters."""
ROW_FLAGS = (
    INVALID_BYTES, NUL_BYTES, BAD_QUOTES, LONG_LINE, TOO_FEW_FIELDS, TOO_MANY_FIELDS, BROKEN_LINE, NOT_TEXT,
)  # fmt: skip
"""The flags of rows that were not read cleanly."""


@dataclass(frozen=True)
class ReadingOptions:
    """What the user says of a file; None where it is to be found out."""

    text_column: str | None = None
    title_column: str | None = None
    """This and the next three: an empty string says that there is none."""
    rating_column: str | None = None
    date_column: str | None = None
    language_column: str | None = None
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None
    """Of a workbook: the name of the sheet; the first one that holds rows if None."""
    format: str | None = None
    """The name of a known export, such as ``trustpilot``, or ``generic`` for none of them."""
    keep_personal: bool = False
    """Whether columns of names, e-mail, telephone, IP and place are carried to the output."""
    keep_unfinished: bool = False
    """Whether preview and unfinished responses of a survey are rows."""
    mapping: Path | None = None
    """A TOML file that gives the columns' roles."""
    rating_scale: str | None = None
    """How ratings are given: ``stars``, ``nps``, or lowest and highest such as ``1-6``."""


@dataclass(frozen=True)
class Row:
    """One row of the input: its fields by column, and the text to score."""

    line: int
    """Line of the file on which it begins, from 1; in a JSON array and in Parquet, the number of the row."""
    fields: Mapping[str, Any]
    text: str
    flags: tuple[str, ...] = ()
    problem: str = ""
    """What was wrong with it, without its text; empty if nothing."""
    rating: float | None = None
    """What the customer gave, from -1 (1 of 5 stars) to 1 (5 of 5); None if unknown."""
    language: str = ""
    """The language that the file declares, ISO 639-1; empty if it does not."""

    @property
    def broken(self) -> bool:
        """Whether there was no reading it, so that there is no text to score."""
        return BROKEN_LINE in self.flags


def _no_rows(left_out: Counter[str]) -> Iterator[Row]:
    return iter(())


@dataclass(frozen=True)
class Table:
    """A file of reviews and how to read it."""

    path: Path
    encoding: Encoding
    delimiter: str
    """Between cells; empty for JSON, Parquet and workbooks."""
    header: tuple[str, ...]
    """The columns as the file names them; of JSON, every key in the order of its first use."""
    columns: tuple[str, ...]
    """A unique name for each column of the header."""
    text_column: str
    text_column_reason: str
    n_rows: int | None
    """Rows that ``read_rows`` will yield; None where that is not known beforehand."""
    format: str = "generic"
    """Which known export it is, such as ``trustpilot``."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """Role (text, title, rating, date, language, id, original …) to column."""
    carried: tuple[str, ...] = ()
    """Columns that go to the output, in order; personal ones are not among them."""
    decisions: tuple[str, ...] = ()
    """Sentences for people: what was decided and why, one each."""
    left_out: Counter[str] = field(default_factory=Counter)
    """Reason to rows left out, counted while the rows are read; a new reading begins at nothing."""
    kind: str = "delimited"
    """``delimited``, ``jsonl``, ``json``, ``xlsx`` or ``parquet``."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """Column to ``date`` or ``datetime``, where the file says so; the cells are text, as ISO 8601 has them."""
    day_first: bool = True
    """Whether dates with the year last begin with the day."""
    ratings: RatingsRead | None = None
    """How the ratings were read; None without a column of them."""
    rows: Callable[[Counter[str]], Iterator[Row]] = field(default=_no_rows, repr=False, compare=False)
    """Reads the rows, and counts those left out in what it is given; ``read_rows`` calls it."""

    @property
    def is_json(self) -> bool:
        """Whether rows are JSON objects, whose values have types of their own."""
        return self.kind in ("json", "jsonl")
