"""Labels of reviews as numbers to learn from. Missing is not negative: what is not labelled is masked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.errors import TaxonomyError, nearest
from cxnlp.taxonomy.facets import Facet, FacetValue, Kind, Taxonomy


@dataclass(frozen=True)
class Targets:
    """What the logits of n reviews should say.

    Shapes: ``values`` and ``mask`` (n, l) float32; ``main`` (n, facets with a main label) int64, -1 where unknown.
    """

    values: npt.NDArray[np.float32]
    mask: npt.NDArray[np.float32]
    main: npt.NDArray[np.int64]


def encode_labels(taxonomy: Taxonomy, reviews: Sequence[Mapping[str, FacetValue]]) -> Targets:
    """Lay the labels of reviews on the taxonomy's axis; a facet that a review lacks is masked.

    Raises:
        TaxonomyError: a label that the taxonomy does not have.
    """
    n = len(reviews)
    values = np.zeros((n, taxonomy.n_logits), np.float32)
    mask = np.zeros((n, taxonomy.n_logits), np.float32)
    main = np.full((n, len(taxonomy.main_facets)), -1, np.int64)
    for row, labels in enumerate(reviews):
        for facet in taxonomy.answers:
            if facet.name not in labels:
                continue
            where = taxonomy.slices[facet.name]
            present = check_labels(taxonomy, facet, labels[facet.name])
            mask[row, where] = 1
            values[row, [where.start + facet.labels.index(label) for label in present]] = 1
            if facet.main and present:
                main[row, taxonomy.main_facets.index(facet)] = facet.labels.index(next(iter(present)))
            _encode_polarity(taxonomy, facet, present, values[row], mask[row])
    return Targets(values, mask, main)


def _encode_polarity(
    taxonomy: Taxonomy,
    facet: Facet,
    present: Mapping[str, str],
    values: npt.NDArray[np.float32],
    mask: npt.NDArray[np.float32],
) -> None:
    polarity = taxonomy.polarity_of.get(facet.name)
    if polarity is None:
        return
    for label, value in present.items():
        if value:
            start = taxonomy.slices[polarity.name].start + facet.labels.index(label) * len(polarity.labels)
            mask[start : start + len(polarity.labels)] = 1
            values[start + polarity.labels.index(value)] = 1


def check_labels(taxonomy: Taxonomy, facet: Facet, value: object) -> dict[str, str]:
    """Give the labels in ``value``, in order, each with its polarity (empty where there is none).

    Raises:
        TaxonomyError: the value is not of the facet's form, or names an unknown label or polarity.
    """
    polarity = taxonomy.polarity_of.get(facet.name)
    if facet.kind is Kind.ONE_OF:
        if not isinstance(value, str):
            raise TaxonomyError(f"{facet.name} is {_kind_of(value)}, expected one label")
        present = {value: ""}
    elif isinstance(value, Mapping) and polarity:
        present = {str(label): "" if p is None else str(p) for label, p in value.items()}
    elif isinstance(value, list | tuple) and all(isinstance(label, str) for label in value):
        present = dict.fromkeys(value, "")
    else:
        form = "{label: polarity} or a list of labels" if polarity else "a list of labels"
        raise TaxonomyError(f"{facet.name} is {_kind_of(value)}, expected {form}")
    for label, p in present.items():
        if label not in facet.labels:
            hint = nearest(label, list(facet.labels))
            if not hint and len(facet.labels) <= _FEW:
                hint = f"; expected one of {', '.join(facet.labels)}"
            raise TaxonomyError(f"unknown label {_shown(label)} in {facet.name}{hint}")
        if p and polarity and p not in polarity.labels:
            raise TaxonomyError(
                f"unknown polarity {_shown(p)} of {label!r}, expected one of {', '.join(polarity.labels)}"
                f"{nearest(p, list(polarity.labels))}"
            )
    if facet.main and not present:
        raise TaxonomyError(f"{facet.name} is empty, expected at least one label, the main one first")
    return present


# As many labels can be read in a message.
_FEW = 8


def _shown(name: str) -> str:
    # What is longer than any label may be the review itself, which no message shows.
    return repr(name) if len(name) <= 40 else f"of {len(name)} characters"


def _kind_of(value: object) -> str:
    return "missing" if value is None else f"of type {type(value).__name__}"
