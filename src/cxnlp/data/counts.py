"""How many: reviews by language and split, labels by language, polarities, and lengths."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cxnlp.data.review import Review
from cxnlp.data.splits import SPLITS
from cxnlp.taxonomy import Taxonomy
from cxnlp.text import clean

UNKNOWN = "?"
"""Stands for a language or polarity that is not given."""
QUANTILES = {"min": 0.0, "5%": 0.05, "25%": 0.25, "50%": 0.5, "75%": 0.75, "95%": 0.95, "max": 1.0}


@dataclass(frozen=True)
class Counts:
    """What a set of reviews holds. Languages stand in order of size."""

    languages: dict[str, int]
    """Language to reviews."""
    splits: dict[str, dict[str, int]]
    """Split to language to reviews."""
    labels: dict[str, dict[str, dict[str, int]]]
    """Facet to label to language to reviews, for every label of the taxonomy."""
    labelled: dict[str, dict[str, int]]
    """Facet to language to reviews in which that facet is known."""
    polarities: dict[str, dict[str, dict[str, int]]]
    """Facet that has a polarity to label to polarity to reviews."""
    words: dict[str, dict[str, int]]
    """Language to quantile to length in words."""

    def as_json(self) -> dict[str, Any]:
        """Give the counts as JSON can hold them."""
        return dataclasses.asdict(self)


def count(reviews: Sequence[Review], splits: Sequence[str], taxonomy: Taxonomy) -> Counts:
    """Count n reviews, each with the name of its split (n)."""
    languages = Counter(review.lang or UNKNOWN for review in reviews)
    order = [lang for lang, _ in languages.most_common()]
    by_split = {split: Counter[str]() for split in sorted(set(splits), key=_split_order)}
    labels = {facet.name: {label: Counter[str]() for label in facet.labels} for facet in taxonomy.answers}
    labelled = {facet.name: Counter[str]() for facet in taxonomy.answers}
    polarities = {name: {label: Counter[str]() for label in taxonomy[name].labels} for name in taxonomy.polarity_of}
    for review, split in zip(reviews, splits, strict=True):
        lang = review.lang or UNKNOWN
        by_split[split][lang] += 1
        for name, value in review.labels.items():
            labelled[name][lang] += 1
            for label in [value] if isinstance(value, str) else value:
                labels[name][label][lang] += 1
            if isinstance(value, dict):
                for label, polarity in value.items():
                    polarities[name][label][polarity or UNKNOWN] += 1
    return Counts(
        languages={lang: languages[lang] for lang in order},
        splits={split: _ordered(counts, order) for split, counts in by_split.items()},
        labels={name: {label: _ordered(c, order) for label, c in table.items()} for name, table in labels.items()},
        labelled={name: _ordered(counts, order) for name, counts in labelled.items()},
        polarities={
            name: {label: _ordered(c, [*taxonomy.polarity_of[name].labels, UNKNOWN]) for label, c in table.items()}
            for name, table in polarities.items()
        },
        words=_lengths(reviews, order),
    )


def _split_order(split: str) -> tuple[int, str]:
    return (SPLITS.index(split) if split in SPLITS else len(SPLITS), split)


def _ordered(counts: Counter[str], order: Sequence[str]) -> dict[str, int]:
    return {key: counts[key] for key in order if counts[key]}


def _lengths(reviews: Sequence[Review], languages: Sequence[str]) -> dict[str, dict[str, int]]:
    lengths: dict[str, list[int]] = {lang: [] for lang in languages}
    for review in reviews:
        lengths[review.lang or UNKNOWN].append(len(clean(review.text).split()))
    # A length that occurs, not one between two that do.
    return {
        lang: {name: int(np.quantile(values, q, method="inverted_cdf")) for name, q in QUANTILES.items()}
        for lang, values in lengths.items()
    }
