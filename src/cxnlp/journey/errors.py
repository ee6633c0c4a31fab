"""The model's known errors, from the figures that ``cxnlp evaluate --json`` wrote, and shares without them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxnlp.errors import DataError
from cxnlp.evaluation.intervals import corrected_share
from cxnlp.evaluation.report import ALL
from cxnlp.journey.frame import Frame
from cxnlp.journey.result import Corrected, share


@dataclass(frozen=True)
class Errors:
    """What is known of a model's errors: for each label how many reviews have it, were given it, and both."""

    name: str
    reviews: int
    labels: Mapping[str, Mapping[str, tuple[int, int, int]]]
    """Table (a facet, or the name of a main label) to label to (gold, predicted, right)."""
    known: Mapping[str, int]
    """Table to the reviews that were labelled in it."""


def read_errors(path: Path) -> Errors:
    """Read the file of ``cxnlp evaluate --json``.

    Raises:
        DataError: it cannot be read, or is no such file.
    """
    expected = "expected the file of cxnlp evaluate --json; give that"
    try:
        found = json.loads(path.read_text("utf-8"))
        tables = {table: slices[ALL] for table, slices in found["labels"].items() if ALL in slices}
        labels = {table: {label: _counts(one) for label, one in scores.items()} for table, scores in tables.items()}
        known = {facet: _support(figures) for facet, figures in found["figures"].items()}
        return Errors(path.name, int(found["reviews"][ALL]), labels, known)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); {expected}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DataError(f"{path}: no figures of labels in it; {expected}") from error


def _counts(score: Mapping[str, Any]) -> tuple[int, int, int]:
    gold, predicted = int(score["support"]), int(score["predicted"])
    # The recall of a label that no review has is undefined, and null.
    return gold, predicted, round(float(score["recall"] or 0) * gold)


def _support(figures: Mapping[str, Any]) -> int:
    first = next(iter(figures.values()))
    return int(first[ALL]["support"])


def corrected(frame: Frame, errors: Errors) -> list[Corrected]:
    """Give the share of every verdict, touchpoint and phase with the model's errors taken out.

    Labels that the evaluation set does not have, or whose rates of error leave nothing to tell, have NaN.
    """
    out = []
    for facet, table, label, hits in _said(frame):
        if label not in errors.labels.get(table, {}):
            continue
        gold, predicted, right = errors.labels[table][label]
        others = errors.known.get(facet, errors.reviews) - gold
        refused = others - (predicted - right)
        value, low, high = corrected_share((hits, frame.n), (right, gold), (max(0, refused), others))
        out.append(Corrected(facet, label, share(hits, frame.n), value, low, high, gold))
    return out


def _said(frame: Frame) -> Iterator[tuple[str, str, str, int]]:
    """Yield facet, table of the evaluation, label, and the reviews that were given it."""
    parts = frame.parts
    if parts.verdict:
        for label in parts.verdict.labels:
            yield parts.verdict.name, parts.verdict.name, label, int(frame.says(label).sum())
    for i, label in enumerate(parts.touchpoints.labels):
        yield parts.touchpoints.name, parts.touchpoints.name, label, int(frame.mentioned[:, i].sum())
    if parts.phases:
        table = parts.phases.main or parts.phases.name
        for i, label in enumerate(parts.phase_labels):
            yield parts.phases.name, table, label, int(frame.phases[:, i].sum())
