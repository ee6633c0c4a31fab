"""How many label errors does `cxnlp data errors` find? Labels of a sample of the corpus are made wrong on purpose.

    python benchmarks/label_errors.py data/corpus/*.jsonl --reviews 2000 --seeds 3 --json errors.json

For each seed a sample is drawn from the training split, and in each facet 5 % of its reviews get one wrong label:
another one of a ``one_of`` facet; of an ``any_of`` facet a label taken away or one put in, as often the one as the
other; another polarity of one label. Then the likely errors are ranked. Precision at k is the share of the first k that
were made wrong, recall at k the share of those made wrong that are among the first k. Errors that were in the corpus
before count as false alarms, so precision is a lower bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from cxnlp.data import Review
from cxnlp.taxonomy import Facet, FacetValue, Kind, Taxonomy

Made = tuple[int, str, str, str]
"""Row, facet, the wrong label as it now stands and the right one, as `LabelError` has them."""


def flip(taxonomy: Taxonomy, reviews: Sequence[Review], share: float, seed: int) -> tuple[list[Review], set[Made]]:
    """Make labels wrong in a share of the reviews, facet by facet; give the reviews and what was made wrong."""
    rng = np.random.default_rng(seed)
    out = list(reviews)
    made: set[Made] = set()
    for facet in taxonomy.facets:
        name = facet.of or facet.name
        able = [i for i, review in enumerate(reviews) if _can(facet, review.labels.get(name))]
        for row in rng.choice(able, round(share * len(able)), replace=False):
            value, given, right = _wrong(facet, taxonomy, out[row].labels[name], rng)
            out[row] = replace(out[row], labels={**out[row].labels, name: value})
            made.add((int(row), facet.name, given, right))
    return out, made


def _can(facet: Facet, value: FacetValue | None) -> bool:
    if value is None:
        return False
    return facet.of is None or (isinstance(value, dict) and any(value.values()))


def _wrong(
    facet: Facet, taxonomy: Taxonomy, value: FacetValue, rng: np.random.Generator
) -> tuple[FacetValue, str, str]:
    """Give the value with one label made wrong, that label as it then stands, and the right one."""
    if isinstance(value, str):
        other = _one([label for label in facet.labels if label != value], rng)
        return other, other, value
    if facet.kind is Kind.POLARITY:
        assert isinstance(value, dict)
        label = _one([label for label, polarity in value.items() if polarity], rng)
        other = _one([polarity for polarity in facet.labels if polarity != value[label]], rng)
        return {**value, label: other}, f"{label}:{other}", f"{label}:{value[label]}"
    present, absent = list(value), [label for label in facet.labels if label not in value]
    least = 2 if facet.main else 1
    if len(present) >= least and (not absent or rng.random() < 0.5):
        gone = _one(present, rng)
        rest = (
            {k: v for k, v in value.items() if k != gone}
            if isinstance(value, dict)
            else tuple(label for label in value if label != gone)
        )
        return rest, "", gone
    more = _one(absent, rng)
    polarity = taxonomy.polarity_of.get(facet.name)
    if isinstance(value, dict) and polarity is not None:
        return {**value, more: _one(list(polarity.labels), rng)}, more, ""
    return (*value, more), more, ""


def _one(names: Sequence[str], rng: np.random.Generator) -> str:
    return names[int(rng.integers(len(names)))]
