"""A prediction as the cells of a table, for any taxonomy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cxnlp.inference.prediction import Prediction, has_score, record_keys
from cxnlp.taxonomy import Taxonomy

PREFIX = "cx_"
SEPARATOR = "; "
DECIMALS = 4
"""Decimal places of scores and confidence."""


def cell_columns(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Name the columns: ``cx_language``, those of each facet, ``cx_confidence``, ``cx_flags``."""
    return tuple(PREFIX + name for name in record_keys(taxonomy) if name != "probabilities")


def number_columns(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Name the columns that hold numbers."""
    scores = [f"{PREFIX}{facet.name}_score" for facet in taxonomy.answers if has_score(facet)]
    return (*scores, f"{PREFIX}confidence")


def values(taxonomy: Taxonomy, prediction: Prediction | None, flags: Sequence[str]) -> dict[str, str | float | None]:
    """Give the values of one row; labels are empty, and numbers None, if there was nothing to read."""
    out: dict[str, str | float | None] = dict.fromkeys(cell_columns(taxonomy), "")
    out |= dict.fromkeys(number_columns(taxonomy))
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
            out[f"{PREFIX}{facet.name}_score"] = round(score, DECIMALS)
        if facet.rollup:
            out[PREFIX + facet.rollup.name] = prediction.rollup(facet.name) or ""
    out[f"{PREFIX}confidence"] = round(prediction.confidence, DECIMALS)
    return out


def cells(taxonomy: Taxonomy, prediction: Prediction | None, flags: Sequence[str]) -> dict[str, str]:
    """Give the cells of one row as text, numbers with four decimals."""
    found = values(taxonomy, prediction, flags)
    return {name: _cell(value) for name, value in found.items()}


def _cell(value: str | float | None) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else f"{value:.{DECIMALS}f}"
