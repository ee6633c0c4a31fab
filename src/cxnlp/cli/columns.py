"""``cxnlp columns``: what would be read of a file, and why, with a few of its rows."""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from cxnlp.cli.reading import FILE_HELP, add_reading_options, reading_options
from cxnlp.text.counted import counted
from cxnlp.text.shorten import shorten

if TYPE_CHECKING:
    from cxnlp.data.tables import Row, Table

_ROWS = 5
_TEXT_CHARS = 70
_NAME_CHARS = 40
_DESCRIPTION = """\
Show how a file of reviews would be read, before anything is scored: format, encoding, delimiter, the columns of text,
title, rating, date and language, rows that are left out and why, and five rows with their texts shortened."""
_EPILOG = """\
examples:
  cxnlp columns export.xlsx
  cxnlp columns survey.csv --text-column "Q3" --rating-column "NPS"
  zcat reviews.jsonl.gz | cxnlp columns -"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``columns`` to the parser of all commands."""
    parser = subparsers.add_parser(
        "columns",
        help="show what would be read of a file of reviews",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help=FILE_HELP)
    add_reading_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what was decided, the columns, and five rows."""
    from cxnlp.data.tables import open_table, read_rows

    table = open_table(args.file, reading_options(args))
    count = "" if table.n_rows is None else f": {counted(table.n_rows, 'row')}"
    print(f"{table.path}{count}")
    for decision in table.decisions:
        print(f"  {decision}")
    print("\nColumns")
    for line in _columns(table):
        print(line)
    for row in islice(read_rows(table), _ROWS):
        print()
        for line in _row(row, table):
            print(line)
    return 0


def _columns(table: Table) -> list[str]:
    roles: dict[str, list[str]] = {}
    for role, name in table.roles.items():
        roles.setdefault(name, []).append(role)
    carried = set(table.carried)
    lines = []
    for title, name in zip(table.header, table.columns, strict=True):
        said = [*roles.get(name, ()), *(() if name in carried else ("not carried",))]
        renamed = f" (called {shorten(name, _NAME_CHARS)})" if name != title.strip() else ""
        shown = shorten(title.strip(), _NAME_CHARS) or "(no name)"
        lines.append(f"  {shown}{renamed}{': ' + ', '.join(said) if said else ''}")
    return lines


def _row(row: Row, table: Table) -> list[str]:
    from cxnlp.data.values import date_of

    where = f"row {row.line}" if table.kind in ("json", "parquet", "xlsx") else f"line {row.line}"
    if row.broken:
        return [f"{where}: {row.problem}"]
    known = [f"rating {row.rating:+.2f}"] if row.rating is not None else []
    day = date_of(row.fields.get(table.roles.get("date", "")), day_first=table.day_first)
    known += [day.isoformat()] if day else []
    known += [row.language] if row.language else []
    known += list(row.flags)
    text = shorten(" ".join(row.text[: 10 * _TEXT_CHARS].split()), _TEXT_CHARS)
    return [f"{where}{': ' if known else ''}{', '.join(known)}", f"  {text or '(nothing to read)'}"]
