"""Labels with polarities beside labels without: pairs such as ``staff/positive`` as labels of their own.

Figures of pairs, and classifiers that know no polarity, need them so. A review may praise and blame the same label;
the network's taxonomy gives a label one polarity, so such a one is unknown to it in training and still counts in the
figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cxnlp.taxonomy import Facet, FacetValue, Kind, Taxonomy

Labels = Mapping[str, FacetValue]


def pairs_name(facet: str) -> str:
    """Name the facet of pairs that belongs to a facet with polarity."""
    return f"{facet}_pairs"


def pair(label: str, polarity: str) -> str:
    """Name a label with its polarity."""
    return f"{label}/{polarity}"


def flat_taxonomy(taxonomy: Taxonomy) -> Taxonomy:
    """Give a taxonomy in which every polarity is an ``any_of`` facet of pairs."""
    facets = [_flat(taxonomy, facet) if facet.of else facet for facet in taxonomy.facets]
    return Taxonomy(f"{taxonomy.name}-flat", taxonomy.version, taxonomy.languages, tuple(facets), "")


def _flat(taxonomy: Taxonomy, facet: Facet) -> Facet:
    of = str(facet.of)
    labels = tuple(pair(label, polarity) for label in taxonomy[of].labels for polarity in facet.labels)
    return Facet(pairs_name(of), Kind.ANY_OF, labels, None, None, None)


def flatten(taxonomy: Taxonomy, labels: Labels) -> dict[str, FacetValue]:
    """Turn a record of labels into one of the flat taxonomy."""
    out: dict[str, FacetValue] = {}
    for name, value in labels.items():
        if name in taxonomy.polarity_of and isinstance(value, Mapping):
            out[name] = tuple(value)
            out[pairs_name(name)] = tuple(pair(label, polarity) for label, polarity in value.items() if polarity)
        else:
            out[name] = value
    return out


def nest(taxonomy: Taxonomy, labels: Labels) -> dict[str, FacetValue]:
    """Turn a record of the flat taxonomy into one to train on; a label with two polarities has none (unknown)."""
    out: dict[str, FacetValue] = {}
    for facet in taxonomy.answers:
        if facet.name not in labels:
            continue
        value = labels[facet.name]
        polarity = taxonomy.polarity_of.get(facet.name)
        if polarity is None or isinstance(value, str):
            out[facet.name] = value
            continue
        pairs = labels.get(pairs_name(facet.name), ())
        out[facet.name] = {label: _only_polarity(label, polarity.labels, pairs) for label in value}
    return out


def _only_polarity(label: str, polarities: Sequence[str], pairs: FacetValue) -> str:
    found = [polarity for polarity in polarities if pair(label, polarity) in pairs]
    return found[0] if len(found) == 1 else ""
