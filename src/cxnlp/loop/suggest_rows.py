"""Suggestions as rows of a file: what the scored file held, and before it why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cxnlp.data.kinds import Column
from cxnlp.inference.cells import cell_columns, number_columns, values
from cxnlp.inference.prediction import record_keys
from cxnlp.inference.scored import ScoredTable
from cxnlp.loop.suggest import Suggestion

_PREFIX = "cx_suggest_"
_FIELDS = ("rank", "why", "facet", "doubt", "label", "labelled", "cluster", "cluster_size", "copies")
_NUMBERS = ("rank", "labelled", "cluster", "cluster_size", "copies")
_TEXT = "text"
# Too wide for a cell, and of no use to a reader.
_NOT_IN_TABLES = ("probabilities", "evidence")


def suggestion_columns(scored: ScoredTable, *, with_text: bool) -> list[Column]:
    """Give the columns of a table: why, then those of the scored file; ``with_text`` puts the joined text first.

    Labels stand in ``cx_`` columns, as in every table that ``cxnlp score`` writes, so that they can be read back.
    """
    made = [Column(_PREFIX + name, _PREFIX + name, "int" if name in _NUMBERS else "text") for name in _FIELDS]
    if with_text:
        made.append(Column(_TEXT, _TEXT))
    table = scored.table
    titles = dict(zip(table.columns, table.header, strict=True))
    left_out = {column.name for column in made} | _in_json(scored)
    kept = [name for name in table.carried if name not in left_out and name not in _NOT_IN_TABLES]
    made += [Column(name, titles.get(name, name)) for name in kept]
    if table.is_json:
        numbers = number_columns(scored.reader.taxonomy)
        made += [Column(n, n, "float" if n in numbers else "text") for n in cell_columns(scored.reader.taxonomy)]
    return made


def suggestion_rows(
    chosen: Sequence[Suggestion], scored: ScoredTable, *, with_text: bool, as_table: bool
) -> list[dict[str, Any]]:
    """Give one record for each suggestion, in their order; ``as_table``: with the labels in ``cx_`` columns."""
    rows = scored.at([one.review.line for one in chosen])
    kept = frozenset(scored.table.carried)
    if as_table:
        kept -= _in_json(scored)
    records = []
    for rank, one in enumerate(chosen, 1):
        row = rows[one.review.line]
        fields = {name: value for name, value in row.source.fields.items() if name in kept}
        if as_table and scored.table.is_json:
            fields |= values(scored.reader.taxonomy, row.prediction, row.flags)
        records.append(_row(rank, one, fields, with_text))
    return records


def _in_json(scored: ScoredTable) -> frozenset[str]:
    """Name the fields in which a JSON line holds what was said of a review; none in a table, which has ``cx_``."""
    return frozenset(record_keys(scored.reader.taxonomy)) if scored.table.is_json else frozenset()


def _row(rank: int, one: Suggestion, fields: dict[str, Any], with_text: bool) -> dict[str, Any]:
    why = (
        rank, one.reason, one.facet, one.doubt, one.label, one.n_labelled, one.cluster, one.cluster_size, one.copies
    )  # fmt: skip
    record: dict[str, Any] = {_PREFIX + name: value for name, value in zip(_FIELDS, why, strict=True)}
    if with_text:
        fields[_TEXT] = one.review.text
    return record | {name: value for name, value in fields.items() if name not in record}
