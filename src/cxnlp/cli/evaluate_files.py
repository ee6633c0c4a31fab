"""What `cxnlp evaluate` reads beside its data, and the files that it writes."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxnlp.cli.engine import own_folder
from cxnlp.errors import DataError, SettingsError

if TYPE_CHECKING:
    from cxnlp.data import Problem, Review
    from cxnlp.data.write import AtomicText
    from cxnlp.evaluation.study import Rivals, Study
    from cxnlp.reports import Source
    from cxnlp.taxonomy import Taxonomy

FORMATS = ("json", "html", "markdown")


@dataclass(frozen=True)
class Inputs:
    """What a model is held against, and what was wrong with lines of those files."""

    rivals: Rivals
    problems: Sequence[Problem]


def outputs_of(args: argparse.Namespace) -> dict[str, Path]:
    """Give format to file, of those that are asked for.

    Raises:
        DataError: a file is one that is read, or two are the same.
        ExtraError: a package is missing that a format or option needs.
        SettingsError: options that do not go together.
    """
    from cxnlp.data.write import refuse_outputs

    files = {name: path for name in FORMATS if (path := getattr(args, name)) is not None}
    if args.with_text and not {"json", "html"} & files.keys():
        raise SettingsError("--with-text puts texts into --html or --json; expected one of them; give one")
    bundles = map(own_folder, (args.bundle, args.against))
    inputs = [path for path in (args.data, args.texts, args.second, *args.train, *bundles) if path is not None]
    refuse_outputs({f"--{name}": path for name, path in files.items()}, inputs)
    if "html" in files:
        from cxnlp.reports import need_jinja

        need_jinja()
    if args.train:
        from cxnlp.evaluation.tfidf import need_sklearn

        need_sklearn()
    return files


def open_all(files: dict[str, Path], stack: ExitStack) -> dict[str, AtomicText]:
    """Open the files before the long part, so that a folder that cannot be written to is known at once."""
    from cxnlp.data.write import AtomicText

    return {name: stack.enter_context(AtomicText(path)) for name, path in files.items()}


def write_all(files: dict[str, AtomicText], study: Study, source: Source, facts: dict[str, Any]) -> None:
    """Write what was asked for; ``facts`` stand at the top of the JSON."""
    for name, file in files.items():
        if name == "json":
            figures = {**facts, **study.as_json()}
            file.write(json.dumps(figures, ensure_ascii=False, indent=2, allow_nan=False) + "\n")
        else:
            from cxnlp.reports import markdown, page

            file.write({"html": page, "markdown": markdown}[name](study, source))


def read_rivals(args: argparse.Namespace, taxonomy: Taxonomy, reviews: Sequence[Review]) -> Inputs:
    """Read ratings, a second annotator's labels and training data; train the linear baseline.

    Raises:
        DataError: a file cannot be read, or holds nothing of use.
        ExtraError: scikit-learn is not installed, and ``--train`` is given.
    """
    from cxnlp.data.ratings import ratings_by_id
    from cxnlp.evaluation.second import read_second
    from cxnlp.evaluation.study import Rivals
    from cxnlp.evaluation.tfidf import TfidfScorer, split_for_training

    ratings: dict[str, float] = {}
    if args.texts is not None:
        try:
            ratings = ratings_by_id(args.texts, args.text_column)
        except DataError as error:  # the texts were read; only the stars cannot be
            print(f"cxnlp: no stars beside the model: {error}", file=sys.stderr)
    second = read_second(args.second, taxonomy, reviews) if args.second is not None else None
    problems = list(second.problems) if second else []
    if not args.train:
        return Inputs(Rivals(ratings, second), problems)
    labelled, broken = _read_jsonl(args.train, taxonomy)
    train, dev, left_out = split_for_training(labelled, reviews)
    if left_out and not train:
        raise DataError(
            f"--train: all {left_out:,} reviews are evaluated too; evaluate one --split, or train on others"
        )
    note = f"logistic regression over words 1–2 and characters 2–5, trained on {len(train):,} reviews"
    note += f", thresholds chosen on {len(dev):,}" if dev else ", thresholds 0.5"
    if left_out:
        note += f"; {left_out:,} whose text is evaluated were left out"
    tfidf = TfidfScorer.train(taxonomy, train, dev)
    return Inputs(Rivals(ratings, second, tfidf, note, train), [*problems, *broken])


def _read_jsonl(paths: Iterable[Path], taxonomy: Taxonomy) -> tuple[list[Review], list[Problem]]:
    from cxnlp.data import read_review_files

    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.jsonl")) if path.is_dir() else [path]
        if not found:
            raise DataError(f"{path}: no .jsonl file in this folder; expected labelled JSONL for --train")
        files += found
    return read_review_files(files, taxonomy)
