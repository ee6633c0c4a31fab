"""The baseline that every network should beat: counts of words and letters, and a linear classifier."""

from __future__ import annotations

from collections.abc import Sequence

from cxnlp.data import Review
from cxnlp.evaluation.tfidf import TfidfScorer
from cxnlp.taxonomy import FacetValue, Taxonomy, decide

NAME = "TF-IDF, logistic regression"


def baseline_labels(
    taxonomy: Taxonomy, train: Sequence[Review], dev: Sequence[Review], test: Sequence[Review]
) -> list[dict[str, FacetValue]]:
    """Learn from ``train``, choose thresholds on ``dev``, and label ``test``."""
    scorer = TfidfScorer.train(taxonomy, train, dev)
    return decide(taxonomy, scorer.probabilities([review.text for review in test]), scorer.cutoffs)
