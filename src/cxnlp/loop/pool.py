"""What `cxnlp score` wrote as reviews to choose from: texts, languages, probabilities or at least labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxnlp.data.columns import find_id_column
from cxnlp.data.read import Problem
from cxnlp.data.tables import ReadingOptions, Table, open_table
from cxnlp.errors import DataError
from cxnlp.inference.prediction import EMPTY, OTHER_LANGUAGE, Prediction
from cxnlp.inference.scored import ScoredRow, ScoredTable, Status, open_scored, plain_rows
from cxnlp.taxonomy import Taxonomy
from cxnlp.text import clean

NO_TEXT, NOT_SCORED, OTHER = "without a text", "not scored", "in a language that the model does not know"
UNREAD = "broken, or with labels or a confidence that cannot be read"
"""Why rows are left out."""


@dataclass(frozen=True)
class PoolReview:
    """One scored row with something to read; its other fields are read again by those who want them."""

    line: int
    text: str
    language: str


@dataclass(frozen=True)
class Pool:
    """The n reviews of a scored file that can be labelled."""

    source: ScoredTable
    reviews: Sequence[PoolReview]
    labels: npt.NDArray[np.float64]
    """(n, k) probability of every label of the ``one_of`` and ``any_of`` facets; 0 or 1 where only labels are known."""
    probs: npt.NDArray[np.float32] | None
    """(n, l); None if the file holds none, as only JSON lines do."""
    confidence: npt.NDArray[np.float64]
    """(n,) of the first facet's label."""
    left_out: Mapping[str, int]
    """Reason to rows."""
    problems: Sequence[Problem] = ()
    """What is wrong with rows."""


def label_names(taxonomy: Taxonomy) -> list[str]:
    """Name the k labels of the ``one_of`` and ``any_of`` facets: ``sentiment=negative`` and so on."""
    return [f"{facet.name}={label}" for facet in taxonomy.answers for label in facet.labels]


def read_pool(
    path: Path,
    taxonomy: Taxonomy,
    options: ReadingOptions = ReadingOptions(),  # noqa: B008 - it is frozen
    texts: Path | None = None,
    *,
    other_languages: bool = False,
) -> Pool:
    """Read a scored file; rows without a text, without labels, or that cannot be read are counted and left out.

    Args:
        path: the file.
        taxonomy: of the model that scored it.
        options: how the file that holds the texts is read.
        texts: a file with the texts, joined by ``id``, where the scored file has none.
        other_languages: whether to keep reviews that are flagged as of another language.

    Raises:
        DataError: a file cannot be read, is not a scored one, or no row has labels of this taxonomy.
    """
    source = open_scored(path, taxonomy, options if texts is None else _BARE)
    text_of = _own_text if texts is None else _text_by_id(source.table, texts, options)
    reviews: list[PoolReview] = []
    numbers: list[npt.NDArray[np.float32]] = []
    confidence: list[float] = []
    left_out: Counter[str] = Counter()
    problems: list[Problem] = []
    with_probs = source.reader.has_probabilities
    for row in source.rows():
        problems += [row.problem] if row.problem else []
        text = text_of(row)
        if reason := _reason(row, text, with_probs=with_probs, other_languages=other_languages):
            left_out[reason] += 1
        elif said := row.prediction:
            reviews.append(PoolReview(row.line, text, said.language))
            numbers.append(_probs(said) if with_probs else _labels(taxonomy, said))
            confidence.append(said.confidence)
    labels = np.array(numbers, np.float32).reshape(len(numbers), -1)
    probs = labels if numbers and with_probs else None
    if probs is not None:
        labels = np.hstack([probs[:, taxonomy.slices[facet.name]] for facet in taxonomy.answers])
    sure = np.array(confidence, np.float64)
    return Pool(source, reviews, labels.astype(np.float64), probs, sure, dict(left_out), problems)


_BARE = ReadingOptions(
    text_column="", title_column="", rating_column="", date_column="", language_column="", keep_personal=False
)


def _probs(said: Prediction) -> npt.NDArray[np.float32]:
    """Give the probabilities (l,) of a row in the order of the label axis."""
    return np.fromiter((p for of in said.probabilities.values() for p in of.values()), np.float32)


def _labels(taxonomy: Taxonomy, said: Prediction) -> npt.NDArray[np.float32]:
    """Give 1 for each of the k labels that a row has, 0 for the others."""
    has = {name: (value,) if isinstance(value, str) else value for name, value in said.labels.items()}
    given = (label in has[facet.name] for facet in taxonomy.answers for label in facet.labels)
    return np.fromiter(given, np.float32)


def _reason(row: ScoredRow, text: str, *, with_probs: bool, other_languages: bool) -> str:
    """Say why a row cannot be labelled, empty if it can."""
    if row.status in (Status.BROKEN, Status.UNKNOWN):
        return UNREAD
    if EMPTY in row.flags or not clean(text):
        return NO_TEXT
    if row.prediction is None or (with_probs and not row.prediction.probabilities):
        return NOT_SCORED
    return OTHER if OTHER_LANGUAGE in row.flags and not other_languages else ""


def _own_text(row: ScoredRow) -> str:
    return row.text or ""


def _text_by_id(table: Table, texts: Path, options: ReadingOptions) -> Callable[[ScoredRow], str]:
    id_column = find_id_column(str(table.path), table.columns)
    other = open_table(texts, options)
    other_id = find_id_column(str(texts), other.columns)
    by_id: dict[str, str] = {}
    for row in plain_rows(other):
        if not (name := _id(row.fields.get(other_id))):
            continue
        if by_id.setdefault(name, row.text) != row.text:
            raise DataError(
                f"{texts}, line {row.line}: another text with the id of a line before; expected one text an id, as it "
                "would not be known which was scored; give each its own"
            )
    return lambda row: by_id.get(_id(row.source.fields.get(id_column)), "")


def _id(value: Any) -> str:
    return "" if value is None else str(value).strip()
