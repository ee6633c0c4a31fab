"""``cxnlp labels``: reviews to and from the tools that people label in, and how far the people agree."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from cxnlp.cli import labels_agreement
from cxnlp.cli.problems import tell_problems
from cxnlp.errors import SettingsError

if TYPE_CHECKING:
    from cxnlp.data import Problem
    from cxnlp.loop.answers import Answers
    from cxnlp.loop.items import Item
    from cxnlp.taxonomy import Taxonomy

_TOOLS = ("label-studio", "argilla", "xlsx")
_KEEP = ("auto", "predictions", "labels", "none")

_EXPORT_EPILOG = """\
examples:
  cxnlp labels export scored.jsonl --to xlsx --output to-label.xlsx
  cxnlp labels export scored.jsonl --to label-studio --output tasks.json --config interface.xml
  cxnlp labels export reviews.csv --to argilla --output records.json --config settings.json
  cxnlp labels export scored.jsonl --to xlsx --labels none --output blind.xlsx

What each tool makes of the files is in docs/label-tools.md.
exit code: 0 everything was exported, 1 some lines could not be read, 2 an error
"""
_IMPORT_EPILOG = """\
examples:
  cxnlp labels import to-label.xlsx --from xlsx --output labels.jsonl
  cxnlp labels import project-1.json --from label-studio --output labels.jsonl
  cxnlp labels import records.json --from argilla --only-labelled --output labels.jsonl

exit code: 0 everything was read, 1 something could not be used and is named, 2 an error
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``labels`` and its commands."""
    parser = subparsers.add_parser("labels", help="to and from label tools; how far annotators agree")
    commands = parser.add_subparsers(dest="labels_command", metavar="COMMAND", required=True)
    _add_export(commands)
    _add_import(commands)
    labels_agreement.add_parser(commands)


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "export",
        help="reviews to a label tool, a model's labels filled in",
        description="Write reviews for Label Studio, for Argilla, or as a workbook with drop-downs. Labels of a scored "
        "file are filled in as the model's, to be corrected; labels of a labelled file go along as a person's.",
        epilog=_EXPORT_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # --model, which elsewhere is a bundle, is no short form of --model-name
    )
    parser.add_argument("input", type=Path, metavar="INPUT", help="reviews, scored or labelled: .jsonl, or a table")
    parser.add_argument("--to", choices=_TOOLS, required=True, help="the tool")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help=".json, or .xlsx")
    parser.add_argument(
        "--config", type=Path, metavar="FILE",
        help="write what the tool is set up with: the interface of Label Studio (XML), the settings of Argilla (JSON)",
    )  # fmt: skip
    parser.add_argument(
        "--labels", choices=_KEEP, default="auto",
        help="whose the labels are: a model's, if the file was scored (auto); a model's; a person's; or leave "
        "them out",
    )  # fmt: skip
    parser.add_argument(
        "--guidelines", type=Path, metavar="FILE.md", help="Markdown with a table of labels and meanings"
    )
    parser.add_argument(
        "--model-name", default="cxnlp", metavar="NAME", help="what the tool calls the model (default: cxnlp)"
    )
    parser.add_argument("--user", metavar="UUID", help="user of Argilla whose responses a person's labels become")
    parser.add_argument("--text-column", metavar="NAME", help="of a table: column of the review's text")
    _add_taxonomy(parser)
    parser.set_defaults(run=run_export)


def _add_import(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "import",
        help="what was labelled in a tool, as labelled JSONL",
        description="Read what a label tool exported and write labelled JSONL, one line for each review and annotator. "
        "What nobody answered stays unknown. What cannot be used is named with its place; the rest is kept.",
        epilog=_IMPORT_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="JSON or JSON-MIN of Label Studio, JSON of Argilla, .xlsx"
    )
    parser.add_argument("--from", dest="tool", choices=_TOOLS, required=True, help="the tool")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="labelled .jsonl")
    parser.add_argument("--annotator", metavar="NAME", help="who labelled, where the file does not say")
    parser.add_argument("--only-labelled", action="store_true", help="leave out reviews that nobody has labelled")
    parser.add_argument("--all-rows", action="store_true", help='of a workbook: also rows without a mark under "done?"')
    parser.add_argument("--sheet", metavar="NAME", help="of a workbook (default: Reviews)")
    _add_taxonomy(parser)
    parser.set_defaults(run=run_import)


def _add_taxonomy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--taxonomy", type=Path, metavar="TOML", help="the labels (default: cxnlp's own)")


def run_export(args: argparse.Namespace) -> int:
    """Read, write, say what was written."""
    from dataclasses import replace

    from cxnlp.data.write import refuse_outputs
    from cxnlp.loop.items import read_items
    from cxnlp.taxonomy import load_taxonomy
    from cxnlp.text.counted import counted

    if args.config is not None and args.to == "xlsx":
        raise SettingsError("--config: a workbook needs none; expected --to label-studio or argilla; leave it out")
    _check_user(args)
    given = [path for path in (args.input, args.taxonomy, args.guidelines) if path is not None]
    named = {"--output": args.output, "--config": args.config}
    refuse_outputs({name: path for name, path in named.items() if path is not None}, given)
    taxonomy = load_taxonomy(args.taxonomy)
    items, problems = read_items(args.input, taxonomy, args.text_column)
    if args.labels == "none":
        items = [replace(item, labels={}) for item in items]
    elif args.labels != "auto":
        items = [replace(item, predicted=args.labels == "predictions") for item in items]
    notes = _write(args, taxonomy, items)
    labelled = sum(bool(item.labels) for item in items)
    print(f"{args.output}: {counted(len(items), 'review')}, {labelled:,} with labels")
    return _tell(problems, notes)


def _check_user(args: argparse.Namespace) -> None:
    import uuid

    if args.user is None:
        return
    if args.to != "argilla":
        raise SettingsError("--user: names a user of Argilla; expected --to argilla; leave it out")
    try:
        uuid.UUID(args.user)
    except ValueError as error:
        raise SettingsError(f"--user {args.user!r}: expected the user's id in Argilla, a UUID") from error


def _write(args: argparse.Namespace, taxonomy: Taxonomy, items: Sequence[Item]) -> list[str]:
    from cxnlp.data.write import AtomicText
    from cxnlp.loop.definitions import definitions_of, read_guidelines

    guidelines = read_guidelines(args.guidelines) if args.guidelines else None
    definitions = definitions_of(guidelines, taxonomy) if guidelines else {}
    notes = [] if definitions or not guidelines else [f"{args.guidelines}: no table with the labels of a facet"]
    if args.to == "xlsx":
        from cxnlp.loop.sheet import EXACT
        from cxnlp.loop.sheet_write import write_sheet
        from cxnlp.text.counted import counted

        n_exact = write_sheet(args.output, taxonomy, items, definitions)
        if n_exact:
            notes.append(f'{counted(n_exact, "text")} that a cell cannot hold unchanged: whole in the sheet "{EXACT}"')
        return notes
    if args.to == "label-studio":
        from cxnlp.loop.label_studio import config_xml, tasks

        config = config_xml(taxonomy, definitions)
        made = tasks(taxonomy, items, args.model_name)
    else:
        from cxnlp.loop.argilla import records_json, settings_json

        config = json.dumps(settings_json(taxonomy, definitions, guidelines), indent=2) + "\n"
        made = records_json(taxonomy, items, args.model_name, args.user)
    with ExitStack() as stack:
        output = stack.enter_context(AtomicText(args.output))
        if args.config is not None:
            stack.enter_context(AtomicText(args.config)).write(config)
        # Plain ASCII: the tools' own readers do not all say which encoding they take a file for.
        output.write(json.dumps(made, indent=1) + "\n")
    return notes


def run_import(args: argparse.Namespace) -> int:
    """Read, write, say what was read and what could not be."""
    from dataclasses import replace

    from cxnlp.data.write import refuse_input
    from cxnlp.loop.answers import write_records
    from cxnlp.taxonomy import load_taxonomy
    from cxnlp.text.counted import counted

    if args.tool != "xlsx" and (args.all_rows or args.sheet):
        raise SettingsError("--all-rows and --sheet are of workbooks; expected --from xlsx; leave them out")
    refuse_input(args.output, [path for path in (args.file, args.taxonomy) if path is not None], "--output")
    found = _read(args, load_taxonomy(args.taxonomy))
    answers = [answer for answer in found.answers if answer.labels or not args.only_labelled]
    named = (replace(a, annotator=a.annotator or (args.annotator or "" if a.labels else "")) for a in answers)
    write_records(args.output, (answer.as_record() for answer in named))
    labelled = len({answer.id for answer in answers if answer.labels})
    bare = sum(not answer.labels for answer in answers)
    print(f"{args.output}: {counted(labelled, 'labelled review')}, {bare:,} without labels")
    who = [name for name in found.annotators if name]
    if len(who) > 1:
        print(f"{len(who)} annotators; cxnlp labels agreement {args.output} compares them")
    return _tell(found.problems, found.notes)


def _read(args: argparse.Namespace, taxonomy: Taxonomy) -> Answers:
    if args.tool == "xlsx":
        from cxnlp.loop.sheet import REVIEWS
        from cxnlp.loop.sheet_read import read_sheet

        return read_sheet(args.file, taxonomy, args.sheet or REVIEWS, all_rows=args.all_rows)
    if args.tool == "argilla":
        from cxnlp.loop.argilla import read_argilla

        return read_argilla(args.file, taxonomy)
    from cxnlp.loop.label_studio_import import read_label_studio

    return read_label_studio(args.file, taxonomy)


def _tell(problems: Sequence[Problem], notes: Sequence[str]) -> int:
    for note in notes:
        print(f"cxnlp: {note}", file=sys.stderr)
    return tell_problems(problems)
