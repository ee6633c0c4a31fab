"""Probabilities that mean what they say: a scale and a shift of the logits, learnt on development reviews.

For labels that exclude each other one scale for the whole facet, which is temperature scaling (Guo et al. 2017, "On
Calibration of Modern Neural Networks"), and where that does good a shift for each label; for each label of an
``any_of`` facet a scale and a shift, which is Platt scaling (Platt 1999).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from cxnlp.taxonomy.facets import Facet, Kind, Taxonomy

Floats = npt.NDArray[np.float32]
Scaling = Mapping[str, Mapping[str, tuple[float, float]]]
"""Facet to label to the scale and the shift of its logit. A facet that is not named stays as it is."""
# The smallest probability told from 0: less is the rounding of float32.
_LEAST = 1e-7


def scale_probabilities(taxonomy: Taxonomy, probs: Floats, scaling: Scaling) -> Floats:
    """Apply a scaling to probabilities (n, l), which know their logits up to what softmax drops."""
    if not scaling:
        return probs
    out = np.array(probs, np.float32)
    for facet in taxonomy.facets:
        if facet.name in scaling:
            where = taxonomy.slices[facet.name]
            out[:, where] = _scaled(facet, probs[:, where], scaling[facet.name])
    return out


def _scaled(facet: Facet, probs: Floats, scaling: Mapping[str, tuple[float, float]]) -> npt.NDArray[np.float64]:
    scale, shift = np.array([scaling[label] for label in facet.labels], np.float64).T  # (labels,) each
    if facet.kind is Kind.ANY_OF:
        return np.asarray(1 / (1 + np.exp(-(log_odds(probs) * scale + shift))))
    groups = (
        log_probabilities(probs).reshape(len(probs), probs.shape[1] // len(facet.labels), len(facet.labels)) * scale
        + shift
    )
    exp = np.exp(groups - groups.max(axis=2, keepdims=True))
    return np.asarray((exp / exp.sum(axis=2, keepdims=True)).reshape(probs.shape))


def log_odds(probs: Floats) -> npt.NDArray[np.float64]:
    """Give the logits of independent probabilities."""
    p = np.clip(probs.astype(np.float64), _LEAST, 1 - _LEAST)
    return np.asarray(np.log(p / (1 - p)))


def log_probabilities(probs: Floats) -> npt.NDArray[np.float64]:
    """Give logits, up to a constant a group, of probabilities that exclude each other."""
    return np.log(np.maximum(probs.astype(np.float64), _LEAST))
