"""The labels of a scored row, from the cells of a table or the fields of a JSON record."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from cxnlp.data.values import number_of
from cxnlp.errors import DataError
from cxnlp.inference.cells import PREFIX, SEPARATOR
from cxnlp.journey.parts import Parts


class LabelReader:
    """Reads labels; those of equal cells are one object, so that a million rows take little memory.

    Raises:
        DataError: a column is missing that ``cxnlp score`` writes for this taxonomy.
    """

    def __init__(self, path: str, columns: Sequence[str], parts: Parts) -> None:
        self.parts = parts
        self.prefix = _prefix(path, columns, parts)
        self._lists: dict[str, tuple[str, ...]] = {}
        self._pairs: dict[str, Mapping[str, str]] = {}

    def confidence(self, fields: Mapping[str, Any]) -> float | None:
        """Give the confidence; None for a row that has no labels, as there was nothing to read."""
        return number_of(fields.get(f"{self.prefix}confidence"))

    def language(self, fields: Mapping[str, Any]) -> str:
        """Give the language of the text."""
        return sys.intern(str(fields.get(f"{self.prefix}language") or ""))

    def flags(self, fields: Mapping[str, Any]) -> tuple[str, ...]:
        """Give the flags."""
        return self._several(fields.get(f"{self.prefix}flags"))

    def verdict(self, fields: Mapping[str, Any]) -> tuple[str, float | None]:
        """Give what the review says as a whole, and its score from −1 to 1.

        Raises:
            DataError: the taxonomy does not have the label.
        """
        facet = self.parts.verdict
        if facet is None:
            return "", None
        label = str(fields.get(self.prefix + facet.name) or "")
        _check(facet.name, [label], facet.labels)
        return sys.intern(label), number_of(fields.get(f"{self.prefix}{facet.name}_score"))

    def phases(self, fields: Mapping[str, Any]) -> tuple[str, ...]:
        """Give the main phase, or all of them in a taxonomy without a main one.

        Raises:
            DataError: the taxonomy does not have the label.
        """
        facet = self.parts.phases
        if facet is None:
            return ()
        found = self._several(fields.get(self.prefix + (facet.main or facet.name)))
        _check(facet.name, found, facet.labels)
        return found

    def touchpoints(self, fields: Mapping[str, Any]) -> Mapping[str, str]:
        """Give each touchpoint with its polarity.

        Raises:
            DataError: the taxonomy does not have the label.
        """
        cell = fields.get(self.prefix + self.parts.touchpoints.name)
        if isinstance(cell, Mapping):
            key = SEPARATOR.join(f"{label}:{polarity}" for label, polarity in cell.items())
        else:
            key = str(cell or "")
        if key not in self._pairs:
            split = [part.partition(":") for part in key.split(SEPARATOR) if part]
            found = {label: polarity for label, _, polarity in split}
            _check(self.parts.touchpoints.name, found, self.parts.touchpoints.labels)
            _check(self.parts.polarity.name, found.values(), self.parts.polarity.labels)
            self._pairs[key] = found
        return self._pairs[key]

    def _several(self, cell: Any) -> tuple[str, ...]:
        key = SEPARATOR.join(map(str, cell)) if isinstance(cell, list | tuple) else str(cell or "")
        if key not in self._lists:
            self._lists[key] = tuple(part for part in key.split(SEPARATOR) if part)
        return self._lists[key]


def _prefix(path: str, columns: Collection[str], parts: Parts) -> str:
    names = [parts.touchpoints.name, *([parts.verdict.name] if parts.verdict else []), "confidence", "flags"]
    names += [parts.phases.main or parts.phases.name] if parts.phases else []
    for prefix in (PREFIX, ""):
        if all(prefix + name in columns for name in names):
            return prefix
    missing = [PREFIX + name for name in names if PREFIX + name not in columns]
    todo = "score it first" if len(missing) == len(names) else "if another model scored it, name that with --model"
    raise DataError(f"{path}: no column {', '.join(missing)}; expected a file that cxnlp score wrote; {todo}")


def _check(facet: str, labels: Iterable[str], known: Collection[str]) -> None:
    if any(label not in known for label in labels):
        raise DataError(f"a label that {facet!r} does not have")
