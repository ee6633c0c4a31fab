"""A second annotator's labels beside gold: as far as people agree, no model can be asked to go further."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cxnlp.data import Problem, Review, json_lines, review_from_record
from cxnlp.errors import DataError
from cxnlp.evaluation.compare import Labels
from cxnlp.taxonomy import FacetValue, Taxonomy


@dataclass(frozen=True)
class Second:
    """The reviews that both labelled."""

    rows: list[int]
    """Which of the evaluated reviews they are."""
    reviews: list[Review]
    """With the gold labels of those facets that both answered."""
    labels: list[Labels]
    """The second annotator's, of the same facets."""
    problems: list[Problem]


def read_second(path: Path, taxonomy: Taxonomy, reviews: Sequence[Review]) -> Second:
    """Read JSONL with ``id`` and labels, and join it with reviews by ``id``; further ids are left out.

    Raises:
        DataError: the file cannot be opened, an id stands for several reviews, or no label meets another.
    """
    second: dict[str, Labels] = {}
    problems: list[Problem] = []
    for number, record, labels in labelled_lines(path, taxonomy, problems):
        if str(record["id"]) in second:
            problems.append(Problem(str(path), number, "an id that stands above already; the first one counts"))
        else:
            second[str(record["id"])] = labels
    _check_unique(reviews, second.keys())
    found = Second([], [], [], problems)
    for row, review in enumerate(reviews):
        shared = [facet for facet in review.labels if facet in second.get(review.id, {})]
        if shared:
            found.rows.append(row)
            theirs = {facet: second[review.id][facet] for facet in shared}
            ours = {facet: _as_far_as(theirs[facet], review.labels[facet]) for facet in shared}
            found.reviews.append(replace(review, labels=ours))
            found.labels.append(theirs)
    if not found.rows:
        first = f"; first problem: {problems[0]}" if problems else ""
        raise DataError(
            f"{path}: none of its {len(second)} labelled ids is that of a review here; expected the same ids as in "
            f"the labelled data{first}"
        )
    return found


def labelled_lines(
    path: Path, taxonomy: Taxonomy, problems: list[Problem]
) -> Iterator[tuple[int, Mapping[str, Any], Labels]]:
    """Yield line number, record and labels of every line of JSONL with an ``id``; others are added to ``problems``.

    Raises:
        DataError: the file cannot be opened.
    """
    for number, record in json_lines(path):
        if isinstance(record, Problem):
            problems.append(record)
        elif record.get("id") is None:
            problems.append(Problem(str(path), number, 'no "id", which says whose labels they are'))
        else:
            try:
                yield number, record, review_from_record({**record, "text": ""}, taxonomy, "", number).labels
            except DataError as error:
                problems.append(Problem(str(path), number, str(error)))


def _as_far_as(second: FacetValue, gold: FacetValue) -> FacetValue:
    """Give gold labels without their polarities where the second annotator gave none."""
    without = isinstance(second, dict) and not all(second.values())
    return tuple(gold) if without and isinstance(gold, dict) else gold


def _check_unique(reviews: Sequence[Review], wanted: Collection[str]) -> None:
    seen: set[str] = set()
    for review in reviews:
        if review.id in seen and review.id in wanted:
            raise DataError(
                f"the id {review.id[:60]!r} stands for several of the evaluated reviews; expected ids of their own, "
                "to join a second annotator's labels; evaluate one file at a time"
            )
        seen.add(review.id)
