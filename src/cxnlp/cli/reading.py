"""The options on how a file of reviews is read, which several commands share."""

from __future__ import annotations

import argparse
from pathlib import Path

from cxnlp.data.rows import ReadingOptions

FILE_HELP = (
    "reviews: .csv, .tsv, .txt, .xlsx, .json, .jsonl, .ndjson, .parquet, .gz of the text ones; - is standard input"
)
_COLUMNS = {
    "text": "column of the review's text",
    "title": "column of a title, which is read before the text (guessed beside a named text too)",
    "rating": "column of stars or another rating",
    "date": "column of the review's date",
    "language": "column of the declared language",
}


def add_reading_options(parser: argparse.ArgumentParser, *, scored: bool = False) -> None:
    """Add the options; each stands for a guess, and wins over it and over the mapping. Of scored files all is read."""
    group = parser.add_argument_group(
        "how the file is read (found by itself; cxnlp columns FILE shows what was found)",
        'An empty name, such as --title-column "", says that there is no such column (not of the text).',
    )
    for role, text in _COLUMNS.items():
        group.add_argument(f"--{role}-column", metavar="NAME", help=text)
    group.add_argument(
        "--rating-scale", metavar="SCALE", help="of the ratings: stars (1-5), nps (0-10), or such as 1-6, 1-10, 0-100"
    )
    group.add_argument("--encoding", metavar="NAME", help="such as windows-1252")
    group.add_argument("--delimiter", metavar="CHAR", help='between cells: ";" "," "|" or tab')
    group.add_argument("--sheet", metavar="NAME", help="of a workbook (default: the first with something in it)")
    group.add_argument(
        "--format", metavar="NAME", help='export that it is, such as trustpilot, or "generic" for none that is known'
    )
    group.add_argument("--mapping", type=Path, metavar="FILE.toml", help="a file that says what the columns mean")
    group.add_argument(
        "--keep-personal", action="store_true", help="carry columns of names, e-mail, IP, place and telephone too"
    )
    if not scored:
        group.add_argument(
            "--keep-unfinished", action="store_true", help="read preview and unfinished responses of a survey too"
        )


def delimiter_of(given: str | None) -> str | None:
    """Give the delimiter that an option means: a tab is hard to type, and has names."""
    return "\t" if given in ("tab", "\\t") else given


def reading_options(args: argparse.Namespace) -> ReadingOptions:
    """Give what the user said of the file."""
    return ReadingOptions(
        text_column=args.text_column,
        title_column=args.title_column,
        rating_column=args.rating_column,
        rating_scale=args.rating_scale,
        date_column=args.date_column,
        language_column=args.language_column,
        encoding=args.encoding,
        delimiter=delimiter_of(args.delimiter),
        sheet=args.sheet,
        format=args.format,
        keep_personal=args.keep_personal,
        keep_unfinished=getattr(args, "keep_unfinished", True),
        mapping=args.mapping,
    )
