"""What a caller of ``score_file`` may choose, and may be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cxnlp.data.delimited import check_delimiter
from cxnlp.data.read import Problem
from cxnlp.data.source import STANDARD
from cxnlp.errors import DataError

FORMATS = ("csv", "tsv", "xlsx", "parquet", "jsonl")
OUTPUT_SUFFIXES = {f".{name}": name for name in FORMATS} | {".ndjson": "jsonl"}


@dataclass(frozen=True)
class ScoreOptions:
    """Which rows are scored, and how the result is written."""

    format: str | None = None
    """One of ``FORMATS``; None for that of the output's name."""
    delimiter: str | None = None
    """Of a CSV result; None for that of the input."""
    decimal: str = "."
    """The decimal mark of a CSV result, ``.`` or ``,``."""
    bom: bool | None = None
    """Whether a CSV result begins with a byte order mark, which Excel needs; None: files do, standard output not."""
    limit: int | None = None
    """Score the first rows only."""
    sample: int | None = None
    """Score this many rows only, drawn with ``seed``; their order is kept."""
    seed: int = 0
    restart: bool = False
    """Whether to start anew where an unfinished run could be gone on with."""
    engine: str = ""
    """Names what scores besides the model, such as ``onnx auto``; another one does not go on with this one's work."""

    def __post_init__(self) -> None:
        if self.limit is not None and self.sample is not None:
            raise DataError("a limit and a sample: give one of them")
        for name, value in (("limit", self.limit), ("sample", self.sample)):
            if value is not None and value < 1:
                raise DataError(f"{name} {value}: expected a number of rows, 1 or more")
        if self.decimal not in (".", ","):
            raise DataError(f"decimal mark {self.decimal!r}: expected . or ,")
        check_delimiter(self.delimiter)

    def format_of(self, output: Path) -> str:
        """Name the format of the result.

        Raises:
            DataError: it is not known, or cannot go to standard output.
        """
        made = self.format or ("csv" if output == STANDARD else OUTPUT_SUFFIXES.get(output.suffix.lower()))
        if made is None:
            found = output.suffix or "(no extension)"
            expected = ", ".join(OUTPUT_SUFFIXES)
            raise DataError(f"{output}: unknown kind of output {found!r}, expected one of {expected}")
        if output == STANDARD and made in ("xlsx", "parquet"):
            raise DataError(f"{made} cannot go to standard output; give the name of a file")
        return made


class Watch:
    """What a run tells its caller while it works; does nothing by itself."""

    def phase(self, name: str, n_rows: int | None) -> None:
        """A part of the work begins, such as ``scoring``, over so many rows if that is known."""

    def rows(self, n: int, *, kept: bool = False) -> None:
        """So many more rows are done; ``kept`` if an earlier run had scored them."""

    def problem(self, problem: Problem) -> None:
        """A row was not read cleanly, or could not be scored."""

    def note(self, sentence: str) -> None:
        """Something that people should know."""
