"""`cxnlp calibrate`: fit a model's confidence to reviews of one's own."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cxnlp.cli.engine import SHIPPED, add_bundle, add_engine, folder_of, load_named
from cxnlp.cli.problems import tell_problems
from cxnlp.errors import BundleError, DataError, SettingsError
from cxnlp.text.counted import counted

if TYPE_CHECKING:
    from cxnlp.data import Review
    from cxnlp.evaluation.recalibrate import Recalibrated
    from cxnlp.inference.tagger import Tagger

_EPILOG = """\
examples:
  cxnlp calibrate default labelled.jsonl --output models/ours
  cxnlp calibrate default labels.jsonl --texts reviews.csv --output models/ours
  cxnlp calibrate models/mine corpus/ --split dev --careful --output models/mine

It takes 100 reviews or more that the model was not trained on; what they hardly speak of stays as it is. The network
is not trained, so this takes about as long as scoring the reviews; four times as long for a model that knows careful
reading, as the shipped one does.

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
    parser.add_argument(
        "--careful",
        action="store_true",
        help="learn for score --careful too; a model that knows it learns it in any case",
    )
    parser.add_argument(
        "--anew", action="store_true", help="forget what the model had learnt instead of going on from it"
    )
    add_engine(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, learn, write; show the figures before and after."""
    from tqdm import tqdm

    from cxnlp.bundle import copy_bundle
    from cxnlp.data.distinct import distinct
    from cxnlp.evaluation.gold import read_gold
    from cxnlp.evaluation.recalibrate import recalibrate

    if args.text_column is not None and args.texts is None:
        raise SettingsError("--text-column names a column of --texts, which is not given")
    _check_output(args.output)
    tagger = load_named(args.bundle, args)
    gold = read_gold(args.data, tagger.taxonomy, args.texts, args.split, args.text_column)
    if gold.only:
        raise DataError(f"{args.data}: NoReC_sentence has only some labels of the taxonomy; expected reviews with all")
    own = distinct(gold.reviews)
    if own.n_blank or own.n_copies:
        print(
            f"cxnlp: of {counted(len(gold.reviews), 'review')} {own.n_copies:,} that say again what another says, and "
            f"{own.n_blank:,} without text are left out",
            file=sys.stderr,
        )
    _warn(args, tagger, own.reviews)
    data = args.data.resolve()
    name = data.name if data.is_dir() else data.stem
    careful = _carefully(args, tagger)
    readings = len(own.reviews) * (2 if careful else 1)
    with tqdm(total=readings, unit=" reviews", disable=not sys.stderr.isatty(), leave=False) as bar:
        found = recalibrate(
            tagger, own.reviews, args.output.resolve().name, name,
            careful=careful, anew=args.anew, progress=bar.update,
        )  # fmt: skip
    copy_bundle(folder_of(args.bundle), args.output, found.manifest)
    _print(found, len(own.reviews))
    print(f"cxnlp: wrote {args.output}", file=sys.stderr)
    return tell_problems(gold.problems)


def _carefully(args: argparse.Namespace, tagger: Tagger) -> bool:
    """Whether to learn for careful reading too: where it is asked for, or the model has it and it can be read."""
    from cxnlp.text.sentences import has_sentences, require_sentences

    if args.careful:
        require_sentences("careful reading")
        return True
    known = bool(tagger.manifest and tagger.manifest.careful)
    if known and not has_sentences():
        print(
            "cxnlp: the model will not know careful reading, which needs spacy to be fitted: "
            'pip install "cxnlp[evidence]"',
            file=sys.stderr,
        )
    return known and has_sentences()


def _check_output(output: Path) -> None:
    """Refuse before the long part what could not be written after it.

    Raises:
        BundleError: something else than a bundle lies there, or nothing can be made there.
        SettingsError: it bears the name by which commands know the shipped model.
    """
    from cxnlp.bundle import refuse_taken

    if str(output) == SHIPPED:
        raise SettingsError(f"--output {SHIPPED}: stands for the model that is shipped; name another folder")
    refuse_taken(output)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BundleError(f"{output}: cannot be written ({error.strerror}); name another folder") from error


def _warn(args: argparse.Namespace, tagger: Tagger, reviews: Sequence[Review]) -> None:
    """Say what these reviews cannot teach, and what the model may know of them already."""
    from cxnlp.data import unfinished_note
    from cxnlp.evaluation.confidence import too_few
    from cxnlp.evaluation.trained_on import placed_in, trained_on

    if note := unfinished_note(reviews):
        print(f"cxnlp: {note}", file=sys.stderr)
    if seen := trained_on(tagger.manifest, placed_in(args.data, reviews)):
        flatters = "The figures before flatter"
        says = "Fitted to what it learnt from it will be too sure of itself" if seen.learnt else flatters
        advice = "use other reviews" if args.split or not seen.learnt else "use --split dev, or other reviews"
        print(f"cxnlp: {args.bundle} knows these reviews: {seen}. {says}; {advice}", file=sys.stderr)
    if note := too_few(tagger.taxonomy, reviews):
        print(f"cxnlp: {note}; {'left out' if args.anew else 'these stay as they are'}", file=sys.stderr)


def _print(found: Recalibrated, n: int) -> None:
    from cxnlp.bundle import FIGURE_NAMES
    from cxnlp.evaluation.report import ALL
    from cxnlp.evaluation.show import number
    from cxnlp.evaluation.show_rivals import signed_interval

    columns = [found.before, found.after, *([found.careful] if found.careful else [])]
    rows = []
    for facet, by_figure in found.before.report.figures.items():
        for figure, slices in by_figure.items():
            if slices[ALL].support:
                values = [number(one.report.figures[facet][figure][ALL].value) for one in columns]
                difference = found.against.figures.get(facet, {}).get(figure, {}).get(ALL)
                shown = signed_interval(difference) if difference else ""
                rows.append((f"{facet}, {FIGURE_NAMES.get(figure, figure)}", values, shown))
    for facet in found.before.ece:
        rows.append((f"{facet}, calibration error", [number(one.ece[facet]) for one in columns], ""))
    width = max(len(name) for name, _, _ in rows)
    heads = f"{'before':>8}{'after':>8}" + (f"{'careful':>9}" if found.careful else "")
    print(f"{'':<{width}}{heads}  after − before")
    for name, values, shown in rows:
        cells = "".join(f"{value:>{8 if i < 2 else 9}}" for i, value in enumerate(values))
        print(f"{name:<{width}}{cells}  {shown}".rstrip())
    print(
        f"\n{counted(n, 'review')}, figures × 100 with paired 95 % intervals; after: each review labelled by what the "
        "others say."
    )
