"""The options of ``cxnlp score`` on what is scored, how the result is written, and going on."""

from __future__ import annotations

import argparse
from pathlib import Path

from cxnlp.cli.reading import delimiter_of
from cxnlp.data.source import STANDARD, kind_by_name, unpacked
from cxnlp.inference.options import FORMATS, ScoreOptions

# Kinds of input that are formats of results too; from any other comes CSV.
_OF_KIND = {"xlsx": "xlsx", "parquet": "parquet", "json": "jsonl", "jsonl": "jsonl"}


def add_writing_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the result."""
    result = parser.add_argument_group("the result")
    result.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="result: .csv, .tsv, .xlsx, .parquet, .jsonl, or - for standard output (default: NAME.scored.csv, or the "
        "input's own kind if it is a workbook, Parquet or JSON, beside the input)",
    )
    result.add_argument("--output-format", choices=FORMATS, help="kind of result, whatever its name")
    result.add_argument(
        "--output-delimiter", metavar="CHAR", help="between cells of a CSV result (default: the input's)"
    )
    result.add_argument("--decimal", choices=(".", ","), default=".", help="decimal mark of a CSV result (default: .)")
    result.add_argument(
        "--bom",
        action=argparse.BooleanOptionalAction,
        help="begin a CSV result with a byte order mark, by which Excel knows UTF-8 (default: files yes, - no)",
    )
    result.add_argument(
        "--mask-pii",
        action="store_true",
        help="replace personal data in texts by its kind, such as [phone], first of all",
    )
    result.add_argument(
        "--evidence", action="store_true", help="add the sentence that speaks of each touchpoint, with its offsets"
    )
    result.add_argument("--summary", type=Path, metavar="FILE.json", help="write the summary as JSON too")
    which = parser.add_argument_group("which rows").add_mutually_exclusive_group()
    which.add_argument("--limit", type=int, metavar="N", help="score the first N rows only")
    which.add_argument("--sample", type=int, metavar="N", help="score N rows drawn by chance, in their order")
    parser.add_argument(
        "--seed", type=int, default=0, help="of --sample: the same seed draws the same rows (default: 0)"
    )
    parser.add_argument(
        "--restart", action="store_true", help="start anew, even where an earlier run was cut short and could go on"
    )


def score_options(args: argparse.Namespace) -> ScoreOptions:
    """Read the options.

    Raises:
        DataError: a value is out of range.
    """
    return ScoreOptions(
        format=args.output_format,
        delimiter=delimiter_of(args.output_delimiter),
        decimal=args.decimal,
        bom=args.bom,
        limit=args.limit,
        sample=args.sample,
        seed=args.seed,
        restart=args.restart,
        engine=f"{args.backend} {args.device}",
    )


def output_path(args: argparse.Namespace) -> Path:
    """Give the output's name: the one asked for, or one beside the input; from standard input, standard output."""
    if args.output is not None:
        return Path(args.output)
    source = Path(args.file)
    if source == STANDARD:
        return source
    made = args.output_format or _OF_KIND.get(kind_by_name(source) or "", "csv")
    return source.with_name(f"{unpacked(source).stem}.scored.{made}")
