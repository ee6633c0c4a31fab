"""`cxnlp checklist`: behavioural tests of a model."""

from __future__ import annotations

import argparse
import json
import sys
from contextlib import ExitStack
from pathlib import Path

from cxnlp.cli.engine import add_bundle, add_careful, add_engine, load_named, own_folder

_EPILOG = """\
examples:
  cxnlp checklist default
  cxnlp checklist my-bundle --failures --json checklist.json
  cxnlp checklist default --cases my-cases.toml

A rate says how often the model does what a reader would; what is tested is in docs/robustness.md.
Exit code: 0; 2 if nothing could be tested.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "checklist",
        help="test how a model behaves, by hand-written cases",
        description="Put hand-written cases to a model and show how many it passes, by capability and language.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_bundle(parser)
    parser.add_argument(
        "--cases", metavar="FILE", type=Path, action="append",
        help="cases of your own (.jsonl, .toml or a folder; may be repeated), instead of the suite that is shipped",
    )  # fmt: skip
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all rates here; with --failures, these too")
    parser.add_argument("--failures", action="store_true", help="show every check that was not passed, with its text")
    add_engine(parser)
    add_careful(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, score, judge, show."""
    from tqdm import tqdm

    from cxnlp.data.write import AtomicText, refuse_input
    from cxnlp.evaluation.checklist import (
        checklist_table,
        read_suite,
        run_checklist,
        shipped_suite,
        show_checklist,
        show_failures,
    )

    paths = args.cases or [shipped_suite()]
    if args.json is not None:
        refuse_input(args.json, [*paths, *filter(None, [own_folder(args.bundle)])], "--json")
    tagger = load_named(args.bundle, args, careful=args.careful)
    suite = read_suite(paths, tagger.taxonomy)
    with ExitStack() as stack:
        # Opened before the long part, so that a folder that cannot be written to is known at once.
        output = None if args.json is None else stack.enter_context(AtomicText(args.json))
        bar = stack.enter_context(tqdm(unit=" texts", disable=not sys.stderr.isatty(), leave=False))
        outcome = run_checklist(tagger, suite, bar.update)
        bar.close()
        if output is not None:
            source = {
                "bundle": args.bundle,
                "careful": args.careful,
                "cases": [str(path) for path in args.cases or ["shipped"]],
            }
            rows = [row.as_json() for row in checklist_table(outcome)]
            figures = {**source, "languages": outcome.languages, "rows": rows}
            if args.failures:
                figures["failures"] = [verdict.as_json() for verdict in outcome.failures]
            output.write(json.dumps(figures, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
    if args.failures:
        print(f"{show_failures(outcome)}\n")
    print(show_checklist(outcome))
    return 0
