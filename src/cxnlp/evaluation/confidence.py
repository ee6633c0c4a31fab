"""How sure a model may be: everything about it that is learnt on development reviews once the network stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.evaluation.precise import precise_cutoffs, review_cutoff
from cxnlp.evaluation.scaling import cross_fitted, fit_scaling
from cxnlp.evaluation.thresholds import choose_thresholds
from cxnlp.taxonomy import Cutoffs, Scaling, Taxonomy


@dataclass(frozen=True)
class Confidence:
    """What turns a network's probabilities into answers that mean what they say."""

    scaling: Scaling
    cutoffs: Cutoffs
    precise: Mapping[str, Cutoffs] = field(default_factory=dict)
    """A precision, such as ``0.9``, to the cutoffs from which labels are right that often."""


def learn_confidence(taxonomy: Taxonomy, probs: npt.NDArray[np.float32], reviews: Sequence[Review]) -> Confidence:
    """Learn scaling, thresholds and cutoffs.

    Thresholds and cutoffs are chosen on cross-fitted probabilities: each review's are scaled by what the others say.

    Args:
        taxonomy: of the probabilities.
        probs: (n, l) probabilities as the network gives them.
        reviews: n labelled reviews that the network was not trained on.
    """
    scaled = cross_fitted(taxonomy, probs, reviews)
    thresholds = choose_thresholds(taxonomy, scaled, reviews)
    return Confidence(
        scaling=fit_scaling(taxonomy, probs, reviews),
        cutoffs=Cutoffs(thresholds, review_cutoff(taxonomy, scaled)),
        precise=precise_cutoffs(taxonomy, scaled, reviews, thresholds),
    )
