"""One labelled review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cxnlp.errors import DataError, TaxonomyError
from cxnlp.taxonomy import Facet, FacetValue, Kind, Taxonomy, check_labels
from cxnlp.text.counted import counted

TODO = "todo"
"""The key of a record that names the facets which a person has still to label."""


@dataclass(frozen=True)
class Review:
    """A review and what is known of its labels; a facet that is not in ``labels`` is unknown, not negative."""

    id: str
    text: str
    lang: str = ""
    labels: Mapping[str, FacetValue] = field(default_factory=dict)
    source: str = ""
    """The data set that it comes from; scores can be given per source."""
    unfinished: tuple[str, ...] = ()
    """Facets that its record's ``todo`` names: unknown, whatever stands there so far."""


def named_in_todo(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Give what a record's ``todo`` names: its keys, where it is an object (name to reason), or its items."""
    named = record.get(TODO)
    if isinstance(named, str):
        return (named,)
    return tuple(map(str, named)) if isinstance(named, Mapping | list) else ()


def unfinished_note(reviews: Iterable[Review]) -> str:
    """Say of how many reviews which facets are still to be labelled; empty if of none."""
    found = [review.unfinished for review in reviews if review.unfinished]
    if not found:
        return ""
    facets = Counter(name for names in found for name in names)
    listed = ", ".join(f"{name} {n:,}" for name, n in facets.items())
    what = f"{counted(len(found), 'review')} {'is' if len(found) == 1 else 'are'} still to be labelled"
    return f"{what}, as {'its' if len(found) == 1 else 'their'} {TODO} says ({listed}); these facets count as unknown"


def review_from_record(record: Mapping[str, Any], taxonomy: Taxonomy, source: str = "", number: int = 0) -> Review:
    """Read one record of a JSONL file: ``text``, optionally ``id`` and ``lang``, and one key per facet.

    A facet that the record's ``todo`` names is unknown: what stands there is not complete.

    Raises:
        DataError: no text, or labels that the taxonomy does not have.
    """
    text = record.get("text")
    if not isinstance(text, str):
        keys = ", ".join(sorted(map(str, record)))[:200]
        raise DataError(f'no "text" (a string); the record has: {keys or "nothing"}')
    named = named_in_todo(record)
    unfinished = tuple(facet.name for facet in taxonomy.answers if facet.name in named)
    try:
        labels = {
            facet.name: _value(taxonomy, facet, record[facet.name])
            for facet in taxonomy.answers
            if record.get(facet.name) is not None and facet.name not in unfinished
        }
    except TaxonomyError as error:
        raise DataError(str(error)) from error
    identity = record.get("id")
    name = str(identity if identity is not None else number)
    return Review(name, text, str(record.get("lang") or ""), labels, source, unfinished)


def _value(taxonomy: Taxonomy, facet: Facet, value: object) -> FacetValue:
    present = check_labels(taxonomy, facet, value)
    if facet.kind is Kind.ONE_OF:
        return next(iter(present))
    if facet.name in taxonomy.polarity_of:
        return present
    return tuple(present)
