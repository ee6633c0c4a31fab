"""The reviews that the page shows: read again from the file, masked, with the sentences behind their touchpoints."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from cxnlp.data.kinds import as_text
from cxnlp.inference.evidence import SentenceScorer, find_evidence
from cxnlp.inference.prediction import Prediction
from cxnlp.inference.scored_cells import Ranges
from cxnlp.journey.passages import Passage, masked_passage
from cxnlp.journey.rows import ReviewRow, ScoredFile
from cxnlp.taxonomy import FacetValue
from cxnlp.text.shorten import shorten

MAX_CHARS = 1200
"""Characters of a review that a page shows."""
_RATING_CHARS = 20

FILE, MODEL, NONE = "file", "model", ""
"""Where the marked sentences come from."""


@dataclass(frozen=True)
class Shown:
    """One review of the page."""

    line: int
    """Line or row of the file."""
    passage: Passage | None
    """None without texts."""
    rating: str
    """As the file has it."""
    review: ReviewRow


@dataclass(frozen=True)
class ShownReviews:
    """The reviews of the page by their place in the list of reviews."""

    reviews: Mapping[int, Shown]
    evidence: str
    """``file``, ``model``, or empty where no sentence is marked."""


def read_shown(
    scored: ScoredFile,
    chosen: Sequence[int],
    *,
    with_text: bool,
    load: Callable[[], SentenceScorer] | None = None,
) -> ShownReviews:
    """Read the chosen reviews; ``load`` gives the model that finds sentences where the file has none.

    Raises:
        DataError: the file cannot be read.
        ExtraError: a package is missing that masks personal data, or that finds sentences.
    """
    with_text = with_text and scored.source.with_text
    wanted = {scored.reviews[i].line: i for i in chosen}
    rows = {wanted[line]: row for line, row in scored.source.at(wanted).items()}
    texts = {i: row.text or "" for i, row in rows.items()}
    marks = {i: row.evidence for i, row in rows.items()}
    in_file = scored.source.reader.has_evidence
    source = FILE if in_file and with_text else NONE
    if with_text and not in_file and load is not None and texts:
        marks, source = _found(scored, texts, load()), MODEL
    rating = scored.roles.get("rating", "")
    shown = {}
    for i, row in rows.items():
        passage = masked_passage(texts[i], marks[i], MAX_CHARS) if with_text else None
        rated = shorten(as_text(row.source.fields.get(rating)).strip(), _RATING_CHARS)
        shown[i] = Shown(row.line, passage, rated, scored.reviews[i])
    return ShownReviews(shown, source)


def _found(scored: ScoredFile, texts: Mapping[int, str], scorer: SentenceScorer) -> dict[int, Ranges]:
    order = list(texts)
    predictions = [_prediction(scored, scored.reviews[i]) for i in order]
    evidence = find_evidence(scorer, [texts[i] for i in order], predictions)
    return {i: {one.label: (one.start, one.end) for one in many} for i, many in zip(order, evidence, strict=True)}


def _prediction(scored: ScoredFile, review: ReviewRow) -> Prediction:
    """Give the labels of a row as evidence is found for; what the file does not say is not read there."""
    parts = scored.parts
    labels: dict[str, FacetValue] = {facet.name: () for facet in parts.taxonomy.answers}
    labels[parts.touchpoints.name] = dict(review.touchpoints)
    unknown = {parts.touchpoints.name: dict.fromkeys(review.touchpoints, math.nan)}
    return Prediction(parts.taxonomy, labels, unknown, review.confidence, language=review.language)
