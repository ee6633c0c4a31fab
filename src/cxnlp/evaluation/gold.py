"""Read the labelled reviews that a path stands for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cxnlp.data import (
    Problem,
    Review,
    read_labels_with_texts,
    read_norec_sentence,
    read_review_files,
    split_of,
)
from cxnlp.errors import DataError
from cxnlp.taxonomy import Taxonomy

NOREC_ONLY = {"sentiment": ("negative", "neutral", "positive")}
"""The labels that NoReC_sentence knows."""


@dataclass(frozen=True)
class Gold:
    """Labelled reviews, what was wrong with other lines, and the labels that the data knows, if not all."""

    reviews: list[Review]
    problems: list[Problem]
    only: dict[str, tuple[str, ...]]


def read_gold(
    data: Path,
    taxonomy: Taxonomy,
    texts: Path | None = None,
    split: str | None = None,
    text_column: str | None = None,
) -> Gold:
    """Read labelled reviews.

    Args:
        data: a JSONL file; a folder of JSONL files; or a folder of NoReC_sentence (``test.json`` ...).
        taxonomy: whose labels the data must use.
        texts: JSONL or a table with the texts of ``data``, joined by ``id``, where it holds labels only.
        split: ``train``, ``dev`` or ``test``: the file of NoReC_sentence (``test`` if not given), or the reviews of the
            JSONL files whose text belongs to that split (all if not given).
        text_column: of ``texts``, where the guess is wrong.

    Raises:
        DataError: there is no such file, or no review could be read.
    """
    if texts is not None:
        if data.is_dir():
            raise DataError(f"{data} is a folder; with texts in another file, give one JSONL file of labels")
        gold = Gold(*read_labels_with_texts(data, texts, taxonomy, text_column), {})
    elif data.is_dir() and not list(data.glob("*.jsonl")):
        return Gold(read_norec_sentence(data, split or "test"), [], dict(NOREC_ONLY))
    else:
        files = sorted(data.glob("*.jsonl")) if data.is_dir() else [data]
        gold = Gold(*read_review_files(files, taxonomy), {})
    kept = [review for review in gold.reviews if split is None or split_of(review.text) == split]
    if not kept:
        which = f" in split {split}" if split else ""
        broken = f"; first problem: {gold.problems[0]}" if gold.problems else ""
        elsewhere = "; texts that lie in another file are given with --texts" if broken and texts is None else ""
        raise DataError(f"{data}: no labelled review{which}{broken}{elsewhere}")
    return Gold(kept, gold.problems, {})
