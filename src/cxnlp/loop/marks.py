"""What a person ticks of one facet, in whatever tool, and the label, labels or polarities that it stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cxnlp.errors import DataError, TaxonomyError
from cxnlp.taxonomy import Facet, FacetValue, Kind, Taxonomy, check_labels

NONE = "=none"
"""Stands in tools for "none of these": no answer is not the same. No label holds an equals sign."""
NONE_SHOWN = "none of these"


@dataclass(frozen=True)
class Marks:
    """What is ticked of one facet. Nothing at all means that the question was not answered."""

    labels: tuple[str, ...] = ()
    none: bool = False
    """Whether "none of these" is ticked."""
    polarities: tuple[tuple[str, str], ...] = ()
    """Pairs of a label and its polarity; each stands for its label too."""
    main: tuple[str, ...] = ()
    """What is ticked where the tool asks for the main label."""


def has_none(facet: Facet) -> bool:
    """Whether "none of these" is an answer to the facet: to ``any_of``, unless it has a main label."""
    return facet.kind is Kind.ANY_OF and not facet.main


def marks_of(facet: Facet, value: FacetValue) -> Marks:
    """Give the marks that stand for a value of the facet."""
    if isinstance(value, str):
        return Marks((value,))
    if not value:
        return Marks(none=True)
    if isinstance(value, dict):
        return Marks(tuple(value), polarities=tuple((label, p) for label, p in value.items() if p))
    return Marks(value, main=value[:1] if facet.main else ())


def value_of(taxonomy: Taxonomy, facet: Facet, marks: Marks) -> FacetValue | None:
    """Give the value that marks stand for, the main label first; None where nothing is ticked.

    Raises:
        DataError: marks that contradict each other.
        TaxonomyError: a label that the taxonomy does not have.
    """
    polarities = dict(marks.polarities)
    chosen = tuple(dict.fromkeys((*marks.main, *marks.labels, *polarities)))
    if marks.none and chosen:
        raise DataError(f'{facet.name} has labels and "{NONE_SHOWN}"; expected one or the other')
    if facet.kind is Kind.ONE_OF and len(chosen) > 1:
        raise DataError(f"{facet.name} has {len(chosen)} labels, expected one")
    if len(set(marks.main)) > 1:
        raise DataError(f"{facet.main} has {len(set(marks.main))} labels, expected one")
    if facet.main and len(chosen) > 1 and not marks.main:
        raise DataError(f"{facet.name} has {len(chosen)} labels and none under {facet.main}, which names the main one")
    twice = next((label for label, polarity in marks.polarities if polarities[label] != polarity), None)
    if twice is not None:
        raise DataError(f"{facet.name} has a label with two polarities, expected one")
    if not chosen and not marks.none:
        return None
    value: FacetValue = chosen
    if facet.kind is Kind.ONE_OF:
        value = chosen[0]
    elif facet.name in taxonomy.polarity_of:
        value = {label: polarities.get(label, "") for label in chosen}
    check_labels(taxonomy, facet, value)
    return value


def labels_of(taxonomy: Taxonomy, marks: Mapping[str, Marks], refuse: Callable[[str], None]) -> dict[str, FacetValue]:
    """Give the labels of all facets that were answered; a facet whose marks cannot be used is told to ``refuse``.

    A part of a facet is never taken for the whole: one label that cannot be read leaves the facet unknown.
    """
    labels: dict[str, FacetValue] = {}
    for facet in taxonomy.answers:
        try:
            value = value_of(taxonomy, facet, marks.get(facet.name, Marks()))
        except (DataError, TaxonomyError) as error:
            refuse(str(error))
            continue
        if value is not None:
            labels[facet.name] = value
    return labels
