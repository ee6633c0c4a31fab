"""``cxnlp score``: a file of reviews in, the same rows with labels out, and a summary."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cxnlp.cli.reading import FILE_HELP, add_reading_options, reading_options
from cxnlp.data.read import Problem

DAMAGED = 1
"""Exit code when the result was written but some rows were not read cleanly."""

_MAX_PROBLEMS = 20
_DESCRIPTION = """\
Label every review of a file: its language, sentiment, touchpoints with polarity, and phases of the journey.

Reads .csv, .tsv and .txt (comma, semicolon, tab or bar; UTF-8, UTF-16 or Windows-1252, found by itself) and .jsonl and
.ndjson (one JSON object a line). Writes .csv, .tsv or .jsonl: all columns of the input, then the labels in columns that
begin with cx_ (in JSONL, as the fields of a labelled review). Row order is kept, and no row is left out: one that could
not be read cleanly is flagged in cx_flags and named on standard error. No network is used."""
_EPILOG = """\
examples:
  cxnlp score reviews.csv
  cxnlp score reviews.csv --output scored.csv --summary summary.json
  cxnlp score export.tsv --text-column "Review Text" --output scored.jsonl

exit codes:
  0    every row was read cleanly (rows may still be flagged empty or other_language)
  1    the result was written, but some rows were damaged: too few or too many cells, bytes that are not text,
       NUL characters, quotes left open, lines that are not JSON
  2    an error; nothing was written
  130  stopped with Ctrl-C; nothing was written"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``score`` to the parser of all commands."""
    parser = subparsers.add_parser(
        "score",
        help="label every review of a CSV or JSONL file",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help=FILE_HELP)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="result, .csv, .tsv or .jsonl (default: NAME.scored.csv, or .jsonl for JSON, beside the input)",
    )
    parser.add_argument(
        "--model", type=Path, metavar="BUNDLE", help="folder of a trained model (default: the shipped one)"
    )
    parser.add_argument("--backend", choices=("onnx", "torch"), default="onnx", help="scoring engine (default: onnx)")
    parser.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="where to score (default: auto)"
    )
    parser.add_argument("--summary", type=Path, metavar="FILE.json", help="write the summary as JSON too")
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Score the file and print the summary; 1 if some rows were damaged."""
    from cxnlp.cli.summary import summary_text
    from cxnlp.data.tables import open_table
    from cxnlp.inference.score import check_paths, score_file
    from cxnlp.inference.tagger import Tagger

    output = args.output or _default_output(args.file)
    table = open_table(args.file, reading_options(args))
    check_paths(table.path, output, args.summary)
    tagger = Tagger.load(args.model, backend=args.backend, device=args.device)
    with _progress(table.n_rows, str(args.file)) as report, _Problems() as problems:
        summary = score_file(
            tagger, table, output, summary=args.summary, on_rows=report.update, on_problem=problems.add
        )
    print(summary_text(summary, bar=_bar_character()))
    return DAMAGED if summary.n_damaged else 0


def _default_output(source: Path) -> Path:
    suffix = ".jsonl" if source.suffix.lower() in (".jsonl", ".ndjson") else ".csv"
    return source.with_name(f"{source.stem}.scored{suffix}")


@contextmanager
def _progress(n_rows: int | None, name: str) -> Iterator[Any]:
    """Show a bar on a terminal; a line at the start and one at the end elsewhere."""
    from tqdm import tqdm

    shown = sys.stderr.isatty()
    if not shown:
        print(
            f"cxnlp: scoring {'the' if n_rows is None else f'{n_rows:,}'} rows of {name}", file=sys.stderr, flush=True
        )
    with tqdm(
        total=n_rows, unit=" rows", file=sys.stderr, disable=not shown, dynamic_ncols=True, desc="scoring"
    ) as bar:
        yield bar
    if not shown:
        print("cxnlp: done", file=sys.stderr, flush=True)


class _Problems:
    """Names the first damaged rows on standard error, and counts the others."""

    def __init__(self) -> None:
        self.n = 0

    def add(self, problem: Problem) -> None:
        from tqdm import tqdm

        self.n += 1
        if self.n <= _MAX_PROBLEMS:
            tqdm.write(f"cxnlp: {problem}", file=sys.stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self.n > _MAX_PROBLEMS:
            print(f"cxnlp: and {self.n - _MAX_PROBLEMS:,} more damaged rows; see cx_flags", file=sys.stderr)


def _bar_character() -> str:
    try:
        "█".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "#"
    return "█"
