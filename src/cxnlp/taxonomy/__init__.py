"""Facets and labels, targets with masks, and the one way from logits to labels."""

from cxnlp.taxonomy.decide import Thresholds, decide, default_thresholds, probabilities
from cxnlp.taxonomy.facets import Facet, FacetValue, Kind, Rollup, Taxonomy
from cxnlp.taxonomy.load import load_taxonomy, parse_taxonomy
from cxnlp.taxonomy.targets import Targets, check_labels, encode_labels

__all__ = [
    "Facet", "FacetValue", "Kind", "Rollup", "Targets", "Taxonomy", "Thresholds",
    "check_labels", "decide", "default_thresholds", "encode_labels", "load_taxonomy", "parse_taxonomy", "probabilities",
]  # fmt: skip
