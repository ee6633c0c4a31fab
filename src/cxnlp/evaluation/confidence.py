"""How sure a model may be: everything about it that is learnt on development reviews once the network stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.evaluation.precise import MIN_REVIEWS, precise_cutoffs, review_cutoff
from cxnlp.evaluation.scaling import MIN_LABELLED, cross_fitted, few_labelled, fit_scaling
from cxnlp.evaluation.thresholds import choose_thresholds
from cxnlp.taxonomy import Cutoffs, Facet, Scaling, Taxonomy, scale_probabilities


@dataclass(frozen=True)
class Confidence:
    """What turns a network's probabilities into answers that mean what they say."""

    scaling: Scaling
    cutoffs: Cutoffs
    precise: Mapping[str, Cutoffs] = field(default_factory=dict)
    """A precision, such as ``0.9``, to the cutoffs from which labels are right that often."""

    def for_taxonomy(self, before: Taxonomy, taxonomy: Taxonomy) -> Confidence:
        """Give what of this also holds in another taxonomy: that of facets with the very same labels.

        Args:
            before: the taxonomy that this was learnt with.
            taxonomy: the other one.
        """
        known = {_asks(facet) for facet in before.facets}
        same = {facet.name for facet in taxonomy.facets if _asks(facet) in known}
        scaling = {name: scales for name, scales in self.scaling.items() if name in same}
        thresholds = {name: limits for name, limits in self.cutoffs.thresholds.items() if name in same}
        review = {name: value for name, value in self.cutoffs.review.items() if name in same}
        whole = len(same) == len(taxonomy.facets) == len(before.facets)
        return Confidence(scaling, Cutoffs(thresholds, review), self.precise if whole else {})


NOTHING = Confidence({}, Cutoffs({}))


def learn_confidence(
    taxonomy: Taxonomy, probs: npt.NDArray[np.float32], reviews: Sequence[Review], before: Confidence = NOTHING
) -> Confidence:
    """Learn scaling, thresholds and cutoffs.

    Thresholds and cutoffs are chosen on cross-fitted probabilities: each review's are scaled by what the others say.
    What there are too few reviews to learn is that of ``before``, as far as it goes: scaling and thresholds of facets
    with fewer than 30 gold labels, cutoffs with fewer than 100 reviews.

    Args:
        taxonomy: of the probabilities.
        probs: (n, l) probabilities as the network gives them.
        reviews: n labelled reviews that the network was not trained on.
        before: what the model that the network was started from had, ``for_taxonomy``.
    """
    few = few_labelled(taxonomy, reviews)
    kept = {name: before.scaling[name] for name in few if name in before.scaling}
    scaled = scale_probabilities(taxonomy, cross_fitted(taxonomy, probs, reviews), kept)
    thresholds = choose_thresholds(taxonomy, scaled, reviews)
    thresholds |= {name: dict(before.cutoffs.thresholds[name]) for name in few if name in before.cutoffs.thresholds}
    scaling = {**kept, **fit_scaling(taxonomy, probs, reviews)}
    if len(reviews) < MIN_REVIEWS:
        precise = {name: _no_lower(cutoffs, thresholds) for name, cutoffs in before.precise.items()}
        return Confidence(scaling, Cutoffs(thresholds, before.cutoffs.review), precise)
    return Confidence(
        scaling=scaling,
        cutoffs=Cutoffs(thresholds, review_cutoff(taxonomy, scaled)),
        precise=precise_cutoffs(taxonomy, scaled, reviews, thresholds),
    )


def too_few(taxonomy: Taxonomy, reviews: Sequence[Review], before: Confidence | None) -> str:
    """Say what ``learn_confidence`` will not learn of so few development reviews; nothing if it learns everything."""
    parts = []
    if few := few_labelled(taxonomy, reviews):
        parts.append(f"scaling and thresholds of {', '.join(few)} ({MIN_LABELLED} gold labels each)")
    if len(reviews) < MIN_REVIEWS:
        parts.append(f"the cutoffs of needs_review and --min-precision ({MIN_REVIEWS} reviews)")
    if not parts:
        return ""
    instead = (
        "where a facet is the same, those of the model that it is started from stay"
        if before
        else "so no scaling and no such cutoffs, and thresholds of what there is"
    )
    return f"{len(reviews)} development reviews are too few to learn {' and '.join(parts)}; {instead}"


def _asks(facet: Facet) -> tuple[object, ...]:
    return facet.name, facet.kind, facet.main, frozenset(facet.labels)


def _no_lower(cutoffs: Cutoffs, thresholds: Mapping[str, Mapping[str, float]]) -> Cutoffs:
    raised = {
        name: {label: max(limit, thresholds[name][label]) for label, limit in limits.items()}
        for name, limits in cutoffs.thresholds.items()
    }
    return Cutoffs(raised, cutoffs.review)
