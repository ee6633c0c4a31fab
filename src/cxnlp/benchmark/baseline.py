"""The baseline that every network should beat: counts of words and letters, and a linear classifier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.evaluation import choose_thresholds
from cxnlp.taxonomy import Facet, FacetValue, Kind, Taxonomy, decide, encode_labels
from cxnlp.text import clean

Floats = npt.NDArray[np.float32]

NAME = "TF-IDF, logistic regression"


def baseline_labels(
    taxonomy: Taxonomy, train: Sequence[Review], dev: Sequence[Review], test: Sequence[Review]
) -> list[dict[str, FacetValue]]:
    """Learn from ``train``, choose thresholds on ``dev``, and label ``test``.

    TF-IDF of words (one and two) and of characters (two to five), with scikit-learn's logistic regression: one over
    the labels of a ``one_of`` facet, one for each label of an ``any_of`` facet. The taxonomy has no polarities
    (``flat_taxonomy``).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_union

    counts = make_union(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2, token_pattern=r"(?u)\b\w+\b"),
        TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
    )
    x_train = counts.fit_transform([clean(review.text) for review in train])
    x_dev, x_test = (counts.transform([clean(review.text) for review in part]) for part in (dev, test))
    targets = encode_labels(taxonomy, [review.labels for review in train]).values
    probs = [np.zeros((len(part), taxonomy.n_logits), np.float32) for part in (dev, test)]
    for facet in taxonomy.facets:
        where = taxonomy.slices[facet.name]
        for out, found in zip(probs, _fit(facet, x_train, targets[:, where], [x_dev, x_test]), strict=True):
            out[:, where] = found
    return decide(taxonomy, probs[1], choose_thresholds(taxonomy, probs[0], dev))


def _fit(facet: Facet, x: Any, gold: Floats, ask: Sequence[Any]) -> list[Floats]:
    """Give the probabilities (m, labels) of every set of texts in ``ask``."""
    if facet.kind is Kind.ONE_OF:
        return _classify(x, gold.argmax(axis=1), ask, len(facet.labels))
    columns = [_classify(x, gold[:, i].astype(int), ask, 2) for i in range(len(facet.labels))]
    return [np.stack([column[which][:, 1] for column in columns], axis=1) for which in range(len(ask))]


def _classify(x: Any, classes: npt.NDArray[Any], ask: Sequence[Any], n: int) -> list[Floats]:
    from sklearn.linear_model import LogisticRegression

    found = np.unique(classes)
    if len(found) == 1:  # nothing to tell apart
        certain = np.eye(n, dtype=np.float32)[found[0]]
        return [np.tile(certain, (texts.shape[0], 1)) for texts in ask]
    model = LogisticRegression(C=10.0, max_iter=1000).fit(x, classes)
    out = []
    for texts in ask:
        probs = np.zeros((texts.shape[0], n), np.float32)
        probs[:, model.classes_] = model.predict_proba(texts)
        out.append(probs)
    return out
