"""Reviews on their way to a label tool: scored, labelled, or neither."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxnlp.data import Problem, json_lines, review_from_record
from cxnlp.data.columns import is_id, key
from cxnlp.data.source import kind_by_name
from cxnlp.data.tables import ReadingOptions, open_table, read_rows
from cxnlp.errors import DataError
from cxnlp.inference.cells import PREFIX, SEPARATOR
from cxnlp.loop.scored import own_text
from cxnlp.taxonomy import Facet, FacetValue, Kind, Taxonomy

Probabilities = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Item:
    """One review, with what is said of it so far."""

    id: str
    text: str
    lang: str = ""
    labels: Mapping[str, FacetValue] = field(default_factory=dict)
    predicted: bool = False
    """Whether the labels are a model's."""
    confidence: float | None = None
    probabilities: Probabilities = field(default_factory=dict)
    """Facet to label to probability, as in a scored record; empty where the file has none."""
    annotator: str = ""
    """Who labelled it, where the file says so."""

    def probability(self, taxonomy: Taxonomy, facet: Facet, label: str, polarity: str = "") -> float | None:
        """Give the model's probability of a label, or of the label with this polarity; None where it is not known."""
        found = self.probabilities.get(facet.name, {}).get(label)
        if found is None or not polarity:
            return found
        given = self.probabilities.get(taxonomy.polarity_of[facet.name].name, {}).get(f"{label}:{polarity}")
        return None if given is None else found * given


def read_items(path: Path, taxonomy: Taxonomy, text_column: str | None = None) -> tuple[list[Item], list[Problem]]:
    """Read reviews: JSONL, scored or labelled, or a table of any kind, scored or not.

    The id is the field or column ``id``, or the only one that ends so; without one, the number of the line or row. An
    id that comes twice counts once.

    Raises:
        DataError: the file cannot be read, or holds no review.
    """
    items: dict[str, Item] = {}
    problems: list[Problem] = []
    lines = kind_by_name(path) == "jsonl" and text_column is None
    for number, item, problem in _of_jsonl(path, taxonomy) if lines else _of_table(path, taxonomy, text_column):
        if problem is not None:
            problems.append(problem)
        if item is None:
            continue
        if item.id in items:
            problems.append(Problem(str(path), number, "an id that stands above already; the first one counts"))
        else:
            items[item.id] = item
    if not items:
        first = f"; first problem: {problems[0]}" if problems else ""
        raise DataError(f"{path}: no review to label; expected reviews with a text{first}")
    return list(items.values()), problems


Found = tuple[int, Item | None, Problem | None]
"""The number of a line, the review in it, and what was wrong with it."""


def _of_jsonl(path: Path, taxonomy: Taxonomy) -> Iterator[Found]:
    for number, record in json_lines(path):
        if isinstance(record, Problem):
            yield number, None, record
        elif (column := _id_column(record)) is None:
            yield number, *_item(str(path), number, record, taxonomy)
        else:
            yield number, *_item(str(path), number, {**record, "id": record[column]}, taxonomy)


def _id_column(names: Iterable[str]) -> str | None:
    """Name the column or field of ids: ``id``, or the only one that ends so, such as ``review_id``."""
    found = [name for name in names if key(name) == "id"] or [name for name in names if is_id(name)]
    return found[0] if len(found) == 1 else None


def _item(path: str, number: int, record: Mapping[str, Any], taxonomy: Taxonomy) -> tuple[Item | None, Problem | None]:
    """Read a record; a facet that cannot be read is unknown, and costs no other facet."""
    problem = None
    try:
        review = review_from_record(record, taxonomy, "", number)
    except DataError as error:
        problem = Problem(path, number, str(error))
        readable = _readable(record, taxonomy)
        if readable is None:
            return None, problem
        review = review_from_record(readable, taxonomy, "", number)
    item = Item(
        review.id,
        review.text,
        review.lang or str(record.get("language") or ""),
        review.labels,
        "probabilities" in record or "confidence" in record,
        _number(record.get("confidence")),
        _probabilities(record.get("probabilities")),
        str(record.get("annotator") or ""),
    )
    return item, problem


def _readable(record: Mapping[str, Any], taxonomy: Taxonomy) -> dict[str, Any] | None:
    """Give a record without the facets that cannot be read; None if something else is wrong with it."""
    fields = {facet.name: {facet.name, *([facet.main] if facet.main else [])} for facet in taxonomy.answers}
    bare = {key: value for key, value in record.items() if not any(key in names for names in fields.values())}
    try:
        review_from_record(bare, taxonomy, "", 0)
    except DataError:
        return None
    for names in fields.values():
        facet = {key: record[key] for key in names if key in record}
        try:
            review_from_record(bare | facet, taxonomy, "", 0)
        except DataError:
            continue
        bare |= facet
    return bare


def _of_table(path: Path, taxonomy: Taxonomy, text_column: str | None) -> Iterator[Found]:
    table = open_table(path, ReadingOptions(text_column=text_column))
    column = _id_column(table.columns)
    text_of = own_text(table)
    for row in read_rows(table):
        if row.broken:
            yield row.line, None, Problem(str(path), row.line, row.problem)
            continue
        identity = "" if column is None else str(row.fields.get(column) or "").strip()
        record = {**_labels_of_cells(taxonomy, row.fields), "id": identity or str(row.line), "text": text_of(row)}
        language = row.fields.get(f"{PREFIX}language")
        record["lang"] = language if isinstance(language, str) else row.language
        yield row.line, *_item(str(path), row.line, record, taxonomy)


def _labels_of_cells(taxonomy: Taxonomy, cells: Mapping[str, Any]) -> dict[str, Any]:
    """Give the labels of a scored row as a record has them; none if the row was not scored."""
    confidence = _number(cells.get(f"{PREFIX}confidence"))
    if confidence is None:
        return {}
    record: dict[str, Any] = {"confidence": confidence}
    for facet in taxonomy.answers:
        cell = cells.get(PREFIX + facet.name)
        if not isinstance(cell, str):
            continue
        names = [name for name in cell.split(SEPARATOR.strip()) if name.strip()]
        if facet.kind is Kind.ONE_OF:
            record[facet.name] = cell or None
        elif facet.name in taxonomy.polarity_of:
            pairs = [name.strip().partition(":") for name in names]
            record[facet.name] = {label: polarity or None for label, _, polarity in pairs}
        elif names or not facet.main:
            record[facet.name] = [name.strip() for name in names]
    return record


def _number(value: Any) -> float | None:
    """Give a number as JSON or a cell has it; a cell may have a decimal comma."""
    if isinstance(value, str):
        try:
            value = float(value.replace(",", "."))
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _probabilities(value: Any) -> dict[str, dict[str, float]]:
    if not isinstance(value, Mapping):
        return {}
    return {
        str(facet): {str(label): float(p) for label, p in labels.items() if isinstance(p, int | float)}
        for facet, labels in value.items()
        if isinstance(labels, Mapping)
    }
