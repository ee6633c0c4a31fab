"""``cxnlp monitor``: whether newly scored reviews differ from those of a reference."""

from __future__ import annotations

import argparse
import json
from contextlib import ExitStack
from pathlib import Path

from cxnlp.cli.engine import folder_of, own_folder
from cxnlp.cli.problems import tell_problems
from cxnlp.errors import DataError

DRIFT = 1
"""Exit code of an alarm."""

_DESCRIPTION = """\
Compare two files that cxnlp score wrote (.csv, .tsv, .xlsx, .parquet, .jsonl), such as last year's reviews and this
month's: mix of languages, length, unknown pieces, the labels of every facet, confidence and flags. Each measure gets a
test and an effect size; p is corrected for the number of tests. It is an alarm if p is small and the effect is large
enough. Length and pieces are compared where the files hold the texts. Nothing is scored, and no text is shown."""
_EPILOG = """\
examples:
  cxnlp monitor last-year.csv this-month.csv
  cxnlp monitor last-year.csv this-month.csv --all --json drift.json --markdown drift.md
  cxnlp monitor reference.jsonl new.parquet --effect medium --min-effect h=0.3 --alpha 0.01

effects: h of shares (Cohen), V of a mix (Cramér), delta of values (Cliff), D of their shape (Kolmogorov–Smirnov);
--effect none, small (h 0.2, V 0.1, delta 0.147, D 0.08), medium (0.5, 0.3, 0.33, 0.2), large (0.8, 0.5, 0.474, 0.31)

exit codes, for a scheduler:
  0  no drift, as far as the number of reviews lets say
  1  drift
  2  an error: a file that cannot be read, that no cxnlp wrote, or too few reviews to test anything
Rows that are broken, or whose labels or confidence cannot be read, are named and left out; they touch no exit code."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "monitor",
        help="say whether new reviews differ from those before",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("reference", type=Path, metavar="REFERENCE", help="scored file that the other is held against")
    parser.add_argument("new", type=Path, metavar="NEW", help="scored file of new reviews")
    parser.add_argument(
        "--model", metavar="BUNDLE", help="folder of the model that scored them (default: the shipped one)"
    )
    parser.add_argument("--text-column", metavar="NAME", help="column of the text in both, where the guess is wrong")
    parser.add_argument(
        "--alpha", type=float, default=0.05, metavar="A", help="level of the tests taken together (default: 0.05)"
    )
    parser.add_argument(
        "--effect", choices=("none", "small", "medium", "large"), default="small", help="least effect (default: small)"
    )
    parser.add_argument(
        "--min-effect", metavar="NAME=NUMBER", action="append", default=[], help="another least effect: h, V, delta, D"
    )
    parser.add_argument(
        "--min-reviews", type=int, default=30, metavar="N", help="say nothing of a measure of fewer (default: 30)"
    )
    parser.add_argument("--all", action="store_true", help="show every measure, not only those that have drifted")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write everything here")
    parser.add_argument("--markdown", metavar="FILE", type=Path, help="write the tables here")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read both files, compare, show; 1 if there is drift."""
    from cxnlp.bundle import load_bundle
    from cxnlp.data.rows import ReadingOptions
    from cxnlp.data.write import AtomicText
    from cxnlp.evaluation.drift import compare
    from cxnlp.evaluation.drift_limits import Limits, effects_of
    from cxnlp.evaluation.drift_sample import read_sample
    from cxnlp.evaluation.drift_show import show_drift
    from cxnlp.evaluation.drift_words import in_words
    from cxnlp.reports.drift import drift_markdown
    from cxnlp.text import TextTokenizer

    limits = Limits(args.alpha, args.min_reviews, effects_of(args.effect, args.min_effect))
    _check_outputs(args)
    bundle = load_bundle(folder_of(args.model))
    tokenizer = TextTokenizer.from_file(bundle.tokenizer, bundle.manifest.max_tokens, bundle.manifest.overlap)
    options = ReadingOptions(text_column=args.text_column)
    with ExitStack() as stack:
        as_json, markdown = (
            None if path is None else stack.enter_context(AtomicText(path)) for path in (args.json, args.markdown)
        )
        reference, new = (read_sample(path, bundle.taxonomy, tokenizer, options) for path in (args.reference, args.new))
        tell_problems([*reference.problems, *new.problems])
        drift = compare(reference, new, limits)
        if not drift.n_tests:
            sizes = f"{reference.tally.n_scored:,} and {new.tally.n_scored:,} labelled reviews"
            raise DataError(
                f"{sizes}: too few to say anything; expected {limits.min_reviews} or more in each file; "
                "compare a longer time"
            )
        if as_json is not None:
            facts = {"in_words": in_words(drift)} | drift.as_json()
            as_json.write(json.dumps(facts, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
        if markdown is not None:
            markdown.write(drift_markdown(drift))
    print(show_drift(drift, every=args.all))
    return DRIFT if drift.alarms else 0


def _check_outputs(args: argparse.Namespace) -> None:
    """Refuse outputs that are inputs or each other.

    Raises:
        DataError: one of them is.
    """
    from cxnlp.data.write import refuse_outputs

    inputs = [args.reference, args.new, *filter(None, [own_folder(args.model)])]
    named = {"--json": args.json, "--markdown": args.markdown}
    refuse_outputs({option: path for option, path in named.items() if path is not None}, inputs)
