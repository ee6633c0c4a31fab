"""`cxnlp evaluate`: how well a model does on labelled reviews."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxnlp.cli.engine import add_bundle, add_careful, add_engine, folder_of, load_named
from cxnlp.cli.evaluate_files import open_all, outputs_of, read_rivals, write_all
from cxnlp.cli.problems import tell_problems
from cxnlp.errors import SettingsError
from cxnlp.text.counted import counted

if TYPE_CHECKING:
    from cxnlp.evaluation.gold import Gold
    from cxnlp.evaluation.report import Report
    from cxnlp.evaluation.study import Study
    from cxnlp.inference.tagger import Tagger

_EPILOG = """\
examples:
  cxnlp evaluate default labelled.jsonl
  cxnlp evaluate my-bundle labels.jsonl --texts reviews.jsonl --labels --json scores.json
  cxnlp evaluate default norec_sentence/ --split test
  cxnlp evaluate default corpus/ --split test --train corpus/ --html report.html
  cxnlp evaluate old-bundle labelled.jsonl --against new-bundle
  cxnlp evaluate default labelled.jsonl --careful --against default

--html, --markdown and --json hold figures by language, source and length, confusion, calibration, coverage,
precision and recall, errors, and baselines beside the model. --html and --train need pip install "cxnlp[report]".

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
    add_bundle(parser)
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
    _add_report_options(parser)
    add_engine(parser)
    add_careful(parser)
    parser.set_defaults(run=run)


def _add_report_options(parser: argparse.ArgumentParser) -> None:
    report = parser.add_argument_group("report")
    report.add_argument("--json", metavar="FILE", type=Path, help="write all figures here")
    report.add_argument("--html", metavar="FILE", type=Path, help="write a report as one page here")
    report.add_argument("--markdown", metavar="FILE", type=Path, help="write the report's tables here")
    report.add_argument(
        "--with-text", action="store_true", help="show the texts of wrong reviews too, which are personal data"
    )
    report.add_argument(
        "--train", metavar="DATA", type=Path, nargs="+", default=[],
        help="labelled JSONL, or folders of it, whose train split a linear baseline learns from",
    )  # fmt: skip
    report.add_argument("--second", metavar="FILE", type=Path, help="JSONL with a second annotator's labels, by id")
    report.add_argument(
        "--against",
        metavar="BUNDLE",
        help="compare with this model on the same reviews, with intervals and p; with --careful the same: read once",
    )


def run(args: argparse.Namespace) -> int:
    """Score, compare, show; give the exit code."""
    from tqdm import tqdm

    from cxnlp.evaluation.evaluate import evaluate_labels, score_reviews
    from cxnlp.evaluation.gold import read_gold
    from cxnlp.evaluation.paired import check_same_taxonomy, paired
    from cxnlp.evaluation.study import study
    from cxnlp.reports import Source

    if args.text_column is not None and args.texts is None:
        raise SettingsError("--text-column names a column of --texts, which is not given")
    only = parse_only(args.only)
    files = outputs_of(args)
    tagger = load_named(args.bundle, args, careful=args.careful)
    taxonomy = tagger.taxonomy
    # The same model is compared with its ordinary reading.
    same = args.against is not None and folder_of(args.against).resolve() == folder_of(args.bundle).resolve()
    careful_too = args.careful and not same
    other = None if args.against is None else load_named(args.against, args, careful=careful_too)
    names = (_named(args.bundle, args.careful), _named(args.against or "", careful_too))
    if other is not None:
        check_same_taxonomy(taxonomy, other.taxonomy, names)
    gold = read_gold(args.data, taxonomy, args.texts, args.split, args.text_column)
    only = {**gold.only, **only}
    reviews, problems = gold.reviews, list(gold.problems)
    _warn(args, gold, [one for one in (tagger, other) if one is not None])
    source = Source(names[0], str(args.data), args.split, only, len(gold.problems))
    found: Study | None = None
    with ExitStack() as stack:
        outputs = open_all(files, stack)
        more = bool(files or args.train or args.second)
        rivals = read_rivals(args, taxonomy, reviews) if more else None
        total = len(reviews) * (1 if other is None else 2)
        with tqdm(total=total, unit=" reviews", disable=not sys.stderr.isatty(), leave=False) as bar:
            scored = score_reviews(tagger, reviews, only, bar.update)
            there = None if other is None else score_reviews(other, reviews, only, bar.update)
        against = None if there is None else paired(taxonomy, reviews, scored.labels, there.labels, names)
        if rivals is not None:
            # A file may be evaluated and trained on, each split by itself; its broken lines count once.
            problems = list(dict.fromkeys([*problems, *rivals.problems]))
            found = study(
                taxonomy, tagger.cutoffs.thresholds, reviews, scored, rivals.rivals,
                only=only, against=against, with_text=args.with_text,
            )  # fmt: skip
            write_all(outputs, found, source, _facts(args, only, len(gold.problems)))
        report = found.report if found else evaluate_labels(taxonomy, reviews, scored.labels)
    _print(args, report, only)
    if found is not None and (args.train or args.second):
        from cxnlp.evaluation.show_rivals import show_systems

        print(f"\n{show_systems(found.systems)}")
    if against is not None:
        from cxnlp.evaluation.show_rivals import show_against

        print(f"\n{show_against(against)}")
    code = tell_problems(problems)
    if problems:
        print(f"cxnlp: {len(problems)} broken lines were left out of the figures", file=sys.stderr)
    return code


def _warn(args: argparse.Namespace, gold: Gold, taggers: Sequence[Tagger]) -> None:
    """Say what of the data is not labelled yet, and which of the models may know it by heart."""
    from cxnlp.data import unfinished_note
    from cxnlp.data.distinct import distinct
    from cxnlp.evaluation.trained_on import placed_in, trained_on

    if note := unfinished_note(gold.reviews):
        print(f"cxnlp: {note}", file=sys.stderr)
    own = distinct(gold.reviews)
    if own.n_copies or own.n_blank:
        says = f"{own.n_copies:,} say again what another says, {own.n_blank:,} have no text; all count"
        print(f"cxnlp: of {counted(len(gold.reviews), 'review')} {says}", file=sys.stderr)
    if args.data.is_dir() and gold.only:
        return  # NoReC_sentence has splits of its own
    placed = placed_in(args.data, gold.reviews)
    for name, tagger in zip((args.bundle, args.against), taggers, strict=False):
        if seen := trained_on(tagger.manifest, placed):
            favour = ", and the comparison favours it" if len(taggers) > 1 else ""
            advice = "use other reviews" if args.split else "use --split test, or other reviews"
            print(
                f"cxnlp: {name} was trained with these reviews: {seen}. Its figures flatter{favour}; {advice}",
                file=sys.stderr,
            )


def _named(bundle: str, careful: bool) -> str:
    return f"{bundle}, read carefully" if careful else bundle


def _facts(args: argparse.Namespace, only: Mapping[str, Sequence[str]], broken_lines: int) -> dict[str, Any]:
    """Say what was evaluated, for the top of the JSON."""
    facts = {"bundle": args.bundle, "careful": args.careful, "data": str(args.data), "split": args.split, "only": only}
    if args.train:
        facts["train"] = [str(path) for path in args.train]
    if args.second is not None:
        facts["second"] = str(args.second)
    return {**facts, "broken_lines": broken_lines}


def _print(args: argparse.Namespace, report: Report, only: Mapping[str, Sequence[str]]) -> None:
    from cxnlp.evaluation import show, show_labels

    print(show(report))
    for facet, labels in only.items():
        print(f"{facet}: decided among {', '.join(labels)} only.")
    if args.labels:
        print(f"\n{show_labels(report)}")


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
