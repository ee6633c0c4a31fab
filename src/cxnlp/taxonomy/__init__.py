"""Facets and labels, targets with masks, and the one way from logits to labels."""

from cxnlp.taxonomy.decide import (
    Cutoffs,
    Thresholds,
    decide,
    default_thresholds,
    first_labels,
    probabilities,
    uncertain,
)  # fmt: skip
from cxnlp.taxonomy.facets import Facet, FacetValue, Kind, Rollup, Taxonomy
from cxnlp.taxonomy.load import load_taxonomy, parse_taxonomy
from cxnlp.taxonomy.scaling import Scaling, log_odds, log_probabilities, scale_probabilities
from cxnlp.taxonomy.targets import Targets, check_labels, encode_labels

__all__ = [
    "Cutoffs", "Facet", "FacetValue", "Kind", "Rollup", "Scaling", "Targets", "Taxonomy", "Thresholds", "check_labels",
    "decide", "default_thresholds", "encode_labels", "first_labels", "load_taxonomy", "log_odds", "log_probabilities",
    "parse_taxonomy", "probabilities", "scale_probabilities", "uncertain",
]  # fmt: skip
