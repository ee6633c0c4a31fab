"""`cxnlp suggest`: which reviews to label next."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from cxnlp.cli.engine import folder_of
from cxnlp.cli.problems import tell_problems
from cxnlp.cli.reading import add_reading_options, reading_options

if TYPE_CHECKING:
    from cxnlp.loop.pool import Pool
    from cxnlp.loop.suggest import Suggestions

_EPILOG = """\
examples:
  cxnlp score reviews.csv --output scored.jsonl
  cxnlp suggest scored.jsonl --budget 200
  cxnlp suggest scored.jsonl --budget 200 --labelled mine.jsonl --output next.xlsx

Score to .jsonl: only there are all probabilities. From another kind of file the uncertainty is that of the first facet.
How reviews are chosen, and how much better that is than chance: docs/labelling.md. Needs pip install "cxnlp[report]".

Exit code: 0; 1 if some lines of SCORED or --labelled were broken; 2 if nothing could be suggested.
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "suggest",
        help="say which scored reviews to label next, and why",
        description="Choose reviews of a scored file to label next: those of which the model is uncertain, that differ "
        "from each other, and that fill up rare labels and languages.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", type=Path, metavar="SCORED", help="a result of cxnlp score, of any kind")
    parser.add_argument("--budget", type=int, required=True, metavar="N", help="how many reviews to suggest")
    parser.add_argument(
        "--labelled", type=Path, nargs="+", default=[], metavar="FILE",
        help="JSONL files of reviews that are labelled; their texts are not suggested, and their labels are counted",
    )  # fmt: skip
    parser.add_argument("--texts", type=Path, metavar="FILE", help="the texts by id, where SCORED has none")
    parser.add_argument(
        "--model", metavar="BUNDLE", help="folder of the model that scored it (default: the shipped one)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the clusters (default: 0)")
    parser.add_argument(
        "--other-languages", action="store_true", help="suggest reviews in languages that the model does not know too"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE",
        help=".csv, .tsv, .xlsx or .jsonl (default: NAME.suggested.csv beside SCORED, or .xlsx or .jsonl as that is)",
    )  # fmt: skip
    add_reading_options(parser, scored=True)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Choose, write, and say what was chosen."""
    from cxnlp.bundle import load_bundle
    from cxnlp.data.write import refuse_input, writable_target
    from cxnlp.errors import SettingsError
    from cxnlp.evaluation.tfidf import need_sklearn
    from cxnlp.loop.labelled import read_labelled
    from cxnlp.loop.pool import read_pool
    from cxnlp.loop.suggest import suggest
    from cxnlp.loop.suggest_rows import suggestion_columns, suggestion_rows
    from cxnlp.loop.write import format_of, write_list

    if args.budget < 1:
        raise SettingsError(f"--budget {args.budget}: expected a number of reviews, 1 or more")
    need_sklearn("cxnlp suggest")
    output = output_path(args)
    as_table = format_of(output) != "jsonl"
    writable_target(output)
    refuse_input(output, [args.file, *args.labelled, *([args.texts] if args.texts else [])], "--output")
    bundle = load_bundle(folder_of(args.model))
    taxonomy, thresholds = bundle.taxonomy, bundle.manifest.thresholds
    labelled = read_labelled(args.labelled, taxonomy)
    scored = read_pool(args.file, taxonomy, reading_options(args), args.texts, other_languages=args.other_languages)
    found = suggest(scored, taxonomy, thresholds, labelled, args.budget, args.seed)
    with_text = args.texts is not None
    rows = suggestion_rows(found.chosen, scored.source, with_text=with_text, as_table=as_table)
    notes = write_list(output, suggestion_columns(scored.source, with_text=with_text), rows)
    _print(args, found, scored, output, notes)
    return tell_problems([*scored.problems, *labelled.problems])


def output_path(args: argparse.Namespace) -> Path:
    """Give the output's name: the one asked for, or one beside the scored file."""
    from cxnlp.data.source import kind_by_name, unpacked

    if args.output is not None:
        return Path(args.output)
    made = {"xlsx": "xlsx", "json": "jsonl", "jsonl": "jsonl"}.get(kind_by_name(args.file) or "", "csv")
    return Path(args.file).with_name(f"{unpacked(args.file).stem}.suggested.{made}")


def _print(args: argparse.Namespace, found: Suggestions, scored: Pool, output: Path, notes: tuple[str, ...]) -> None:
    print(f"{len(found.chosen):,} of {found.n_candidates:,} reviews suggested: {output}")
    if len(found.chosen) < args.budget:
        print(f"Fewer than {args.budget:,}: there are no more that are neither labelled nor near copies.")
    reasons = Counter(one.reason for one in found.chosen)
    languages = Counter(one.review.language or "unknown" for one in found.chosen)
    for title, counts in (("Reasons", reasons), ("Languages", languages), ("Left out", Counter(found.left_out))):
        if counts:
            print(f"{title}: {', '.join(f'{name} {n:,}' for name, n in counts.most_common())}")
    if scored.probs is None:
        print(
            "The file holds no probabilities, so the uncertainty is that of the first facet alone; "
            "score to .jsonl for that of all."
        )
    for note in notes:
        print(f"Note: {note}.")
