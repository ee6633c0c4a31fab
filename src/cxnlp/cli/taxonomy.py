"""``cxnlp taxonomy``: begin one of your own, check it, and carry old annotations over to a changed one."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cxnlp.errors import DataError
from cxnlp.text.counted import counted

if TYPE_CHECKING:
    from cxnlp.data.counts import Counts
    from cxnlp.data.distinct import Distinct
    from cxnlp.data.migrate_files import Migrated
    from cxnlp.data.read import Problem
    from cxnlp.taxonomy import Taxonomy

_GOOD, _NOT_ALL = 0, 1
_WIDTH = 100
_MIN_LABELLED = 20
_SHOWN = 20

_NEW = """\
examples:
  cxnlp taxonomy new mine.toml
  cxnlp taxonomy new hotels.toml --labels room,breakfast,reception,price
  cxnlp taxonomy new mine.toml --data labelled.jsonl
"""
_CHECK = """\
exit code: 0 it can be used, 1 labels with too few reviews or lines that cannot be read, 2 it cannot be used

examples:
  cxnlp taxonomy check mine.toml
  cxnlp taxonomy check mine.toml labelled.jsonl
"""
_MIGRATE = """\
changes.toml says what became of facets and labels; what it does not name keeps its name:

  [facets]
  topics = "touchpoints"           # renamed
  occasions = []                   # deleted
  [labels.topics]                  # by the old facet
  hotline = "phone"                # renamed
  web = "website"
  shop = "website"                 # merged with web
  support = ["chat", "phone"]      # split: nobody can tell which from the old label
  fax = []                         # deleted
  [new.touchpoints]                # labels that no old one leads to, by the new facet
  parking = "absent"               # reviews labelled before do not have it; or "unknown"

What the old labels do not say is unknown in the new files, and never taken for "none"; those records are listed in
to-label.jsonl, with what is sure of them. The old files stay as they are.
exit code: 0 migrated, 1 some lines could not be read and are not in the new files, 2 nothing was written

example:
  cxnlp taxonomy migrate a.jsonl b.jsonl --from old.toml --to new.toml --map changes.toml --output migrated
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``taxonomy`` and its commands."""
    parser = subparsers.add_parser("taxonomy", help="begin, check and change a taxonomy of your own")
    commands = parser.add_subparsers(dest="taxonomy_command", metavar="COMMAND", required=True)
    raw = argparse.RawDescriptionHelpFormatter
    new = commands.add_parser(
        "new", help="write a taxonomy file to edit", epilog=_NEW, formatter_class=raw,
        description="Write a commented taxonomy file: the default one's questions, or those of --labels or --data.",
    )  # fmt: skip
    new.add_argument("file", type=Path, metavar="FILE.toml", help="the file to write; one that exists is left alone")
    source = new.add_mutually_exclusive_group()
    source.add_argument("--labels", metavar="A,B,C", help="these labels in place of the default touchpoints")
    source.add_argument(
        "--data", nargs="+", type=Path, default=[], metavar="FILE", help="the facets and labels of these JSONL files"
    )
    new.set_defaults(run=run_new)
    check = commands.add_parser(
        "check", help="say whether a taxonomy can be used, and how many reviews each label has", epilog=_CHECK,
        formatter_class=raw,
        description="Check a taxonomy file and, with labelled reviews, count those of each label. Blank texts and "
        "copies of a text are not counted.",
    )  # fmt: skip
    check.add_argument("file", type=Path, metavar="FILE.toml", help="a taxonomy")
    check.add_argument("data", type=Path, nargs="*", metavar="DATA", help="JSONL files of labelled reviews")
    check.add_argument(
        "--min", type=int, default=_MIN_LABELLED, metavar="N", dest="least",
        help=f"name labels with fewer reviews than this (default: {_MIN_LABELLED})",
    )  # fmt: skip
    check.set_defaults(run=run_check)
    migrate = commands.add_parser(
        "migrate", help="carry labelled reviews over to a changed taxonomy", epilog=_MIGRATE, formatter_class=raw,
        description="Rename, merge, split and delete facets and labels in JSONL files of labelled reviews.",
    )  # fmt: skip
    migrate.add_argument("files", type=Path, nargs="+", metavar="FILE", help="JSONL files of labelled reviews")
    migrate.add_argument(
        "--from", type=Path, dest="old", metavar="TOML", help="taxonomy of the files (default: cxnlp's)"
    )
    migrate.add_argument("--to", type=Path, required=True, dest="new", metavar="TOML", help="the changed taxonomy")
    migrate.add_argument(
        "--map", type=Path, metavar="TOML", help="what changed (default: names that are the same stay)"
    )
    migrate.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="a new folder")
    migrate.set_defaults(run=run_migrate)


def run_new(args: argparse.Namespace) -> int:
    """Write a taxonomy to begin with."""
    from cxnlp.data.new_taxonomy import from_labels, from_reviews, taxonomy_text
    from cxnlp.data.write import AtomicText
    from cxnlp.taxonomy import load_taxonomy

    default = load_taxonomy()
    if args.file.exists():
        raise DataError(f"{args.file}: exists already, and is left alone; give another name")
    facets = default.facets
    if args.labels is not None:
        facets = from_labels(default, [label.strip() for label in args.labels.split(",") if label.strip()])
    elif args.data:
        facets = from_reviews(args.data, default)
    text = taxonomy_text(args.file.stem, default.languages, facets)
    with AtomicText(args.file) as file:
        file.write(text)
    print(f"{args.file}: {', '.join(f'{facet.name} ({len(facet.labels)})' for facet in facets)}")
    print(f"Edit it, then: cxnlp taxonomy check {args.file}")
    return _GOOD


def run_check(args: argparse.Namespace) -> int:
    """Check a taxonomy, and count."""
    from cxnlp.data import read_review_files
    from cxnlp.data.counts import count
    from cxnlp.data.distinct import distinct
    from cxnlp.taxonomy import load_taxonomy

    taxonomy = load_taxonomy(args.file)
    languages = ", ".join(taxonomy.languages) or "any"
    print(f"{args.file}: can be used; {taxonomy.name} version {taxonomy.version}, languages {languages}")
    for facet in taxonomy.facets:
        of = f" of {facet.of}" if facet.of else ""
        print(f"  {facet.name} ({facet.kind}{of}): {len(facet.labels)} labels")
    if not args.data:
        return _GOOD
    reviews, problems = read_review_files(args.data, taxonomy)
    found = distinct(reviews)
    counts = count(found.reviews, ["all"] * len(found.reviews), taxonomy) if found.reviews else None
    few = _few(taxonomy, counts, args.least)
    print(f"\n{counted(len(reviews), 'review')} that can be read{_left_out(found)}")
    if counts:
        print("\n".join(_counts(taxonomy, counts, args.least)))
    print("\n".join(_verdict(few, args.least)))
    print("\n".join(_listed("lines that cannot be read", problems)))
    return _NOT_ALL if few or problems else _GOOD


def _left_out(found: Distinct) -> str:
    """Say how many reviews are not counted, and why."""
    blank = f"{found.n_blank:,} without a text" if found.n_blank else ""
    copies = f"{found.n_copies:,} with the text of an earlier one" if found.n_copies else ""
    why = " and ".join(filter(None, [blank, copies]))
    return f"; counted below: {len(found.reviews):,}, leaving out {why}" if why else ""


def _few(taxonomy: Taxonomy, counts: Counts | None, least: int) -> list[str]:
    """Name the labels that have fewer reviews than ``least``."""
    return [
        f"{facet.name} {label} ({n})"
        for facet in taxonomy.answers
        for label in facet.labels
        if (n := sum(counts.labels[facet.name][label].values()) if counts else 0) < least
    ]


def _counts(taxonomy: Taxonomy, counts: Counts, least: int) -> Iterator[str]:
    for facet in taxonomy.answers:
        known = sum(counts.labelled[facet.name].values())
        yield f"\n{facet.name}: known of {known:,} reviews"
        for label in facet.labels:
            n = sum(counts.labels[facet.name][label].values())
            judged = counts.polarities.get(facet.name, {}).get(label, {})
            of_these = ", ".join(f"{polarity} {m:,}" for polarity, m in judged.items())
            mark = "  too few" if n < least else ""
            yield f"  {label:<36} {n:>7,}{f'   {of_these}' if of_these else ''}{mark}"


def _verdict(few: Sequence[str], least: int) -> list[str]:
    if not few:
        return ["", f"Every label has {least} reviews or more."]
    said = f"Fewer than {least} reviews: {', '.join(few)}. Such labels are learnt badly; label more that have them."
    return ["", *textwrap.wrap(said, _WIDTH)]


def run_migrate(args: argparse.Namespace) -> int:
    """Migrate, and say what was changed and what is left to do."""
    from cxnlp.data.changes import Changes, plan, read_changes
    from cxnlp.data.migrate import Migrator
    from cxnlp.data.migrate_files import migrate_files
    from cxnlp.taxonomy import load_taxonomy

    old, new = load_taxonomy(args.old), load_taxonomy(args.new)
    changes = read_changes(args.map) if args.map else Changes()
    plans = plan(old, new, changes, str(args.map or "without --map"))
    found = migrate_files(args.files, Migrator(old, new, plans), args.output)
    print("\n".join(_migrated(found, args.output)))
    return _NOT_ALL if found.broken else _GOOD


def _migrated(found: Migrated, folder: Path) -> Iterator[str]:
    from cxnlp.data.migrate_files import TO_LABEL

    yield f"{found.done.records:,} records, {found.done.changed:,} of them changed: {folder}"
    if found.done.counts:
        yield "\nChanges, with the records that they were made in"
        for what, n in sorted(found.done.counts.items()):
            yield f"  {n:>7,}  {what}"
    yield from _listed("left out, no record", found.broken)
    if found.todo:
        yield from _listed("for a person", found.todo)
        yield f"\nThese are in {folder / TO_LABEL}, with what is sure of their labels and why the rest is open."


def _listed(title: str, problems: Sequence[Problem]) -> Iterator[str]:
    if problems:
        yield f"\n{title[:1].upper()}{title[1:]}: {len(problems):,}"
    for problem in problems[:_SHOWN]:
        yield from textwrap.wrap(str(problem), _WIDTH, initial_indent="  ", subsequent_indent="    ")
    if len(problems) > _SHOWN:
        yield f"  and {len(problems) - _SHOWN:,} more"
