"""Read what `cxnlp score` wrote, of any kind: texts, languages, probabilities or at least labels and confidence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from cxnlp.data.columns import find_id_column
from cxnlp.data.safe import APOSTROPHE, runs_as_formula
from cxnlp.data.source import kind_by_name
from cxnlp.data.tables import ReadingOptions, Row, Table, open_table, read_rows
from cxnlp.errors import DataError
from cxnlp.inference.cells import PREFIX, SEPARATOR
from cxnlp.inference.prediction import EMPTY, OTHER_LANGUAGE
from cxnlp.taxonomy import Facet, Kind, Taxonomy
from cxnlp.text import clean

NO_TEXT, NOT_SCORED, OTHER = "without a text", "not scored", "in a language that the model does not know"
"""Why rows are left out."""
_PROBABILITIES = "probabilities"


@dataclass(frozen=True)
class ScoredReview:
    """One scored row with something to read; its other fields are read again by those who want them."""

    line: int
    text: str
    language: str


@dataclass(frozen=True)
class Scored:
    """The n reviews of a scored file that can be labelled."""

    table: Table
    reviews: Sequence[ScoredReview]
    labels: npt.NDArray[np.float64]
    """(n, k) probability of every label of the ``one_of`` and ``any_of`` facets; 0 or 1 where only labels are known."""
    probs: npt.NDArray[np.float32] | None
    """(n, l); None if the file holds none, as only JSON lines do."""
    confidence: npt.NDArray[np.float64]
    """(n,) of the first facet's label."""
    left_out: Mapping[str, int]
    """Reason to rows."""


def label_names(taxonomy: Taxonomy) -> list[str]:
    """Name the k labels of the ``one_of`` and ``any_of`` facets: ``sentiment=negative`` and so on."""
    return [f"{facet.name}={label}" for facet in taxonomy.answers for label in facet.labels]


def read_scored(
    path: Path,
    taxonomy: Taxonomy,
    options: ReadingOptions = ReadingOptions(),  # noqa: B008 - it is frozen
    texts: Path | None = None,
    *,
    other_languages: bool = False,
) -> Scored:
    """Read a scored file; rows without a text, or that were not scored, are counted and left out.

    Args:
        path: the file.
        taxonomy: of the model that scored it.
        options: how the file that holds the texts is read.
        texts: a file with the texts, joined by ``id``, where the scored file has none.
        other_languages: whether to keep reviews that are flagged as of another language.

    Raises:
        DataError: a file cannot be read, is not a scored one, or holds labels that the taxonomy does not have.
    """
    # The columns of a scored file that always are there, where the text is not.
    stand_in = "language" if kind_by_name(path) in ("json", "jsonl") else f"{PREFIX}language"
    table = open_table(path, options if texts is None else replace(_BARE, text_column=stand_in))
    reader = _reader(table, taxonomy)
    text_of = own_text(table) if texts is None else _text_by_id(table, texts, options)
    reviews, answers = [], []
    left_out: Counter[str] = Counter()
    for row in read_rows(table):
        text = text_of(row)
        if reason := _reason(row, text, other_languages=other_languages):
            left_out[reason] += 1
            continue
        answer = reader(row)
        if answer is None:
            left_out[NOT_SCORED] += 1
            continue
        reviews.append(ScoredReview(row.line, text, _language(row)))
        answers.append(answer)
    labels = np.array([answer.labels for answer in answers], np.float64).reshape(len(answers), -1)
    confidence = np.array([answer.confidence for answer in answers], np.float64)
    probs = None
    if answers and answers[0].probs is not None:
        probs = np.array([answer.probs for answer in answers], np.float32)
    return Scored(table, reviews, labels, probs, confidence, dict(left_out))


def rows_of(table: Table, lines: Collection[int]) -> dict[int, Row]:
    """Read some rows of a file again; give line to row."""
    wanted = frozenset(lines)
    return {row.line: row for row in read_rows(table) if row.line in wanted}


_BARE = ReadingOptions(title_column="", rating_column="", date_column="", language_column="", keep_personal=False)


@dataclass(frozen=True)
class _Answer:
    labels: npt.NDArray[np.float32]
    confidence: float
    probs: npt.NDArray[np.float32] | None = None


def _reader(table: Table, taxonomy: Taxonomy) -> Callable[[Row], _Answer | None]:
    """Give what reads the answers of a row; it gives None for a row without any.

    Raises:
        DataError: the file has none of the fields that a scored one has.
    """
    if _PROBABILITIES in table.columns:
        return lambda row: _from_record(table, taxonomy, row)
    missing = [f"{PREFIX}{facet.name}" for facet in taxonomy.answers if f"{PREFIX}{facet.name}" not in table.columns]
    if f"{PREFIX}confidence" not in table.columns or missing:
        lacking = ", ".join([*missing, f"{PREFIX}confidence"][:5])
        raise DataError(
            f"{table.path}: expected what cxnlp score writes: {_PROBABILITIES!r} (.jsonl) or the columns {lacking}; "
            "score it first, or name the model that scored it with --model"
        )
    return lambda row: _from_cells(table, taxonomy, row)


def _from_record(table: Table, taxonomy: Taxonomy, row: Row) -> _Answer | None:
    given = row.fields.get(_PROBABILITIES)
    if not isinstance(given, Mapping):
        return None
    probs: list[float] = []
    for facet in taxonomy.facets:
        found = given.get(facet.name)
        for label in _keys(taxonomy, facet):
            value = found.get(label) if isinstance(found, Mapping) else None
            if not isinstance(value, int | float) or not 0 <= value <= 1:
                raise DataError(
                    f"{table.path}, line {row.line}: no probability of {facet.name!r}, {label!r}; if another "
                    "model scored the file, name it with --model"
                )
            probs.append(value)
    at = taxonomy.slices
    labels_only = [p for facet in taxonomy.answers for p in probs[at[facet.name]]]
    first = probs[at[taxonomy.answers[0].name]]
    confidence = row.fields.get("confidence")
    sure = confidence if isinstance(confidence, int | float) else max(first)
    return _Answer(np.array(labels_only, np.float32), sure, np.array(probs, np.float32))


def _keys(taxonomy: Taxonomy, facet: Facet) -> list[str]:
    """Name the probabilities of a facet in a record, in the order of the label axis."""
    if facet.of is None:
        return list(facet.labels)
    return [f"{label}:{name}" for label in taxonomy[facet.of].labels for name in facet.labels]


def _from_cells(table: Table, taxonomy: Taxonomy, row: Row) -> _Answer | None:
    confidence = _number(row.fields.get(f"{PREFIX}confidence"))
    if confidence is None:
        return None
    labels: list[float] = []
    for facet in taxonomy.answers:
        cell = str(row.fields.get(f"{PREFIX}{facet.name}") or "")
        found = (
            [cell] if facet.kind is Kind.ONE_OF else [part.partition(":")[0] for part in cell.split(SEPARATOR) if part]
        )
        if unknown := [name for name in found if name not in facet.labels]:
            shown = repr(unknown[0]) if len(unknown[0]) <= 40 else f"of {len(unknown[0])} characters"
            raise DataError(
                f"{table.path}, line {row.line}: unknown label {shown} in {PREFIX}{facet.name}; the file was scored by "
                "a model with another taxonomy: name it with --model"
            )
        labels += [float(label in found) for label in facet.labels]
    return _Answer(np.array(labels, np.float32), confidence)


def _reason(row: Row, text: str, *, other_languages: bool) -> str:
    """Say why a row cannot be labelled, empty if it can."""
    # The prefixed name first: a table may have a column "flags" of its own.
    given = row.fields.get(f"{PREFIX}flags", row.fields.get("flags"))
    flags = given if isinstance(given, list) else str(given or "").split(SEPARATOR)
    if row.broken or EMPTY in flags or not clean(text):
        return NO_TEXT
    return OTHER if OTHER_LANGUAGE in flags and not other_languages else ""


def _language(row: Row) -> str:
    return str(row.fields.get(f"{PREFIX}language") or row.fields.get("language") or "")


def own_text(table: Table) -> Callable[[Row], str]:
    """Give what reads a row's text, without the mark that a CSV result puts before what a spreadsheet would compute."""
    if table.kind != "delimited":
        return lambda row: row.text

    def unmarked(row: Row) -> str:
        text = row.text
        return text[1:] if text.startswith(APOSTROPHE) and runs_as_formula(text[1:]) else text

    return unmarked


def _text_by_id(table: Table, texts: Path, options: ReadingOptions) -> Callable[[Row], str]:
    id_column = find_id_column(str(table.path), table.columns)
    other = open_table(texts, options)
    other_id = find_id_column(str(texts), other.columns)
    by_id: dict[str, str] = {}
    for row in read_rows(other):
        if not (name := _id(row.fields.get(other_id))):
            continue
        if by_id.setdefault(name, row.text) != row.text:
            raise DataError(
                f"{texts}, line {row.line}: another text with the id of a line before; expected one text an id, as it "
                "would not be known which was scored; give each its own"
            )
    return lambda row: by_id.get(_id(row.fields.get(id_column)), "")


def _id(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _number(value: Any) -> float | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    try:
        return float(str(value).replace(",", "."))
    except ValueError:
        return None
