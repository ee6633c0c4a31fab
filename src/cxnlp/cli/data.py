"""``cxnlp data``: ``check``, the audit of labelled data, laid out for people; ``errors`` is in a file of its own."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cxnlp.cli import data_errors
from cxnlp.errors import DataError, SettingsError
from cxnlp.text.counted import counted
from cxnlp.text.shorten import shorten

if TYPE_CHECKING:
    from cxnlp.data.audit import Audit
    from cxnlp.data.counts import Counts

_CLEAN, _PROBLEMS = 0, 1
_WIDTH = 100
_NAME_WIDTH = 26
_COLUMN_WIDTH = 9
_MAX_COLUMNS = (_WIDTH - _NAME_WIDTH) // _COLUMN_WIDTH
_SHOWN_PER_KIND = 20
_OTHER = "other"


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``data`` and its commands."""
    parser = subparsers.add_parser("data", help="check labelled data")
    commands = parser.add_subparsers(dest="data_command", metavar="COMMAND", required=True)
    check = commands.add_parser(
        "check",
        help="audit labelled JSONL files",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=textwrap.fill(
            "Audit JSONL files of labelled reviews together: broken lines, unknown labels, facets that are still to be "
            "labelled, records without text or id, duplicates, conflicting labels, and texts that are in two splits. "
            "Counts by language, split and label. Never prints a review.",
            _WIDTH - 2,
        ),
        epilog=textwrap.dedent("""\
            exit code: 0 nothing found, 1 problems found, 2 the audit could not be made

            examples:
              cxnlp data check data/corpus/*.jsonl
              cxnlp data check --split train=train.jsonl --split dev=dev.jsonl --json audit.json
            """),
    )
    check.add_argument("files", nargs="*", type=Path, metavar="FILE", help="JSONL file of labelled reviews")
    check.add_argument(
        "--split", action="append", default=[], metavar="NAME=FILE",
        help="a further file, all of it in this split; a text that is in two splits is reported as leakage",
    )  # fmt: skip
    check.add_argument(
        "--taxonomy", type=Path, metavar="TOML", help="the labels to check against (default: cxnlp's own)"
    )
    check.add_argument("--json", type=Path, metavar="FILE", help="also write everything that was found to FILE")
    check.set_defaults(run=run)
    data_errors.add_parser(commands)


def run(args: argparse.Namespace) -> int:
    """Audit, print, and tell by the exit code whether anything was found."""
    from cxnlp.data.audit import audit
    from cxnlp.data.write import refuse_input
    from cxnlp.taxonomy import load_taxonomy

    named = [_named_split(option) for option in args.split]
    paths = [*args.files, *(path for path, _ in named)]
    if not paths:
        raise SettingsError("no file to check; give at least one JSONL file, such as cxnlp data check reviews.jsonl")
    if args.json:
        refuse_input(args.json, filter(None, [*paths, args.taxonomy]), "--json")
    found = audit(paths, load_taxonomy(args.taxonomy), dict(named))
    if args.json:
        _write_json(args.json, found)
    print("\n".join(show(found)))
    return _CLEAN if found.ok else _PROBLEMS


def _named_split(option: str) -> tuple[Path, str]:
    name, equals, path = option.partition("=")
    if not (name and equals and path):
        raise SettingsError(f"--split {option}: expected NAME=FILE, such as --split train=reviews.jsonl")
    return Path(path), name


def _write_json(path: Path, found: Audit) -> None:
    try:
        # An id may hold half a surrogate pair, which UTF-8 has not; with the backslash JSON has it.
        path.write_text(json.dumps(found.as_json(), ensure_ascii=False, indent=1) + "\n", "utf-8", "backslashreplace")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror}); choose another place for --json") from error


def show(found: Audit) -> Iterable[str]:
    """Lay out an audit in lines of at most 100 columns; of each kind of problem, the first 20."""
    yield (
        f"{counted(len(found.paths), 'file')}, {counted(found.records, 'record')}, {counted(found.reviews, 'review')} "
        "with a text"
    )
    if found.unfinished:
        yield from textwrap.wrap(found.unfinished, _WIDTH, subsequent_indent="  ")
    yield from _problems(found)
    if found.reviews:
        yield from _counts(found.counts, found.splits_given)


def _problems(found: Audit) -> Iterable[str]:
    yield ""
    if found.ok:
        yield "No problems found."
        return
    yield "Problems"
    for kind, problems in found.problems.items():
        yield f"  {kind}: {len(problems):,}"
        for problem in problems[:_SHOWN_PER_KIND]:
            yield from textwrap.wrap(str(problem), _WIDTH, initial_indent="    ", subsequent_indent="      ")
        if len(problems) > _SHOWN_PER_KIND:
            yield f"    and {len(problems) - _SHOWN_PER_KIND:,} more"


def _counts(counts: Counts, splits_given: bool) -> Iterable[str]:
    names, languages = _columns(counts.languages, _MAX_COLUMNS - 2)
    heads = [*names, "all"]
    yield from _table("Reviews" if splits_given else "Reviews (split by hash)", heads)
    for split, by_language in counts.splits.items():
        yield _row(split, [f"{n:,}" for n in _cells(by_language, languages)])
    yield _row("all", [f"{n:,}" for n in _cells(counts.languages, languages)])
    for facet, labels in counts.labels.items():
        labelled = counts.labelled[facet]
        yield from _table(facet, [*heads, "share"])
        for label, by_language in labels.items():
            n = sum(by_language.values())
            yield _row(
                label, [*(f"{n:,}" for n in _cells(by_language, languages)), _percent(n, sum(labelled.values()))]
            )
        yield _row("(reviews that know it)", [f"{n:,}" for n in _cells(labelled, languages)])
    for facet, table in counts.polarities.items():
        yield from _polarities(facet, table)
    yield from _table("Length in words", [*next(iter(counts.words.values()))])
    for language in names if _OTHER not in names else names[:-1]:
        yield _row(language, [f"{n:,}" for n in counts.words[language].values()])


def _polarities(facet: str, table: Mapping[str, Mapping[str, int]]) -> Iterable[str]:
    total = Counter[str]()
    for by_polarity in table.values():
        total.update(by_polarity)
    names, polarities = _columns(total, _MAX_COLUMNS - 1)
    yield from _table(f"{facet}: polarity", [*names, "all"])
    for label, by_polarity in [*table.items(), ("all", total)]:
        *cells, n = _cells(by_polarity, polarities)
        yield _row(label, [*(_percent(cell, n) for cell in cells), f"{n:,}"])


def _columns(counts: Mapping[str, int], room: int) -> tuple[list[str], list[list[str]]]:
    """Give column names, and the keys that each one adds up; what has no room is in the last one."""
    keys = list(counts)
    if len(keys) <= room:
        return keys, [[key] for key in keys]
    return [*keys[: room - 1], _OTHER], [*([key] for key in keys[: room - 1]), keys[room - 1 :]]


def _cells(counts: Mapping[str, int], columns: Sequence[Sequence[str]]) -> list[int]:
    return [*(sum(counts.get(key, 0) for key in keys) for keys in columns), sum(counts.values())]


def _table(title: str, heads: Sequence[str]) -> list[str]:
    return ["", _row(title, heads, indent="")]


def _row(name: str, cells: Iterable[str], indent: str = "  ") -> str:
    name = shorten(indent + name, _NAME_WIDTH - 1)
    return f"{name:<{_NAME_WIDTH}}" + "".join(f"{cell[: _COLUMN_WIDTH - 1]:>{_COLUMN_WIDTH}}" for cell in cells)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"
