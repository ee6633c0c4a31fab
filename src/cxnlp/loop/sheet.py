"""How a workbook to label in is laid out, for its writer and its reader."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum

from cxnlp.data.write_xlsx import MAX_CELL_UNITS
from cxnlp.loop.marks import has_none
from cxnlp.taxonomy import Facet, Kind, Taxonomy

REVIEWS = "Reviews"
LABELS = "Labels"
EXACT = "Exact texts"
"""The sheet of texts that a cell cannot hold as they are."""
ID, TEXT, LANG = "id", "text", "lang"
DONE = "done?"
"""Column in which a review whose cells a model filled is marked as seen by a person. No facet's name has this sign."""
NONE = "none"
TICKS = ("x", "✓", "✔")
"""Marks of "this applies", the usual one first."""
EXACT_HEADER = ("id", "part", "json")

_MAX_ID_CHARS = 200
# Spreadsheets write these with signs of their own (_x0001_), which not all of them read back.
_NOT_AS_IT_IS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]|_x[0-9A-Fa-f]{4}_")


class Role(StrEnum):
    """What a column asks."""

    ONE = "one"
    """The label of a ``one_of`` facet."""
    NONE = "none"
    """Whether none of the labels applies."""
    MAIN = "main"
    """The main label."""
    LABEL = "label"
    """Whether one label applies, and with which polarity."""


@dataclass(frozen=True)
class SheetColumn:
    """One column with a drop-down."""

    title: str
    facet: Facet
    role: Role
    options: tuple[str, ...]
    label: str = ""
    list_of: str = ""
    """The facet whose labels are the options; empty where the only option is a mark."""
    tick: str = TICKS[0]
    """The mark of a label that applies, where its polarity is not asked for or not said."""


def sheet_columns(taxonomy: Taxonomy) -> list[SheetColumn]:
    """Give the columns of all facets, in order.

    A ``one_of`` facet has one column. An ``any_of`` facet has one for each label (``touchpoints: delivery``), before
    them one for the main label (``phase``) or, without a main label, for "none of these" (``touchpoints``).
    """
    columns: list[SheetColumn] = []
    for facet in taxonomy.answers:
        if facet.kind is Kind.ONE_OF:
            columns.append(SheetColumn(facet.name, facet, Role.ONE, facet.labels, list_of=facet.name))
            continue
        if has_none(facet):
            columns.append(SheetColumn(facet.name, facet, Role.NONE, (NONE,)))
        else:
            columns.append(SheetColumn(str(facet.main), facet, Role.MAIN, facet.labels, list_of=facet.name))
        polarity = taxonomy.polarity_of.get(facet.name)
        tick = tick_of(polarity)
        options = (*polarity.labels, tick) if polarity else (tick,)
        list_of = polarity.name if polarity else ""
        columns += [
            SheetColumn(f"{facet.name}: {label}", facet, Role.LABEL, options, label, list_of, tick)
            for label in facet.labels
        ]
    return columns


def tick_of(polarity: Facet | None) -> str:
    """Give the mark that is not itself one of the polarities."""
    taken = {label.casefold() for label in polarity.labels} if polarity else set()
    return next(tick for tick in TICKS if tick not in taken)


def held_as_it_is(text: str) -> bool:
    """Whether a cell holds a text such that every spreadsheet reads it back unchanged."""
    fits = 2 * len(text) <= MAX_CELL_UNITS or len(text.encode("utf-16-le", "surrogatepass")) <= 2 * MAX_CELL_UNITS
    markup = text.startswith("<r>") and text.endswith("</r>")  # XlsxWriter takes it for formatted text
    return fits and not markup and _NOT_AS_IT_IS.search(text) is None


def id_to_cell(identity: str) -> str:
    """Give an id as a cell holds it; one that a cell or a person would change stands as JSON, in quotation marks."""
    plain = held_as_it_is(identity) and identity.split() == [identity] and len(identity) <= _MAX_ID_CHARS
    return identity if plain and not identity.startswith('"') else escaped(identity)


def id_of_cell(cell: str) -> str:
    """Give the id that a cell stands for.

    Raises:
        ValueError: it begins with a quotation mark and is no JSON string.
    """
    if not cell.startswith('"'):
        return cell
    found = json.loads(cell)
    if not isinstance(found, str):
        raise ValueError("not a JSON string")
    return found


def escaped(text: str) -> str:
    """Give a text as JSON in which every cell can hold every sign."""
    return re.sub("_x(?=[0-9A-Fa-f]{4}_)", r"\\u005fx", json.dumps(text)).replace("\x7f", "\\u007f")
