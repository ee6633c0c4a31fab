"""The answers of a service as JSON Schema, exact to the label, made from the taxonomy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cxnlp.inference.labelling import NOT_SCORED
from cxnlp.inference.prediction import EMPTY, NEEDS_REVIEW, OTHER_LANGUAGE, TRUNCATED, has_score, record_keys
from cxnlp.taxonomy import Facet, Kind, Taxonomy

Schema = dict[str, Any]

_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
_LANGUAGE: Schema = {
    "type": "string",
    "description": "ISO 639-1; und: no words, or one or two that do not tell; empty: not asked for",
}
_ID: Schema = {"type": ["string", "null"], "description": "as it came with the review"}


def answer_schema(taxonomy: Taxonomy) -> Schema:
    """Describe the answer to a request: one entry for each review, in order."""
    choice = {"anyOf": [_prediction(taxonomy), _blank(taxonomy)]}
    return _object({"predictions": {"type": "array", "items": choice}}, "TagAnswer")


def _prediction(taxonomy: Taxonomy) -> Schema:
    properties: Schema = {"id": _ID, "language": _LANGUAGE}
    for facet in taxonomy.answers:
        if facet.main:
            properties[facet.main] = _enum(facet.labels, f"the main one of {facet.name}")
        properties[facet.name] = _labels(facet, taxonomy)
        if has_score(facet):
            about = "P(positive) − P(negative)"
            properties[f"{facet.name}_score"] = {"type": "number", "minimum": -1, "maximum": 1, "description": about}
        if facet.rollup:
            coarse = _enum(
                list(dict.fromkeys(facet.rollup.labels.values())), f"coarser name of the first of {facet.name}"
            )
            may_lack = facet.kind is Kind.ANY_OF and not facet.main
            properties[facet.rollup.name] = {"anyOf": [coarse, {"type": "null"}]} if may_lack else coarse
    properties["confidence"] = _SHARE | {"description": f"that {taxonomy.answers[0].name} is right"}
    properties["probabilities"] = _probabilities(taxonomy)
    properties["flags"] = _flags((NEEDS_REVIEW, OTHER_LANGUAGE, TRUNCATED))
    return _object(properties, "Prediction")


def _blank(taxonomy: Taxonomy) -> Schema:
    """Describe the answer to a review without a text to read, and to one that the model failed on: no labels."""
    properties: Schema = {"id": _ID} | {key: {"type": "null"} for key in record_keys(taxonomy)}
    properties["language"] = {"type": ["string", "null"]}
    properties["flags"] = _flags((EMPTY, NOT_SCORED, OTHER_LANGUAGE, TRUNCATED))
    return _object(properties, "Blank")


def _labels(facet: Facet, taxonomy: Taxonomy) -> Schema:
    if facet.kind is Kind.ONE_OF:
        return _enum(facet.labels)
    polarity = taxonomy.polarity_of.get(facet.name)
    if polarity is None:
        least = 1 if facet.main else 0
        return {"type": "array", "items": _enum(facet.labels), "minItems": least, "uniqueItems": True}
    return _object({label: _enum(polarity.labels) for label in facet.labels}) | {"required": []}


def _probabilities(taxonomy: Taxonomy) -> Schema:
    facets: Schema = {}
    for facet in taxonomy.facets:
        names = taxonomy.logit_names[taxonomy.slices[facet.name]]
        facets[facet.name] = _object({name.split("=", 1)[1]: _SHARE for name in names})
    return _object(facets)


def _enum(labels: Sequence[str], description: str = "") -> Schema:
    return {"type": "string", "enum": list(labels)} | ({"description": description} if description else {})


def _flags(known: Sequence[str]) -> Schema:
    return {"type": "array", "items": _enum(known), "uniqueItems": True}


def _object(properties: Schema, title: str = "") -> Schema:
    """Describe an object with these keys, all of them and no others."""
    made = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return made | ({"title": title} if title else {})
