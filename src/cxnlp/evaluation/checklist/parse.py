"""From the ``expect`` of a record to an expectation, checked against a taxonomy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cxnlp.errors import TaxonomyError, kind_of, nearest
from cxnlp.evaluation.checklist.expect import Adds, Expectation, IsOneOf, Moves, Names, NamesNothing
from cxnlp.inference.prediction import has_score
from cxnlp.taxonomy import Facet, Kind, Taxonomy

ABSENT = "absent"
"""Key beside a facet's: labels that must not be given."""
_DIRECTIONS = {"not_higher": False, "not_lower": True}


def expectation_of_text(taxonomy: Taxonomy, expect: object) -> Expectation:
    """Read what a single text must be labelled with, such as ``{"sentiment": "negative"}``.

    Raises:
        TaxonomyError: it is of another form, or names what the taxonomy does not have.
    """
    facet, value, absent = _parts(taxonomy, expect)
    if facet.kind is Kind.ONE_OF or facet.main:
        if absent:
            raise TaxonomyError(f'"{ABSENT}" does not go with {facet.name}, which has one label; leave it out')
        return IsOneOf(facet.name, _labels(facet, value))
    if not value and not absent:
        return NamesNothing(facet.name)
    return Names(facet.name, _present(taxonomy, facet, value or {}), absent)


def expectation_of_change(taxonomy: Taxonomy, expect: object) -> Expectation:
    """Read how an answer must change: ``{"sentiment": "not_lower"}``, or ``{"touchpoints": {"app": "negative"}}``.

    Raises:
        TaxonomyError: it is of another form, or names what the taxonomy does not have.
    """
    facet, value, absent = _parts(taxonomy, expect)
    if has_score(facet):
        if not isinstance(value, str) or value not in _DIRECTIONS:
            expected = " or ".join(repr(name) for name in _DIRECTIONS)
            raise TaxonomyError(f"expect of {facet.name} is {_short(value)}, expected {expected}")
        return Moves(facet.name, _DIRECTIONS[value])
    if facet.kind is Kind.ONE_OF or absent:
        raise TaxonomyError(f"no direction is known for {facet.name}; expected a facet with a score, or one of labels")
    present = _present(taxonomy, facet, value)
    if not present:
        raise TaxonomyError(f"expect of {facet.name} names no label; expected those that the change adds")
    return Adds(facet.name, present)


def _parts(taxonomy: Taxonomy, expect: object) -> tuple[Facet, object, tuple[str, ...]]:
    """The one facet that is spoken of, what is expected of it, and what must be absent."""
    if not isinstance(expect, Mapping):
        raise TaxonomyError('no "expect" (an object), such as {"sentiment": "negative"}')
    names = [facet.name for facet in taxonomy.answers]
    given = [str(name) for name in expect if name != ABSENT]
    if len(given) != 1:
        raise TaxonomyError(f"expect speaks of {len(given)} facets, expected exactly one of: {', '.join(names)}")
    (name,) = given
    if name not in names:
        raise TaxonomyError(f"unknown facet {_short(name)}{nearest(name, names)}; there are: {', '.join(names)}")
    facet = taxonomy[name]
    absent = _labels(facet, expect[ABSENT]) if ABSENT in expect else ()
    return facet, expect[name], absent


def _labels(facet: Facet, value: object) -> tuple[str, ...]:
    """One label, or some of which any will do."""
    labels: Sequence[object] = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    if not labels:
        raise TaxonomyError(f"{facet.name}: expected a label or a list of labels, got {_short(value)}")
    return tuple(_known(str(label), facet) for label in labels)


def _present(taxonomy: Taxonomy, facet: Facet, value: object) -> dict[str, tuple[str, ...]]:
    """Labels, each with the polarities that will do."""
    if isinstance(value, list):
        return {_known(str(label), facet): () for label in value}
    if not isinstance(value, Mapping):
        raise TaxonomyError(f"{facet.name}: expected labels, got {_short(value)}")
    polarity = taxonomy.polarity_of.get(facet.name)
    present: dict[str, tuple[str, ...]] = {}
    for label, allowed in value.items():
        if allowed is not None and polarity is None:
            raise TaxonomyError(f"{facet.name} has no polarity; give a list of its labels")
        present[_known(str(label), facet)] = _labels(polarity, allowed) if allowed is not None and polarity else ()
    return present


def _known(label: str, facet: Facet) -> str:
    if label not in facet.labels:
        raise TaxonomyError(f"unknown label {_short(label)} in {facet.name}{nearest(label, list(facet.labels))}")
    return label


def _short(value: object) -> str:
    # What is longer than any label may be a text, which no message shows.
    shown = repr(value)
    return shown if len(shown) <= 42 else f"{kind_of(value)} of {len(shown)} characters"
