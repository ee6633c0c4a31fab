"""Values of cells: what kind each is, and how it is written as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

TEXT = "text"
_LARGEST_INT = 1 << 63


@dataclass(frozen=True)
class Column:
    """A column of the output."""

    name: str
    """Unique among the columns."""
    title: str
    """As people see it; the input's own, which may occur twice."""
    kind: str = TEXT
    """``text``, ``int``, ``float``, ``bool``, ``date`` or ``datetime``: what all its values are, or None."""
    decimals: int | None = None
    """Decimal places of its numbers; None to write them as they are."""


def kind_of(value: Any) -> str | None:
    """Name the kind of one value as readers give them, None for a value that is missing."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int" if -_LARGEST_INT <= value < _LARGEST_INT else TEXT
    return "float" if isinstance(value, float) else TEXT


def add_kinds(kinds: dict[str, set[str]], fields: Mapping[str, Any]) -> None:
    """Note the kinds of a row's values that are more than text."""
    for name, value in fields.items():
        if type(value) is not str and (kind := kind_of(value)) is not None:
            kinds.setdefault(name, set()).add(kind)
        elif value:
            kinds.setdefault(name, set()).add(TEXT)


def common_kind(kinds: Iterable[str]) -> str:
    """Give the one kind that can hold values of all these kinds."""
    found = set(kinds)
    if len(found) == 1:
        return found.pop()
    return "float" if found == {"int", "float"} else TEXT


def typed(value: Any, kind: str) -> Any:
    """Give a cell of ISO 8601 text as the date or the time that its column holds."""
    if not value:
        return None
    return datetime.fromisoformat(value) if kind == "datetime" else date.fromisoformat(value)


def as_text(value: Any) -> str:
    """Write a value as text: dates as ISO 8601, truth values, lists and objects as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return to_json(value) if isinstance(value, bool | int | float | dict | list | tuple) else str(value)


def to_json(value: Any) -> str:
    """Write a value as JSON on one line; what JSON does not know, such as a date, as its text."""
    return json.dumps(value, ensure_ascii=False, default=str)
