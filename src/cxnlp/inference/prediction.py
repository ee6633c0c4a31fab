"""What the model says of one review: a record of the same shape as a labelled review, with its probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cxnlp.taxonomy import Facet, FacetValue, Kind, Taxonomy

EMPTY = "empty"
"""Flag of a text without a single character to read; its labels are those of an empty input and mean nothing."""
OTHER_LANGUAGE = "other_language"
"""Flag of a text in a language that the model was not trained for; scored all the same."""
TRUNCATED = "truncated"
"""Flag of a text so long that only its first windows were scored."""

NEEDS_REVIEW = "needs_review"
"""Flag of a text whose labels are so uncertain that a person should look."""


def has_score(facet: Facet) -> bool:
    """Whether the facet has a score from −1 (negative) to 1 (positive)."""
    return facet.kind is Kind.ONE_OF and {"positive", "negative"} <= set(facet.labels)


def record_keys(taxonomy: Taxonomy) -> list[str]:
    """Name the fields of ``Prediction.as_record``, in their order."""
    keys = ["language"]
    for facet in taxonomy.answers:
        keys += [
            *([facet.main] if facet.main else []),
            facet.name,
            *([f"{facet.name}_score"] if has_score(facet) else []),
            *([facet.rollup.name] if facet.rollup else []),
        ]
    return [*keys, "confidence", "probabilities", "flags"]


@dataclass(frozen=True)
class Prediction:
    """The labels of one review.

    ``labels`` has the form of a review's labels: facet to label, labels, or label to polarity; the main one first, then
    the most probable.
    """

    taxonomy: Taxonomy = field(repr=False)
    labels: Mapping[str, FacetValue]
    probabilities: Mapping[str, Mapping[str, float]] = field(repr=False)
    """Facet to label to probability; for touchpoints, of being spoken of; ``polarity`` by ``touchpoint:polarity``."""
    confidence: float
    """Probability that the label of the first facet is right, as learnt on development reviews."""
    flags: tuple[str, ...] = ()
    language: str = ""
    """ISO 639-1 code, ``und`` where there are no words, empty where it was not asked for."""

    @property
    def empty(self) -> bool:
        """Whether there was nothing to read."""
        return EMPTY in self.flags

    @property
    def needs_review(self) -> bool:
        """Whether the labels are so uncertain that a person should look."""
        return NEEDS_REVIEW in self.flags

    @property
    def sentiment(self) -> str:
        """The sentiment of the whole review; empty, as all of the following, where there was nothing to read."""
        return "" if self.empty else str(self.labels["sentiment"])

    @property
    def sentiment_score(self) -> float:
        """P(positive) − P(negative), from −1 to 1; 0 where there was nothing to read."""
        return 0.0 if self.empty else self.score("sentiment") or 0.0

    @property
    def touchpoints(self) -> dict[str, str]:
        """Each touchpoint that the review speaks of, with its polarity."""
        value = {} if self.empty else self.labels["touchpoints"]
        return dict(value) if isinstance(value, dict) else dict.fromkeys(value, "")

    @property
    def phases(self) -> tuple[str, ...]:
        """The phases of the journey, the main one first."""
        return () if self.empty else tuple(self.labels["phases"])

    @property
    def phase(self) -> str:
        """The main phase of the journey."""
        return next(iter(self.phases), "")

    @property
    def stage(self) -> str:
        """The main phase in the four-phase model."""
        return "" if self.empty else self.rollup("phases") or ""

    def score(self, facet: str) -> float | None:
        """P(positive) − P(negative) of a ``one_of`` facet that has these labels, otherwise None."""
        if not has_score(self.taxonomy[facet]):
            return None
        return self.probabilities[facet]["positive"] - self.probabilities[facet]["negative"]

    def rollup(self, facet: str) -> str | None:
        """The coarser name of a facet's first label, or None where it has none."""
        rollup, value = self.taxonomy[facet].rollup, self.labels[facet]
        first = value if isinstance(value, str) else next(iter(value), None)
        return rollup.labels[first] if rollup and first is not None else None

    def as_record(self) -> dict[str, Any]:
        """Give the prediction as JSON can hold it: a corpus record's keys, then scores, probabilities and flags.

        Of an empty text all but language and flags is None: unknown, which a reader of labelled reviews takes it for.
        """
        if self.empty:
            return dict.fromkeys(record_keys(self.taxonomy)) | {"language": self.language, "flags": list(self.flags)}
        record: dict[str, Any] = {"language": self.language}
        for facet in self.taxonomy.answers:
            value = self.labels[facet.name]
            if facet.main:
                record[facet.main] = next(iter(value))
            record[facet.name] = list(value) if isinstance(value, tuple) else value
            if (score := self.score(facet.name)) is not None:
                record[f"{facet.name}_score"] = round(score, 4)
            if facet.rollup:
                record[facet.rollup.name] = self.rollup(facet.name)
        record["confidence"] = round(self.confidence, 4)
        record["probabilities"] = {
            facet: {label: round(p, 4) for label, p in values.items()} for facet, values in self.probabilities.items()
        }
        record["flags"] = list(self.flags)
        return record
