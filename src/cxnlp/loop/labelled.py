"""What is labelled already: which texts, and how many reviews have each label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cxnlp.data import Problem, json_lines, review_from_record
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


def read_labelled(paths: Iterable[Path], taxonomy: Taxonomy) -> Labelled:
    """Read JSONL files of labelled reviews.

    Raises:
        DataError: a file cannot be opened.
    """
    texts: dict[str, str] = {}
    labels: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    problems: list[Problem] = []
    for path in paths:
        for number, record in json_lines(path):
            if isinstance(record, Problem):
                problems.append(record)
                continue
            text = record.get("text")
            key = text_hash(text) if isinstance(text, str) else ""
            try:
                review = review_from_record(record, taxonomy, path.stem, number)
            except DataError as error:
                problems.append(Problem(str(path), number, str(error)))
            else:
                if key not in texts:
                    languages[review.lang] += 1
                    for facet, value in review.labels.items():
                        labels.update(f"{facet}={label}" for label in ([value] if isinstance(value, str) else value))
            if isinstance(text, str):
                texts.setdefault(key, text)
    return Labelled(tuple(texts.values()), frozenset(texts), dict(labels), dict(languages), tuple(problems))
