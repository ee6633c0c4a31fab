"""Reviews on their way to a label tool: scored, labelled, or neither."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cxnlp.data import Problem, json_lines, review_from_record
from cxnlp.data.columns import is_id, key
from cxnlp.data.source import STANDARD, kind_by_name
from cxnlp.data.tables import ReadingOptions, open_table
from cxnlp.errors import DataError
from cxnlp.inference.prediction import Prediction
from cxnlp.inference.scored import ScoredTable, Status, as_scored, scored_prefix
from cxnlp.inference.scored_cells import Probabilities
from cxnlp.taxonomy import Facet, FacetValue, Taxonomy


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
    options = ReadingOptions(text_column=text_column)
    was_scored = path != STANDARD and scored_prefix(path, options) is not None
    if kind_by_name(path) == "jsonl" and text_column is None and not was_scored:
        found = _of_labelled(path, taxonomy)
    else:  # what is left out of surveys was left out when they were scored
        table = open_table(path, replace(options, keep_unfinished=was_scored))
        found = _of_table(as_scored(table, taxonomy, needed=()))
    for number, item, problem in found:
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


def _of_labelled(path: Path, taxonomy: Taxonomy) -> Iterator[Found]:
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
    lang, annotator = review.lang or str(record.get("language") or ""), str(record.get("annotator") or "")
    return Item(review.id, review.text, lang, review.labels, annotator=annotator), problem


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


def _of_table(scored: ScoredTable) -> Iterator[Found]:
    """Give the rows of a table; labels of a scored one that cannot be read are unknown, and cost no others."""
    path, column = str(scored.table.path), _id_column(scored.table.columns)
    for row in scored.rows(any_labels=True):
        cells, said = row.source.fields, row.prediction
        identity = "" if column is None or cells.get(column) is None else str(cells[column]).strip()
        record = {**cells, "id": identity or str(row.line), "text": row.text}
        if row.text is None:  # broken, or so when it was scored, which was said then
            yield row.line, None, row.problem
        elif row.status is Status.NOT_SCORED and scored.table.is_json:  # perhaps a person's labels among a model's
            found, wrong = _item(path, row.line, record, scored.reader.taxonomy)
            yield row.line, found, wrong or row.problem
        else:
            item = Item(record["id"], row.text, str(cells.get("lang") or row.source.language))
            yield row.line, _with_labels(item, said, cells) if said else item, row.problem


def _with_labels(item: Item, said: Prediction, cells: Mapping[str, Any]) -> Item:
    return replace(
        item,
        lang=str(cells.get("lang") or said.language),
        labels=said.labels,
        predicted=True,
        confidence=said.confidence,
        probabilities=said.probabilities,
        annotator=str(cells.get("annotator") or ""),
    )
