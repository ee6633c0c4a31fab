"""`cxnlp calibrate`: fit a model's confidence to reviews of one's own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cxnlp.cli.engine import add_bundle, add_engine, load_named
from cxnlp.cli.problems import tell_problems
from cxnlp.errors import DataError
from cxnlp.text.counted import counted

if TYPE_CHECKING:
    from cxnlp.evaluation.recalibrate import Recalibrated

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
    parser.add_argument("--split", choices=("train", "dev", "test"), help="use this split only")
    add_engine(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, learn, write; show the figures before and after."""
    from tqdm import tqdm

    from cxnlp.bundle import copy_bundle, refuse_taken, shipped_bundle
    from cxnlp.cli.engine import SHIPPED
    from cxnlp.evaluation.confidence import Confidence, too_few
    from cxnlp.evaluation.gold import read_gold
    from cxnlp.evaluation.recalibrate import recalibrate
    from cxnlp.evaluation.trained_on import trained_on

    refuse_taken(args.output)
    tagger = load_named(args.bundle, args)
    manifest, taxonomy = tagger.manifest, tagger.taxonomy
    assert manifest is not None  # it was loaded from a bundle
    gold = read_gold(args.data, taxonomy, args.texts, args.split)
    if gold.only:
        raise DataError(f"{args.data}: NoReC_sentence has only some labels of the taxonomy; expected reviews with all")
    where = {one.source: args.data / f"{one.source}.jsonl" if args.data.is_dir() else args.data for one in gold.reviews}
    seen = trained_on(manifest, [(where[one.source], one) for one in gold.reviews])
    if seen and seen.learnt:
        print(
            f"cxnlp: {args.bundle} was trained with these reviews: {seen}. It will be too sure of itself; use "
            f"{'other reviews' if args.split else '--split dev, or other reviews'}",
            file=sys.stderr,
        )
    if note := too_few(taxonomy, gold.reviews, Confidence.of(manifest)):
        print(f"cxnlp: {note}", file=sys.stderr)
    with tqdm(total=len(gold.reviews), unit=" reviews", disable=not sys.stderr.isatty(), leave=False) as bar:
        found = recalibrate(
            manifest, taxonomy, tagger.tokenizer, tagger.backend, gold.reviews, args.data.stem, bar.update
        )
    copy_bundle(shipped_bundle() if args.bundle == SHIPPED else Path(args.bundle), args.output, found.manifest)
    _print(found, len(gold.reviews))
    print(f"cxnlp: wrote {args.output}", file=sys.stderr)
    return tell_problems(gold.problems)


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
