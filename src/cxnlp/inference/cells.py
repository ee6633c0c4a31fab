"""A prediction as the cells of a table, for any taxonomy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cxnlp.inference.prediction import Prediction, has_score
from cxnlp.taxonomy import Taxonomy

PREFIX = "cx_"
SEPARATOR = "; "


def cell_columns(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Name the columns: ``cx_language``, those of each facet, ``cx_confidence``, ``cx_flags``."""
    names = ["language"]
    for facet in taxonomy.answers:
        if facet.main:
            names.append(facet.main)
        names.append(facet.name)
        if has_score(facet):
            names.append(f"{facet.name}_score")
        if facet.rollup:
            names.append(facet.rollup.name)
    return tuple(PREFIX + name for name in [*names, "confidence", "flags"])


def cells(taxonomy: Taxonomy, prediction: Prediction | None, flags: Sequence[str]) -> dict[str, str]:
    """Give the cells of one row; the labels are empty if there was nothing to read."""
    out = dict.fromkeys(cell_columns(taxonomy), "")
    out[f"{PREFIX}flags"] = SEPARATOR.join(flags)
    if prediction is None:
        return out
    out[f"{PREFIX}language"] = prediction.language
    if prediction.empty:
        return out
    for facet in taxonomy.answers:
        value = prediction.labels[facet.name]
        if isinstance(value, str):
            out[PREFIX + facet.name] = value
        elif isinstance(value, Mapping):
            out[PREFIX + facet.name] = SEPARATOR.join(f"{label}:{polarity}" for label, polarity in value.items())
        else:
            out[PREFIX + facet.name] = SEPARATOR.join(value)
        if facet.main:
            out[PREFIX + facet.main] = next(iter(value))
        if (score := prediction.score(facet.name)) is not None:
            out[f"{PREFIX}{facet.name}_score"] = f"{score:.4f}"
        if facet.rollup:
            out[PREFIX + facet.rollup.name] = prediction.rollup(facet.name) or ""
    out[f"{PREFIX}confidence"] = f"{prediction.confidence:.4f}"
    return out
