"""The cases of a suite, and the reading of one record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cxnlp.errors import DataError, TaxonomyError, kind_of, nearest
from cxnlp.evaluation.checklist.expect import Expectation, IsOneOf
from cxnlp.evaluation.checklist.parse import expectation_of_change, expectation_of_text
from cxnlp.inference.prediction import has_score
from cxnlp.taxonomy import Taxonomy


class Type(StrEnum):
    """What kind of test a case is."""

    MFT = "mft"
    """Minimum functionality: a text, and what it must be labelled with."""
    INV = "inv"
    """Invariance: a text that is disturbed in ways which must not change its labels."""
    DIR = "dir"
    """Direction: a text, a changed one, and how the answer must move."""
    LENGTH = "length"
    """Length: texts of any length are answered, and long ones keep the label of what they say. Made of INV texts."""


@dataclass(frozen=True)
class Case:
    """One case as its author wrote it."""

    id: str
    lang: str
    type: Type
    capability: str
    """What is tested; empty for ``inv``, where the disturbance says it."""
    text: str = field(repr=False)
    expect: Expectation | None
    """None for an ``inv`` case whose label its author did not give."""
    changed: str = field(default="", repr=False)
    """The changed text (``dir`` only)."""
    names: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Names of persons and companies in the text, and others to put in their place (``inv`` only)."""
    cities: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The same for places."""

    @property
    def mood(self) -> str:
        """The label that its author gave an ``inv`` text, if it is a single one."""
        return self.expect.labels[0] if isinstance(self.expect, IsOneOf) and len(self.expect.labels) == 1 else ""


Suite = Sequence[Case]
_KEYS = {
    Type.MFT: {"id", "lang", "type", "capability", "text", "expect"},
    Type.INV: {"id", "lang", "type", "text", "expect", "names", "cities"},
    Type.DIR: {"id", "lang", "type", "capability", "text", "changed", "expect"},
}


def texts_of_suite(suite: Suite) -> list[str]:
    """Give every text that an author wrote."""
    return [text for case in suite for text in (case.text, case.changed) if text]


def case_from_record(record: Mapping[str, Any], taxonomy: Taxonomy) -> Case:
    """Read one record.

    Raises:
        DataError: a key is missing, unknown or of another form, or the taxonomy does not have what is expected.
    """
    kind = _type(record)
    for key in record:
        if key not in _KEYS[kind]:
            near = nearest(str(key), sorted(_KEYS[kind]))
            raise DataError(f"unknown key {str(key)[:40]!r} of {kind} cases{near}; known: {', '.join(_order(kind))}")
    identity, lang, text = (_string(record, key, kind) for key in ("id", "lang", "text"))
    capability = "" if kind is Type.INV else _string(record, "capability", kind)
    changed = _string(record, "changed", kind) if kind is Type.DIR else ""
    if changed == text:
        raise DataError('"changed" is the same as "text"; expected the text with something added or taken away')
    names, cities = (_swaps(record, key, text) for key in ("names", "cities"))
    expect = _expectation(record, kind, taxonomy)
    return Case(identity, lang, kind, capability, text, expect, changed, names, cities)


def _type(record: Mapping[str, Any]) -> Type:
    value = record.get("type")
    if value not in [kind.value for kind in _KEYS]:
        got = "missing" if value is None else f"{str(value)[:40]!r}"
        raise DataError(f'"type" is {got}, expected one of: {", ".join(_KEYS)}')
    return Type(value)


def _expectation(record: Mapping[str, Any], kind: Type, taxonomy: Taxonomy) -> Expectation | None:
    try:
        if kind is Type.DIR:
            return expectation_of_change(taxonomy, record.get("expect"))
        if kind is Type.INV and record.get("expect") is None:
            return None
        expect = expectation_of_text(taxonomy, record.get("expect"))
    except TaxonomyError as error:
        raise DataError(str(error)) from error
    if kind is Type.INV and not has_score(taxonomy[expect.facet]):
        raise DataError(f"expect of an inv case speaks of {expect.facet}; expected a facet with a score, or none")
    return expect


def _string(record: Mapping[str, Any], key: str, kind: Type) -> str:
    value = record.get(key)
    if not isinstance(value, str) or not value.strip():
        got = "missing" if value is None else "empty" if isinstance(value, str) else kind_of(value)
        raise DataError(f'"{key}" is {got}; expected a string; {kind} cases have: {", ".join(_order(kind))}')
    return value


def _swaps(record: Mapping[str, Any], key: str, text: str) -> dict[str, str]:
    value = record.get(key, {})
    if not isinstance(value, dict) or not all(isinstance(name, str) and name for name in value.values()):
        raise DataError(f'"{key}" is not an object of names, such as {{"Kari": "Amina"}}')
    for name in value:
        if name not in text:
            raise DataError(f'"{key}" has {name[:40]!r}, which the text does not name; correct or remove it')
    return dict(value)


def _order(kind: Type) -> list[str]:
    return [key for key in ("id", "lang", "type", "capability", "text", "changed", "expect", "names", "cities")
            if key in _KEYS[kind]]  # fmt: skip
