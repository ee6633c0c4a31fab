"""How sure a model may be: everything about it that is learnt on development reviews once the network stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from cxnlp.bundle import Manifest
from cxnlp.data import Review
from cxnlp.evaluation.choice import MIN_LABELLED
from cxnlp.evaluation.precise import MIN_REVIEWS, precise_cutoffs, review_cutoff
from cxnlp.evaluation.scaling import cross_fitted, few_labelled, fit_scaling
from cxnlp.evaluation.thresholds import choose_cutoffs, few_main
from cxnlp.taxonomy import Cutoffs, Facet, FacetValue, Scaling, Taxonomy, decide, scale_probabilities
from cxnlp.text.counted import counted


@dataclass(frozen=True)
class Confidence:
    """What turns a network's probabilities into answers that mean what they say."""

    scaling: Scaling
    cutoffs: Cutoffs
    precise: Mapping[str, Cutoffs] = field(default_factory=dict)
    """A precision, such as ``0.9``, to the cutoffs from which labels are right that often."""

    @classmethod
    def of(cls, manifest: Manifest) -> Confidence:
        """Give that of a bundle."""
        precise = {name: manifest.cutoffs(float(name)) for name in manifest.precise}
        return cls(manifest.scaling, manifest.cutoffs(), precise)

    def answer(
        self, taxonomy: Taxonomy, raw: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], list[dict[str, FacetValue]]]:
        """Give the scaled probabilities (n, l) and the labels of n reviews from what the network says (n, l)."""
        probs = scale_probabilities(taxonomy, raw, self.scaling)
        return probs, decide(taxonomy, probs, self.cutoffs)

    def as_fields(self) -> dict[str, Any]:
        """Give the fields of a manifest that hold it."""
        return {
            "scaling": self.scaling,
            "main": self.cutoffs.main,
            "thresholds": self.cutoffs.thresholds,
            "review": self.cutoffs.review,
            "precise": {
                name: {"thresholds": one.thresholds, "review": one.review} for name, one in self.precise.items()
            },
        }

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
        main = {name: shifts for name, shifts in self.cutoffs.main.items() if name in same}
        return Confidence(scaling, Cutoffs(thresholds, review, main), self.precise if whole else {})


AS_BEFORE = 50.0
"""Reviews for which what a model has learnt before counts when it learns more."""
NOTHING = Confidence({}, Cutoffs({}))


def learn_confidence(
    taxonomy: Taxonomy, probs: npt.NDArray[np.float32], reviews: Sequence[Review], before: Confidence = NOTHING
) -> Confidence:
    """Learn scaling, thresholds and cutoffs.

    Thresholds and cutoffs are chosen on cross-fitted probabilities: each review's are scaled by what the others say.
    What there are too few reviews to learn is that of ``before``, as far as it goes: scaling and thresholds of facets
    with fewer than 30 gold labels, the main label with fewer than 30 reviews, cutoffs with fewer than 100.

    Args:
        taxonomy: of the probabilities.
        probs: (n, l) probabilities as the network gives them.
        reviews: n labelled reviews that the network was not trained on.
        before: what the model that the network was started from had, ``for_taxonomy``.
    """
    few = few_labelled(taxonomy, reviews)
    kept_scaling = {name: before.scaling[name] for name in few if name in before.scaling}
    scaled = scale_probabilities(taxonomy, cross_fitted(taxonomy, probs, reviews), kept_scaling)
    chosen = choose_cutoffs(taxonomy, scaled, reviews)
    kept = before.cutoffs
    thresholds = {**chosen.thresholds, **{name: kept.thresholds[name] for name in few if name in kept.thresholds}}
    few_mains = few_main(taxonomy, reviews)
    main = {**chosen.main, **{name: kept.main[name] for name in few_mains if name in kept.main}}
    scaling = {**kept_scaling, **fit_scaling(taxonomy, probs, reviews)}
    if len(reviews) < MIN_REVIEWS:
        cutoffs = Cutoffs(thresholds, kept.review, main)
        return Confidence(scaling, cutoffs, {name: _no_lower(one, cutoffs) for name, one in before.precise.items()})
    cutoffs = Cutoffs(thresholds, main=main)
    cutoffs = replace(cutoffs, review=review_cutoff(taxonomy, scaled, cutoffs))
    return Confidence(scaling, cutoffs, precise_cutoffs(taxonomy, scaled, reviews, cutoffs))


def learn_more(
    taxonomy: Taxonomy, probs: npt.NDArray[np.float32], reviews: Sequence[Review], before: Confidence
) -> Confidence:
    """Go on from what a model has learnt, with other reviews; for arguments see ``learn_confidence``.

    Probabilities are drawn to what they were as if by ``AS_BEFORE`` reviews that turned out as they said. Thresholds
    stay where no better ones are found, and so does what makes a label the main one.
    """
    scaled = scale_probabilities(taxonomy, probs, before.scaling)
    held_out = cross_fitted(taxonomy, scaled, reviews, AS_BEFORE)
    more = fit_scaling(taxonomy, scaled, reviews, AS_BEFORE)
    # What is added for the main label is in units of the log-odds, which have one scale in common.
    main = {
        name: {label: shift * more.get(name, {}).get(label, (1.0, 0.0))[0] for label, shift in shifts.items()}
        for name, shifts in before.cutoffs.main.items()
    }
    start = replace(before.cutoffs, main=main)
    chosen = choose_cutoffs(taxonomy, held_out, reviews, start=start, as_before=AS_BEFORE)
    few = few_labelled(taxonomy, reviews)
    chosen = _keep(few, before.cutoffs, replace(chosen, review=review_cutoff(taxonomy, held_out, chosen)))
    precise = {
        name: _no_lower(_keep(few, before.precise.get(name, one), one), chosen)
        for name, one in precise_cutoffs(taxonomy, held_out, reviews, chosen).items()
    }
    scaling = {facet.name: _after(facet, before.scaling, more) for facet in taxonomy.facets}
    return Confidence(scaling, chosen, precise)


def _keep(few: Sequence[str], before: Cutoffs, found: Cutoffs) -> Cutoffs:
    """Leave the thresholds of facets with few labels as they were, and cutoffs that could not be learnt."""
    thresholds = {name: before.thresholds[name] for name in few if name in before.thresholds}
    return Cutoffs({**found.thresholds, **thresholds}, {**before.review, **found.review}, found.main)


def _after(facet: Facet, first: Scaling, then: Scaling) -> dict[str, tuple[float, float]]:
    """Give the scaling of a facet that is one after another."""
    found = {}
    for label in facet.labels:
        (a, b), (c, d) = (one.get(facet.name, {}).get(label, (1.0, 0.0)) for one in (first, then))
        found[label] = (round(a * c, 4), round(b * c + d, 4))
    return found


def too_few(taxonomy: Taxonomy, reviews: Sequence[Review]) -> str:
    """Name what ``learn_confidence`` will not learn of so few reviews; nothing if it learns everything."""
    parts = []
    if few := few_labelled(taxonomy, reviews):
        parts.append(f"scaling and thresholds of {', '.join(few)} ({MIN_LABELLED} gold labels each)")
    if mains := [f"{taxonomy[name].main}" for name in few_main(taxonomy, reviews)]:
        parts.append(f"which label is the {', '.join(mains)} ({MIN_LABELLED} reviews)")
    if len(reviews) < MIN_REVIEWS:
        parts.append(f"the cutoffs of needs_review and --min-precision ({MIN_REVIEWS} reviews)")
    return (
        f"{counted(len(reviews), 'review')} {'is' if len(reviews) == 1 else 'are'} too few to learn "
        + (f"{', '.join(parts[:-1])}{' and ' if parts[1:] else ''}{parts[-1]}")
        if parts
        else ""
    )


def _asks(facet: Facet) -> tuple[object, ...]:
    return facet.name, facet.kind, facet.main, frozenset(facet.labels)


def _no_lower(precise: Cutoffs, cutoffs: Cutoffs) -> Cutoffs:
    raised = {
        name: {label: max(limit, cutoffs.thresholds[name][label]) for label, limit in limits.items()}
        for name, limits in precise.thresholds.items()
    }
    return Cutoffs(raised, precise.review, cutoffs.main)
