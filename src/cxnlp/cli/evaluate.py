"""`cxnlp evaluate`: how well a model does on labelled reviews."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from cxnlp.errors import SettingsError

if TYPE_CHECKING:
    from cxnlp.data import Problem

SHIPPED = "default"
_SHOWN_PROBLEMS = 20
_BROKEN_LINES = 1

_EPILOG = """\
examples:
  cxnlp evaluate default labelled.jsonl
  cxnlp evaluate my-bundle labels.jsonl --texts reviews.jsonl --labels --json scores.json
  cxnlp evaluate default norec_sentence/ --split test

Exit code: 0; 1 if some lines were broken and the rest was scored; 2 if nothing could be scored.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "evaluate",
        help="compare a model's labels with those of labelled reviews",
        description="Score labelled reviews and show the figures by facet and language, with 95 % bootstrap intervals.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "bundle", metavar="BUNDLE", help=f"folder of a model, or {SHIPPED!r} for the one that is shipped"
    )
    parser.add_argument(
        "data", metavar="DATA", type=Path, help="labelled JSONL, a folder of such files, or a folder of NoReC_sentence"
    )
    parser.add_argument(
        "--texts", metavar="FILE", type=Path, help="JSONL or CSV with the texts, where DATA has ids and labels"
    )
    parser.add_argument("--text-column", metavar="NAME", help="column of --texts, where the guess is wrong")
    parser.add_argument("--split", choices=("train", "dev", "test"), help="score this split only (NoReC: test)")
    parser.add_argument(
        "--only", metavar="FACET=LABEL,LABEL", action="append", default=[], help="decide among these labels only"
    )
    parser.add_argument("--labels", action="store_true", help="show the figures of every label too")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all figures here")
    parser.add_argument("--backend", choices=("onnx", "torch"), default="onnx", help="engine (default: onnx)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="processor (default: auto)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Score, compare, show; give the exit code."""
    from tqdm import tqdm

    from cxnlp.data.write import AtomicText, refuse_input
    from cxnlp.evaluation import evaluate, show, show_labels
    from cxnlp.evaluation.gold import read_gold
    from cxnlp.inference.tagger import Tagger

    if args.text_column is not None and args.texts is None:
        raise SettingsError("--text-column names a column of --texts, which is not given")
    only = parse_only(args.only)
    if args.json is not None:
        inputs = [args.data, args.texts, None if args.bundle == SHIPPED else Path(args.bundle)]
        refuse_input(args.json, filter(None, inputs), "--json")
    tagger = Tagger.load(None if args.bundle == SHIPPED else args.bundle, backend=args.backend, device=args.device)
    gold = read_gold(args.data, tagger.taxonomy, args.texts, args.split, args.text_column)
    only = {**gold.only, **only}
    with ExitStack() as stack:
        # Opened before the long part, so that a folder that cannot be written to is known at once.
        output = None if args.json is None else stack.enter_context(AtomicText(args.json))
        bar = stack.enter_context(
            tqdm(total=len(gold.reviews), unit=" reviews", disable=not sys.stderr.isatty(), leave=False)
        )
        report = evaluate(tagger, gold.reviews, only, progress=bar.update)
        bar.close()
        if output is not None:
            source = {"bundle": args.bundle, "data": str(args.data), "split": args.split, "only": only}
            figures = {**source, "broken_lines": len(gold.problems), **report.as_json()}
            output.write(json.dumps(figures, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
    print(show(report))
    for facet, labels in only.items():
        print(f"{facet}: decided among {', '.join(labels)} only.")
    if args.labels:
        print(f"\n{show_labels(report)}")
    _print_problems(gold.problems)
    return _BROKEN_LINES if gold.problems else 0


def parse_only(options: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read ``facet=label,label`` options.

    Raises:
        SettingsError: an option has another form, or names a facet again.
    """
    only: dict[str, tuple[str, ...]] = {}
    for option in options:
        facet, equals, labels = option.partition("=")
        names = tuple(name.strip() for name in labels.split(",") if name.strip())
        if not equals or not facet.strip() or not names:
            raise SettingsError(f"--only {option!r}: expected FACET=LABEL,LABEL such as sentiment=negative,positive")
        if facet.strip() in only:
            raise SettingsError(f"--only names {facet.strip()!r} twice; give all its labels in one")
        only[facet.strip()] = names
    return only


def _print_problems(problems: Sequence[Problem]) -> None:
    for problem in problems[:_SHOWN_PROBLEMS]:
        print(f"cxnlp: {problem}", file=sys.stderr)
    if len(problems) > _SHOWN_PROBLEMS:
        print(f"cxnlp: and {len(problems) - _SHOWN_PROBLEMS} more broken lines", file=sys.stderr)
    if problems:
        print(f"cxnlp: {len(problems)} broken lines were left out of the figures", file=sys.stderr)
