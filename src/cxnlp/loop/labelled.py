"""What is labelled already: which texts, and how many reviews have each label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cxnlp.data import Problem, Review, json_lines, review_from_record
from cxnlp.errors import DataError
from cxnlp.taxonomy import Taxonomy
from cxnlp.text import text_hash


@dataclass(frozen=True)
class Labelled:
    """The distinct texts of labelled files."""

    texts: tuple[str, ...] = ()
    hashes: frozenset[str] = frozenset()
    labels: Mapping[str, int] = field(default_factory=dict)
    """``facet=label`` to the number of texts that have it."""
    languages: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    """Lines without a text, and texts whose labels cannot be used; the latter count as labelled all the same."""


@dataclass(frozen=True)
class LabelledLine:
    """One line of a labelled file that is not blank."""

    path: Path
    line: int
    text: str | None
    review: Review | Problem


def labelled_lines(paths: Iterable[Path], taxonomy: Taxonomy) -> Iterator[LabelledLine]:
    """Read JSONL files of labelled reviews line by line.

    Raises:
        DataError: a file cannot be opened.
    """
    for path in paths:
        for number, record in json_lines(path):
            if isinstance(record, Problem):
                yield LabelledLine(path, number, None, record)
                continue
            text = record.get("text")
            review: Review | Problem
            try:
                review = review_from_record(record, taxonomy, path.stem, number)
            except DataError as error:
                review = Problem(str(path), number, str(error))
            yield LabelledLine(path, number, text if isinstance(text, str) else None, review)


def read_labelled(paths: Iterable[Path], taxonomy: Taxonomy) -> Labelled:
    """Read JSONL files of labelled reviews.

    Raises:
        DataError: a file cannot be opened.
    """
    texts: dict[str, str] = {}
    labels: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    problems: list[Problem] = []
    for line in labelled_lines(paths, taxonomy):
        review = line.review
        if isinstance(review, Problem):
            problems.append(review)
        elif text_hash(review.text) not in texts:
            languages[review.lang] += 1
            for facet, value in review.labels.items():
                labels.update(f"{facet}={label}" for label in ([value] if isinstance(value, str) else value))
        if line.text is not None:
            texts.setdefault(text_hash(line.text), line.text)
    return Labelled(tuple(texts.values()), frozenset(texts), dict(labels), dict(languages), tuple(problems))
