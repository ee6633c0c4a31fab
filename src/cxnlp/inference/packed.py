"""A prediction in few bytes: what is kept of a review for resuming and for its duplicates. Holds no text."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from cxnlp.inference.prediction import Prediction
from cxnlp.taxonomy import FacetValue, Taxonomy

_SCALE = 10_000
"""Results show four decimals, so no more of a probability is kept."""
PROBABILITY = np.dtype("<u2")


@dataclass(frozen=True, slots=True)
class Packed:
    """A prediction with its probabilities rounded to four decimals."""

    labels: str
    """Facet to value, as JSON."""
    probabilities: bytes
    """Ten-thousandths, one ``PROBABILITY`` per logit."""
    confidence: int
    """In ten-thousandths."""
    language: str
    flags: tuple[str, ...]
    evidence: str = ""
    """What a hook noted beside the prediction, as JSON; empty if nothing."""


class Packer:
    """Packs and unpacks the predictions of a taxonomy."""

    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self._names = {
            facet.name: [name.split("=", 1)[1] for name in taxonomy.logit_names[taxonomy.slices[facet.name]]]
            for facet in taxonomy.facets
        }
        self.n_bytes = taxonomy.n_logits * PROBABILITY.itemsize

    def pack(self, prediction: Prediction, evidence: str = "") -> Packed | None:
        """Pack a prediction; None if a probability is not a number, so that it means nothing."""
        values = np.array(
            [p for facet, names in self._names.items() for p in map(prediction.probabilities[facet].__getitem__, names)]
        )
        if not np.isfinite(values).all():
            return None
        return Packed(
            json.dumps(dict(prediction.labels), ensure_ascii=False, separators=(",", ":")),
            np.rint(np.clip(values, 0, 1) * _SCALE).astype(PROBABILITY).tobytes(),
            round(min(max(prediction.confidence, 0.0), 1.0) * _SCALE),
            prediction.language,
            prediction.flags,
            evidence,
        )

    def unpack(self, packed: Packed) -> Prediction:
        """Give the prediction back."""
        values = iter((np.frombuffer(packed.probabilities, PROBABILITY) / _SCALE).tolist())
        named = {facet: dict(zip(names, values, strict=False)) for facet, names in self._names.items()}
        labels = {facet: _value(value) for facet, value in json.loads(packed.labels).items()}
        return Prediction(self.taxonomy, labels, named, packed.confidence / _SCALE, packed.flags, packed.language)


def _value(value: FacetValue | list[str]) -> FacetValue:
    return tuple(value) if isinstance(value, list) else value
