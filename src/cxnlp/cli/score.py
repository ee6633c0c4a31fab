"""``cxnlp score``: a file of reviews in, the same rows with labels out, and a summary."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cxnlp.cli.engine import add_careful, add_engine, load_named
from cxnlp.cli.reading import FILE_HELP, add_reading_options, reading_options
from cxnlp.cli.writing import add_writing_options, output_path, score_options
from cxnlp.errors import CxnlpError

if TYPE_CHECKING:
    from cxnlp.cli.progress import Progress

DAMAGED = 1
"""Exit code when the result was written but some rows were not read cleanly, or could not be scored."""
INTERRUPTED = 130

_DESCRIPTION = """\
Label every review of a file: its language, sentiment, touchpoints with polarity, and phases of the journey.

What a file is, its encoding and its columns are found out and said; cxnlp columns FILE shows it beforehand. Writes
.csv, .tsv, .xlsx, .parquet or .jsonl: the columns of the input, then the labels in columns that begin with cx_ (in
JSONL, as the fields of a labelled review). Row order is kept. A row that could not be read cleanly, or not be scored,
is flagged in cx_flags and named on standard error. Copies of a text are scored once. No network is used.

A run that was cut short (Ctrl-C, a power cut, a full disk) goes on where it was when the same command is run again."""
_EPILOG = """\
examples:
  cxnlp score reviews.csv
  cxnlp score reviews.csv --output scored.xlsx --summary summary.json
  cxnlp score reviews.csv --output scored.csv --output-delimiter ";" --decimal ,
  cxnlp score export.tsv --text-column "Review Text" --output scored.jsonl --sample 500

exit codes:
  0    every row was read cleanly (rows may still be flagged empty or other_language)
  1    the result was written, but some rows were damaged: too few or too many cells, bytes that are not text,
       NUL characters, quotes left open, lines that are not JSON, texts that the model failed on
  2    an error; nothing was written under the output's name
  130  stopped with Ctrl-C; nothing was written under the output's name"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``score`` to the parser of all commands."""
    parser = subparsers.add_parser(
        "score",
        help="label every review of a file",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help=FILE_HELP)
    parser.add_argument("--model", metavar="BUNDLE", help="folder of a trained model (default: the shipped one)")
    add_engine(parser)
    add_careful(parser)
    parser.add_argument(
        "--min-precision",
        type=float,
        metavar="P",
        help="give only touchpoints and phases that are right in a share of P of cases, such as 0.9; see cxnlp info",
    )
    add_writing_options(parser)
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Score the file and print the summary; 1 if some rows were damaged."""
    from cxnlp.cli.progress import Progress
    from cxnlp.cli.summary import summary_text
    from cxnlp.data.source import STANDARD
    from cxnlp.data.tables import open_table
    from cxnlp.inference.hooks import make_hooks
    from cxnlp.inference.paths import check_paths
    from cxnlp.inference.score import score_file

    output, options = output_path(args), score_options(args)
    table = open_table(args.file, reading_options(args))
    check_paths(table.path, output, args.summary, options)
    tagger = load_named(args.model, args, careful=args.careful, min_precision=args.min_precision)
    hooks = make_hooks(tagger, mask=args.mask_pii, evidence=args.evidence)
    progress = Progress(str(args.file))
    try:
        with progress:
            summary = score_file(
                tagger, table, output, options=options, hooks=hooks, summary=args.summary, watch=progress
            )
    except CxnlpError:
        _say_how_to_go_on(output, progress, "stopped")
        raise
    except KeyboardInterrupt:
        if not _say_how_to_go_on(output, progress, "interrupted"):
            print("cxnlp: no part was done far enough to be kept: the same command starts anew", file=sys.stderr)
            raise
        return INTERRUPTED
    text = summary_text(summary, bar=_bar_character())
    print(text, file=sys.stderr if output == STANDARD else sys.stdout)
    return DAMAGED if summary.n_damaged else 0


def _say_how_to_go_on(output: Path, progress: Progress, what: str) -> bool:
    """Say where the work done is kept, if it is; give whether it is."""
    from cxnlp.inference.progress import progress_folder

    folder = progress_folder(output)
    kept = progress.n_scored > 0 and folder.is_dir()
    if kept:
        print(f"cxnlp: {what}; what was scored is kept in {folder.name}", file=sys.stderr)
        print("cxnlp: run the same command again to go on, or with --restart to start anew", file=sys.stderr)
    return kept


def _bar_character() -> str:
    try:
        "█".encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "#"
    return "█"
