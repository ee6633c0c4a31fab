"""Decide among some labels only: for data that knows fewer labels than the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.errors import DataError, SettingsError, nearest
from cxnlp.taxonomy import Facet, Kind, Taxonomy, check_labels

Floats = npt.NDArray[np.float32]
Only = Mapping[str, Sequence[str]]
"""Facet to the labels that may be given."""


def restrict(taxonomy: Taxonomy, probs: Floats, only: Only) -> Floats:
    """Give probabilities (n, l) as if the facets in ``only`` had just those labels.

    The other labels get 0. Where labels exclude each other (``one_of``, ``polarity``) the allowed ones are scaled to
    sum to 1; in an ``any_of`` facet they stay as they are.

    Raises:
        SettingsError: ``only`` names a facet or label that the taxonomy does not have, or no label.
    """
    out = np.array(probs, np.float32)
    for name, labels in only.items():
        facet = _checked(taxonomy, name, labels)
        allowed = np.array([label in labels for label in facet.labels])
        where = taxonomy.slices[name]
        groups = out[:, where].reshape(len(out), -1, len(facet.labels)).astype(np.float64)  # (n, groups, labels)
        if facet.kind is not Kind.ANY_OF:
            # An allowed label that underflowed to 0 must still beat one that is not allowed.
            groups = np.maximum(groups, np.finfo(np.float32).tiny)
        groups = groups * allowed
        if facet.kind is not Kind.ANY_OF:
            groups /= groups.sum(axis=2, keepdims=True)
        out[:, where] = groups.reshape(len(out), -1)
    return out


def check_only(taxonomy: Taxonomy, reviews: Sequence[Review], only: Only) -> None:
    """Refuse ``only`` where gold labels lie outside it, as the figures would then mean nothing.

    Raises:
        SettingsError: ``only`` names a facet or label that the taxonomy does not have, or no label.
        DataError: a gold label lies outside.
    """
    for name, labels in only.items():
        facet = _checked(taxonomy, name, labels)
        outside = [x for review in reviews for x in _gold(taxonomy, facet, review) if x and x not in labels]
        if outside:
            raise DataError(
                f"{len(outside)} gold labels of {name} lie outside {', '.join(labels)}, the first is {outside[0]!r}; "
                "allow it too, or leave those reviews out"
            )


def _gold(taxonomy: Taxonomy, facet: Facet, review: Review) -> Sequence[str]:
    answer = taxonomy[facet.of] if facet.of else facet
    if answer.name not in review.labels:
        return ()
    present = check_labels(taxonomy, answer, review.labels[answer.name])
    return list(present.values() if facet.of else present)


def _checked(taxonomy: Taxonomy, name: str, labels: Sequence[str]) -> Facet:
    names = [facet.name for facet in taxonomy.facets]
    if name not in names:
        raise SettingsError(f"unknown facet {name!r}{nearest(name, names)}; there are: {', '.join(names)}")
    facet = taxonomy[name]
    if not labels:
        raise SettingsError(f"no labels given for {name!r}; expected some of: {', '.join(facet.labels)}")
    for label in labels:
        if label not in facet.labels:
            hint = nearest(label, list(facet.labels))
            raise SettingsError(f"unknown label {label!r} of {name!r}{hint}; there are: {', '.join(facet.labels)}")
    return facet
