"""One labelled review."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cxnlp.errors import DataError, TaxonomyError
from cxnlp.taxonomy import Facet, FacetValue, Kind, Taxonomy, check_labels


@dataclass(frozen=True)
class Review:
    """A review and what is known of its labels; a facet that is not in ``labels`` is unknown, not negative."""

    id: str
    text: str
    lang: str = ""
    labels: Mapping[str, FacetValue] = field(default_factory=dict)
    source: str = ""
    """The data set that it comes from; scores can be given per source."""


def review_from_record(record: Mapping[str, Any], taxonomy: Taxonomy, source: str = "", number: int = 0) -> Review:
    """Read one record of a JSONL file: ``text``, optionally ``id`` and ``lang``, and one key per facet.

    Raises:
        DataError: no text, or labels that the taxonomy does not have.
    """
    text = record.get("text")
    if not isinstance(text, str):
        keys = ", ".join(sorted(map(str, record)))[:200]
        raise DataError(f'no "text" (a string); the record has: {keys or "nothing"}')
    try:
        labels = {
            facet.name: _value(taxonomy, facet, record[facet.name])
            for facet in taxonomy.answers
            if record.get(facet.name) is not None
        }
    except TaxonomyError as error:
        raise DataError(str(error)) from error
    identity = record.get("id")
    return Review(
        str(identity if identity is not None else number), text, str(record.get("lang") or ""), labels, source
    )


def _value(taxonomy: Taxonomy, facet: Facet, value: object) -> FacetValue:
    present = check_labels(taxonomy, facet, value)
    if facet.kind is Kind.ONE_OF:
        return next(iter(present))
    if facet.name in taxonomy.polarity_of:
        return present
    return tuple(present)
