"""``cxnlp data errors``: labels that are likely to be wrong, for a person to look at."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cxnlp.cli.engine import SHIPPED, add_engine, load_named
from cxnlp.cli.problems import tell_problems
from cxnlp.text.shorten import shorten

if TYPE_CHECKING:
    from cxnlp.inference.tagger import Tagger
    from cxnlp.loop.label_errors import LabelError, LabelledReview

_SHOWN = 20
_FEW_REVIEWS = 500
_PLACE_WIDTH, _LABEL_WIDTH = 44, 26

_EPILOG = """\
examples:
  cxnlp data errors mine.jsonl
  cxnlp data errors data/corpus/*.jsonl --with-text --output doubtful.xlsx
  cxnlp data errors mine.jsonl --bundle default --output doubtful.csv

Without --bundle, a linear model over words and characters judges each review, trained on the others (cross-validated;
needs pip install "cxnlp[report]"). With it, the model of a bundle does, which must not have been trained on these.
Nothing is changed. What is found, and how often it is right: docs/labelling.md.

Exit code: 0; 1 if some lines were broken and left out; 2 if nothing could be judged.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to those of ``cxnlp data``."""
    parser = commands.add_parser(
        "errors",
        help="rank labels that are likely to be wrong",
        description="Rank labels of JSONL files that are likely to be wrong, by confident learning.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="JSONL file of labelled reviews")
    parser.add_argument(
        "--bundle", metavar="BUNDLE", help=f"judge by this model: a folder, or {SHIPPED!r} for the one that is shipped"
    )
    parser.add_argument(
        "--taxonomy", type=Path, metavar="TOML", help="of the labels (default: the bundle's, else cxnlp's own)"
    )
    parser.add_argument("--folds", type=int, default=5, metavar="N", help="parts of the cross-validation (default: 5)")
    parser.add_argument("--seed", type=int, default=0, help="of the folds (default: 0)")
    parser.add_argument("--top", type=int, metavar="N", help="keep the N likeliest only")
    parser.add_argument("--with-text", action="store_true", help="write the texts too, which are personal data")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help=".csv, .tsv, .xlsx or .jsonl (default: print the first 20)"
    )
    add_engine(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Judge, write or print; give the exit code."""
    from cxnlp.loop.error_rows import error_columns, error_rows
    from cxnlp.loop.label_errors import crossed_probabilities, find_label_errors, read_for_errors
    from cxnlp.loop.write import write_list
    from cxnlp.taxonomy import load_taxonomy

    _check(args)
    tagger = None if args.bundle is None else load_named(args.bundle, args)
    taxonomy = tagger.taxonomy if tagger else load_taxonomy(args.taxonomy)
    found, problems = read_for_errors(args.files, taxonomy)
    reviews = [one.review for one in found]
    if tagger is None:
        if len(reviews) < _FEW_REVIEWS:
            print(
                f"cxnlp: {len(reviews):,} reviews teach a linear model little, so many doubts about rare labels will "
                "be its own; with the default taxonomy, --bundle default judges by the shipped model",
                file=sys.stderr,
            )
        probs = crossed_probabilities(taxonomy, reviews, args.folds, args.seed, lambda n: _say_fold(n, args.folds))
    else:
        _warn(tagger, found)
        probs = tagger.probabilities([review.text for review in reviews])
    errors = find_label_errors(taxonomy, found, probs)
    kept = errors[: args.top]
    if args.output is not None:
        for note in write_list(
            args.output, error_columns(with_text=args.with_text), error_rows(kept, with_text=args.with_text)
        ):
            print(f"Note: {note}.")
    _print(args, len(found), errors, kept)
    return tell_problems(problems)


def _check(args: argparse.Namespace) -> None:
    """Refuse options that cannot be right, before the long part."""
    from cxnlp.data.write import refuse_input, writable_target
    from cxnlp.errors import SettingsError
    from cxnlp.evaluation.tfidf import need_sklearn
    from cxnlp.loop.write import format_of

    if args.bundle is None:
        need_sklearn("cxnlp data errors without --bundle")
    elif args.taxonomy is not None:
        raise SettingsError("--taxonomy and --bundle: a bundle has a taxonomy of its own; give one of them")
    if args.top is not None and args.top < 1:
        raise SettingsError(f"--top {args.top}: expected a number of labels, 1 or more")
    if args.with_text and args.output is None:
        raise SettingsError("--with-text puts texts into --output; expected that option; give it a file")
    if args.output is not None:
        format_of(args.output)
        writable_target(args.output)
        refuse_input(args.output, [*args.files, *([args.taxonomy] if args.taxonomy else [])], "--output")


def _warn(tagger: Tagger, found: Sequence[LabelledReview]) -> None:
    """Say how far the bundle may have seen these texts: what it learnt by heart it does not doubt."""
    from cxnlp.data import split_of
    from cxnlp.evaluation.trained_on import trained_on

    seen = trained_on(tagger.manifest, [(one.path, one.review) for one in found])
    trained = sum(split_of(one.review.text) == "train" for one in found)
    said = (
        f"{seen}; leave --bundle out"
        if seen
        else f"Its manifest does not tell of these; if it was trained with them all the same, {trained:,} of the "
        f"{len(found):,} reviews were among them (the training split by hash); then leave --bundle out"
    )
    print(f"cxnlp: a model hardly doubts labels that it was trained on. {said}", file=sys.stderr)


def _say_fold(done: int, folds: int) -> None:
    print(f"cxnlp: fold {done} of {folds} done", file=sys.stderr, flush=True)


def _print(args: argparse.Namespace, n_reviews: int, errors: Sequence[LabelError], kept: Sequence[LabelError]) -> None:
    print(f"{n_reviews:,} reviews, {len(errors):,} labels in doubt; none was changed")
    for facet, n in Counter(error.facet for error in errors).most_common():
        print(f"  {facet} {n:,}")
    if args.output is not None:
        print(f"{len(kept):,} written, the likeliest first: {args.output}")
        return
    if kept:
        print(f"\n{'where':<{_PLACE_WIDTH}}{'given':<{_LABEL_WIDTH}}{'suggested':<{_LABEL_WIDTH}}confidence")
    for error in kept[:_SHOWN]:
        place = f"{error.where.path}, line {error.where.line}"
        place = place if len(place) < _PLACE_WIDTH else f"…{place[-(_PLACE_WIDTH - 2) :]}"
        given, suggested = (_label(error.facet, name) for name in (error.given, error.suggested))
        print(f"{place:<{_PLACE_WIDTH}}{given:<{_LABEL_WIDTH}}{suggested:<{_LABEL_WIDTH}}{error.confidence:.2f}")
    if len(kept) > _SHOWN:
        print(f"and {len(kept) - _SHOWN:,} more; --output FILE writes all of them")


def _label(facet: str, name: str) -> str:
    return shorten(name or f"no such {facet}", _LABEL_WIDTH - 1)
