"""`cxnlp calibrate`: fit a model's confidence to reviews of one's own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cxnlp.cli.engine import SHIPPED, add_bundle, add_engine, load_named
from cxnlp.cli.problems import tell_problems
from cxnlp.errors import DataError, SettingsError
from cxnlp.text.counted import counted

if TYPE_CHECKING:
    from cxnlp.data import Review
    from cxnlp.evaluation.recalibrate import Recalibrated
    from cxnlp.inference.tagger import Tagger

_EPILOG = """\
examples:
  cxnlp calibrate default labelled.jsonl --output models/ours
  cxnlp calibrate default labels.jsonl --texts reviews.csv --output models/ours
  cxnlp calibrate models/ours corpus/ --split dev --output models/ours

Some hundred reviews that the model was not trained on do; a facet with fewer than 30 gold labels stays as it is. The
network is not trained, so this takes about as long as scoring the reviews.

Exit code: 0; 1 if some lines were broken and the rest was used; 2 if nothing was written.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "calibrate",
        help="fit a model's thresholds and probabilities to your labelled reviews, without training",
        description="Learn anew on labelled reviews what a model's probabilities mean, from which on labels are given, "
        "and which phase is the main one; write the model with that to another folder.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_bundle(parser)
    parser.add_argument("data", metavar="DATA", type=Path, help="labelled JSONL, or a folder of such files")
    parser.add_argument("-o", "--output", metavar="FOLDER", type=Path, required=True, help="write the model here")
    parser.add_argument(
        "--texts", metavar="FILE", type=Path, help="JSONL or CSV with the texts, where DATA has ids and labels"
    )
    parser.add_argument("--text-column", metavar="NAME", help="column of --texts, where the guess is wrong")
    parser.add_argument("--split", choices=("train", "dev", "test"), help="use this split only")
    add_engine(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, learn, write; show the figures before and after."""
    from tqdm import tqdm

    from cxnlp.bundle import copy_bundle, refuse_taken, shipped_bundle
    from cxnlp.evaluation.gold import read_gold
    from cxnlp.evaluation.recalibrate import recalibrate

    if args.text_column is not None and args.texts is None:
        raise SettingsError("--text-column names a column of --texts, which is not given")
    refuse_taken(args.output)
    tagger = load_named(args.bundle, args)
    gold = read_gold(args.data, tagger.taxonomy, args.texts, args.split, args.text_column)
    if gold.only:
        raise DataError(f"{args.data}: NoReC_sentence has only some labels of the taxonomy; expected reviews with all")
    _warn(args, tagger, gold.reviews)
    data = args.data.resolve()
    name = data.name if data.is_dir() else data.stem
    with tqdm(total=len(gold.reviews), unit=" reviews", disable=not sys.stderr.isatty(), leave=False) as bar:
        found = recalibrate(tagger, gold.reviews, name, bar.update)
    copy_bundle(shipped_bundle() if args.bundle == SHIPPED else Path(args.bundle), args.output, found.manifest)
    _print(found, len(gold.reviews))
    print(f"cxnlp: wrote {args.output}", file=sys.stderr)
    return tell_problems(gold.problems)


def _warn(args: argparse.Namespace, tagger: Tagger, reviews: Sequence[Review]) -> None:
    """Say what these reviews cannot teach, and what the model may know of them already."""
    from cxnlp.data import unfinished_note
    from cxnlp.evaluation.confidence import too_few
    from cxnlp.evaluation.trained_on import placed_in, trained_on

    if note := unfinished_note(reviews):
        print(f"cxnlp: {note}", file=sys.stderr)
    if seen := trained_on(tagger.manifest, placed_in(args.data, reviews)):
        says = (
            "Fitted to what it learnt from it will be too sure of itself"
            if seen.learnt
            else "The figures before flatter"
        )
        advice = "use other reviews" if args.split or not seen.learnt else "use --split dev, or other reviews"
        print(f"cxnlp: {args.bundle} knows these reviews: {seen}. {says}; {advice}", file=sys.stderr)
    if note := too_few(tagger.taxonomy, reviews):
        print(f"cxnlp: {note}; these stay as they are", file=sys.stderr)


def _print(found: Recalibrated, n: int) -> None:
    from cxnlp.bundle import FIGURE_NAMES
    from cxnlp.evaluation.report import ALL
    from cxnlp.evaluation.show import number

    rows = [
        (f"{facet}, {FIGURE_NAMES.get(figure, figure)}", slices[ALL], found.after.figures[facet][figure][ALL])
        for facet, by_figure in found.before.figures.items()
        for figure, slices in by_figure.items()
        if slices[ALL].support
    ]
    width = max(len(name) for name, _, _ in rows)
    print(f"{'':<{width}}  before   after")
    for name, before, after in rows:
        print(f"{name:<{width}}{number(before.value):>8}{number(after.value):>8}")
    print(f"\n{counted(n, 'review')}, figures × 100; after: each review labelled by what the others say.")
