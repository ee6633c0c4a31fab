"""``cxnlp labels agreement``."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cxnlp.cli.problems import tell_problems
from cxnlp.errors import SettingsError

if TYPE_CHECKING:
    from cxnlp.loop.majority import Disagreement

_SHOWN = 20
_EPILOG = """\
examples:
  cxnlp labels agreement anna.jsonl bo.jsonl
  cxnlp labels agreement labels.jsonl --labels --disagreements talk.csv --with-text
  cxnlp labels agreement labels.jsonl --majority settled.jsonl --json agreement.json

An annotator is what a line has under "annotator", or else the name of the file. What the figures mean is in
docs/label-tools.md. exit code: 0; 1 some lines could not be read; 2 an error
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "agreement",
        help="how far annotators agree",
        description="Compare the labels of two or more annotators: Krippendorff's alpha, Cohen's kappa of every two, "
        "and how often they gave the same, with 95 % bootstrap intervals over reviews. Never prints a review.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="labelled JSONL, one or more")
    parser.add_argument("--labels", action="store_true", help="show the agreement on every label too")
    parser.add_argument(
        "--disagreements", type=Path, metavar="FILE", help="list what was not labelled alike: .csv or .jsonl"
    )
    parser.add_argument("--with-text", action="store_true", help="put the reviews' texts into that list")
    parser.add_argument(
        "--majority", type=Path, metavar="FILE",
        help="write labelled JSONL with what more than half say; what is left open is left out and listed",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures here")
    parser.add_argument("--resamples", type=int, default=1000, metavar="N", help="of the bootstrap (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of the bootstrap (default: 0)")
    parser.add_argument("--taxonomy", type=Path, metavar="TOML", help="the labels (default: cxnlp's own)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Read, measure, write, show."""
    from cxnlp.data.write import AtomicText
    from cxnlp.loop.agreement import agreement
    from cxnlp.loop.annotators import read_annotations
    from cxnlp.loop.answers import write_records
    from cxnlp.loop.majority import disagreements, settle
    from cxnlp.loop.show import show_agreement, write_disagreements
    from cxnlp.taxonomy import load_taxonomy
    from cxnlp.text.counted import counted

    outputs = _outputs(args)
    taxonomy = load_taxonomy(args.taxonomy)
    found = read_annotations(args.files, taxonomy)
    levels = agreement(taxonomy, found, resamples=args.resamples, seed=args.seed)
    listed = list(disagreements(taxonomy, found))
    if "json" in outputs:
        facts = {"annotators": found.annotators, "reviews": len(found.labels), "shared": found.shared}
        facts |= {"resamples": args.resamples, "seed": args.seed}
        figures = {**facts, "levels": [level.as_json() for level in levels]}
        with AtomicText(outputs["json"]) as output:
            output.write(json.dumps(figures, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
    if "disagreements" in outputs:
        write_disagreements(outputs["disagreements"], found, listed, with_text=args.with_text)
    if "majority" in outputs:
        write_records(outputs["majority"], (answer.as_record() for answer in settle(taxonomy, found)))
    names = ", ".join(found.annotators)
    who = counted(len(found.annotators), "annotator")
    print(f"{who} ({names}), {counted(found.shared, 'review')} labelled by two or more\n")
    print("\n".join(show_agreement(levels, labels=args.labels)))
    print("\n".join(_left(listed, settled="majority" in outputs)))
    return tell_problems(found.problems)


def _outputs(args: argparse.Namespace) -> dict[str, Path]:
    """Give option to file, of those that are asked for.

    Raises:
        DataError: a file is one that is read, or two are the same.
        SettingsError: options that cannot be used.
    """
    from cxnlp.data.write import refuse_outputs

    if args.resamples < 1:
        raise SettingsError(f"--resamples {args.resamples}: expected at least 1")
    if args.with_text and args.disagreements is None:
        raise SettingsError("--with-text puts texts into --disagreements; expected that option; give it a file")
    if args.disagreements is not None and args.disagreements.suffix.lower() not in (".csv", ".jsonl"):
        raise SettingsError(f"--disagreements {args.disagreements}: expected a name that ends in .csv or .jsonl")
    named = {name: getattr(args, name) for name in ("json", "disagreements", "majority")}
    outputs = {name: path for name, path in named.items() if path is not None}
    inputs = [*args.files, *([args.taxonomy] if args.taxonomy else [])]
    refuse_outputs({f"--{name}": path for name, path in outputs.items()}, inputs)
    return outputs


def _left(listed: Sequence[Disagreement], *, settled: bool) -> list[str]:
    """Say how much was not labelled alike and, where a majority settles, what it leaves open."""
    from cxnlp.text.counted import counted

    reviews = counted(len({one.id for one in listed}), "review")
    lines = ["", f"Not labelled alike: {counted(len(listed), 'facet')} of {reviews}."]
    if settled:
        left = [one for one in listed if one.settled is None]
        lines.append(f"The majority settled {len(listed) - len(left):,}; left open, and out: {len(left):,}.")
        lines += [f"  {one.id[:40]}: {one.facet}" for one in left[:_SHOWN]]
        lines += [f"  and {len(left) - _SHOWN:,} more" for _ in range(len(left) > _SHOWN)]
    return lines
