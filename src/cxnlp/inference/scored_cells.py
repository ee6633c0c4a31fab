"""Cells or fields of a scored row back to labels, probabilities and evidence, for any taxonomy."""

from __future__ import annotations

import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from cxnlp.inference.cells import PREFIX, SEPARATOR
from cxnlp.inference.evidence import EVIDENCE_COLUMNS
from cxnlp.inference.prediction import has_score
from cxnlp.taxonomy import Facet, FacetValue, Kind, Taxonomy

Cells = Mapping[str, Any]
Probabilities = Mapping[str, Mapping[str, float]]
Ranges = Mapping[str, tuple[int, int]]
"""Touchpoint to a range of the text."""

_SPLIT = SEPARATOR.strip()
_NUMBERS = frozenset((float, int))
_SENTENCE = re.compile(r'(?:^|; )([^:;]+): "((?:[^"]|"")*)"(?=; |$)')
_OFFSETS = re.compile(r"([^:;]+):(\d+)-(\d+)")
# Languages and flags are shown by their names, so nothing else that a cell holds may pass for one.
_NAME = re.compile(r"[a-z_]{2,30}")


class LabelReader:
    """Reads what scoring said of a row; labels of equal cells are one object, so a million rows take little memory.

    Args:
        taxonomy: of the model that scored the file.
        columns: of the file; a facet without a column is not read.
        prefix: before the names of the columns: ``cx_`` in tables, empty in JSON.
    """

    def __init__(self, taxonomy: Taxonomy, columns: Sequence[str], prefix: str) -> None:
        self.taxonomy = taxonomy
        self.prefix = prefix
        self._facets = [facet for facet in taxonomy.answers if prefix + facet.name in columns]
        self._scores = [facet.name for facet in self._facets if has_score(facet)]
        self._names = _names_of_probabilities(taxonomy)
        self.has_evidence = (EVIDENCE_COLUMNS[0] if prefix else "evidence") in columns
        self.has_probabilities = f"{prefix}probabilities" in columns
        self._known: dict[tuple[str, str], FacetValue] = {}

    def confidence(self, cells: Cells) -> tuple[float | None, bool]:
        """Give the confidence, and whether its cell is damaged: neither empty nor a number from 0 to 1.

        It is None for a row that has no labels, as there was nothing to read, and for one whose cell is damaged.
        """
        cell = cells.get(f"{self.prefix}confidence")
        number = _number(cell)
        if number is not None and 0 <= number <= 1:
            return number, False
        return None, not _is_empty(cell)

    def language(self, cells: Cells) -> str:
        """Give the language of the text, empty if the cell holds none."""
        code = cells.get(f"{self.prefix}language")
        return sys.intern(code) if isinstance(code, str) and _NAME.fullmatch(code) else ""

    def flags(self, cells: Cells) -> tuple[str, ...]:
        """Give the flags."""
        return tuple(word for word in _words(_text(cells.get(f"{self.prefix}flags"))) if _NAME.fullmatch(word))

    def labels(self, cells: Cells) -> tuple[dict[str, FacetValue], str]:
        """Give the labels of the facets that can be read, and the first facet that cannot, empty if all can."""
        found, wrong = {}, ""
        for facet in self._facets:
            key = facet.name, _text(cells.get(self.prefix + facet.name))
            value = self._known.get(key)
            if value is None and (value := _value(self.taxonomy, facet, key[1])) is not None:
                self._known[key] = value
            if value is not None:
                found[facet.name] = value
            else:
                wrong = wrong or facet.name
        return found, wrong

    def scores(self, cells: Cells) -> dict[str, float]:
        """Give facet to score from −1 to 1, of those that have one."""
        numbers = ((name, _number(cells.get(f"{self.prefix}{name}_score"))) for name in self._scores)
        return {name: number for name, number in numbers if number is not None}

    def probabilities(self, cells: Cells) -> tuple[Probabilities, str]:
        """Give the probabilities in the order of the taxonomy, and the first label without one.

        None are given where one is missing, nor where the row has none at all, as in tables.
        """
        given = cells.get(f"{self.prefix}probabilities")
        if not isinstance(given, Mapping):
            return {}, ""
        probabilities = {}
        for facet, names in self._names.items():
            found = given.get(facet)
            values: list[Any] = [found.get(name) for name in names] if isinstance(found, Mapping) else [None]
            if not _are_probabilities(values):
                first = next(place for place, value in enumerate(values) if not _are_probabilities([value]))
                return {}, f"{facet}={names[first]}"
            probabilities[facet] = dict(zip(names, values, strict=True))
        return probabilities, ""

    def evidence(self, cells: Cells, text: str) -> Ranges:
        """Give the sentences behind touchpoints; empty where the file names none."""
        return evidence_of(cells, self.prefix, text) if self.has_evidence else {}


def evidence_of(cells: Cells, prefix: str, text: str) -> Ranges:
    """Find the sentences that a scored row names in its text; one that is not there is left out."""
    starts: dict[str, int] = {}
    sentences: dict[str, str] = {}
    if prefix == PREFIX:
        cell, offsets = (str(cells.get(name) or "") for name in EVIDENCE_COLUMNS)
        sentences = {label: sentence.replace('""', '"') for label, sentence in _SENTENCE.findall(cell)}
        starts = {label.strip(): int(start) for label, start, _ in _OFFSETS.findall(offsets)}
    else:
        given = cells.get("evidence")
        for one in given if isinstance(given, list) else []:
            if isinstance(one, Mapping) and isinstance(one.get("sentence"), str) and isinstance(one.get("start"), int):
                sentences[str(one.get("label"))], starts[str(one.get("label"))] = one["sentence"], one["start"]
    found = {}
    for label, sentence in sentences.items():
        start = starts.get(label, 0)
        if not text.startswith(sentence, start):
            start = text.find(sentence)
        if sentence and start >= 0:
            found[label] = (start, start + len(sentence))
    return found


def _names_of_probabilities(taxonomy: Taxonomy) -> dict[str, tuple[str, ...]]:
    """Give facet to the names of its probabilities in a record, in the order of the label axis."""
    parts = {facet.name: f"{facet.of or facet.name}=" for facet in taxonomy.facets}
    names = taxonomy.logit_names
    return {
        name: tuple(one.removeprefix(parts[name]) for one in names[place]) for name, place in taxonomy.slices.items()
    }


def _are_probabilities(values: list[Any]) -> bool:
    """Say whether all are numbers from 0 to 1; there are many, so it is looked at all of them at once."""
    return set(map(type, values)) <= _NUMBERS and min(values) >= 0 and max(values) <= 1 and not math.isnan(sum(values))


def _number(cell: Any) -> float | None:
    """Give a finite number, also where it stands as text with a decimal comma; None for anything else."""
    if isinstance(cell, str):
        try:
            cell = float(cell.replace(",", "."))
        except ValueError:
            return None
    return float(cell) if type(cell) in _NUMBERS and abs(cell) <= sys.float_info.max else None


def _is_empty(cell: Any) -> bool:
    """Say whether a cell holds nothing; not a number is how data frames write that in JSON."""
    return cell is None or cell != cell or (isinstance(cell, str) and not cell.strip())


def _text(cell: Any) -> str:
    """Give a cell, or the list or object that JSON has in its place, as the cell of a table."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, Mapping):
        return SEPARATOR.join(f"{label}:{polarity}" for label, polarity in cell.items())
    if isinstance(cell, list | tuple):
        return SEPARATOR.join(map(str, cell))
    return "" if cell is None else str(cell)


def _words(cell: str) -> Iterator[str]:
    return (word for part in cell.split(_SPLIT) if (word := part.strip()))


def _value(taxonomy: Taxonomy, facet: Facet, cell: str) -> FacetValue | None:
    """Read the labels of one facet; None if one is not the taxonomy's, or a facet that always has one has none."""
    if facet.kind is Kind.ONE_OF:
        return cell if cell in facet.labels else None
    words = list(_words(cell))
    if facet.main and not words:
        return None
    polarity = taxonomy.polarity_of.get(facet.name)
    if polarity is None:
        return tuple(dict.fromkeys(words)) if set(words) <= set(facet.labels) else None
    pairs = {label: value for label, _, value in (word.partition(":") for word in words)}
    known = pairs.keys() <= set(facet.labels) and set(pairs.values()) <= set(polarity.labels)
    return pairs if known else None
