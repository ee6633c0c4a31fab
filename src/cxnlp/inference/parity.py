"""How many labels a faster engine changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cxnlp.taxonomy import FacetValue, Taxonomy

Labels = Mapping[str, FacetValue]


def label_changes(taxonomy: Taxonomy, expected: Sequence[Labels], found: Sequence[Labels]) -> float:
    """Give the share of labels that differ: those that only one side gives, among those that either gives.

    A label is a ``one_of`` choice (which counts once, changed or not), an ``any_of`` label, the polarity of a label
    that both sides give, or the main label. Labels that neither side gives do not count, so that a long list of absent
    touchpoints cannot hide a difference.
    """
    changed = total = 0
    for a, b in zip(expected, found, strict=True):
        for facet in taxonomy.answers:
            x, y = a[facet.name], b[facet.name]
            if isinstance(x, str):
                changed += x != y
                total += 1
                continue
            changed += len(set(x) ^ set(y))
            total += len(set(x) | set(y))
            if isinstance(x, dict) and isinstance(y, dict):
                both = x.keys() & y.keys()
                changed += sum(x[label] != y[label] for label in both)
                total += len(both)
            elif facet.main:
                changed += next(iter(x)) != next(iter(y))
                total += 1
    return changed / total if total else 0.0
