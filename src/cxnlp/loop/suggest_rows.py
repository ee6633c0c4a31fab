"""Suggestions as rows of a file: what the scored file held, and before it why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cxnlp.data.kinds import Column
from cxnlp.data.tables import Table
from cxnlp.inference.scored import ScoredTable
from cxnlp.loop.suggest import Suggestion

_PREFIX = "cx_suggest_"
_FIELDS = ("rank", "why", "facet", "doubt", "label", "labelled", "cluster", "cluster_size", "copies")
_NUMBERS = ("rank", "labelled", "cluster", "cluster_size", "copies")
_TEXT = "text"
# Too wide for a cell, and of no use to a reader.
_NOT_IN_TABLES = ("probabilities", "evidence")


def suggestion_columns(table: Table, *, with_text: bool) -> list[Column]:
    """Give the columns of a table: why, then those of the scored file; ``with_text`` puts the joined text first."""
    made = [Column(_PREFIX + name, _PREFIX + name, "int" if name in _NUMBERS else "text") for name in _FIELDS]
    if with_text:
        made.append(Column(_TEXT, _TEXT))
    titles = dict(zip(table.columns, table.header, strict=True))
    taken = {column.name for column in made}
    kept = [name for name in table.carried if name not in taken and name not in _NOT_IN_TABLES]
    return made + [Column(name, titles.get(name, name)) for name in kept]


def suggestion_rows(chosen: Sequence[Suggestion], scored: ScoredTable, *, with_text: bool) -> list[dict[str, Any]]:
    """Give one record for each suggestion, in their order."""
    rows = scored.at([one.review.line for one in chosen])
    kept = frozenset(scored.table.carried)
    cells = [rows[one.review.line].source.fields for one in chosen]
    fields = [{name: value for name, value in many.items() if name in kept} for many in cells]
    return [_row(rank, one, fields[rank - 1], with_text) for rank, one in enumerate(chosen, 1)]


def _row(rank: int, one: Suggestion, fields: dict[str, Any], with_text: bool) -> dict[str, Any]:
    why = (
        rank, one.reason, one.facet, one.doubt, one.label, one.n_labelled, one.cluster, one.cluster_size, one.copies
    )  # fmt: skip
    record: dict[str, Any] = {_PREFIX + name: value for name, value in zip(_FIELDS, why, strict=True)}
    if with_text:
        fields[_TEXT] = one.review.text
    return record | {name: value for name, value in fields.items() if name not in record}
