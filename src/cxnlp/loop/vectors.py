"""Texts as vectors without a network: near copies, and clusters of like texts. Needs scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from cxnlp.text import clean

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

NEAR = 0.85
"""Cosine of the character vectors from which two texts are taken for copies of each other."""
_WIDTH = 100
_FEATURES = 50_000


class TextVectors:
    """TF-IDF of characters inside words (3–5) of n texts, as rows of length 1."""

    def __init__(self, rows: Any) -> None:
        self._rows = rows
        """(n, features), sparse."""

    @classmethod
    def of(cls, texts: Sequence[str]) -> TextVectors:
        """Make the vectors of texts, at least one of which has a character."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        vectoriser = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(3, 5), max_features=_FEATURES, sublinear_tf=True, dtype=np.float32
        )
        return cls(vectoriser.fit_transform([clean(text) for text in texts]))

    def near(self, row: int) -> Bits:
        """Tell which texts (n,) are near copies of one of them, itself included."""
        cosines = (self._rows @ self._rows[row].T).toarray()[:, 0]
        cosines[row] = 1  # also of a text without features
        return np.asarray(cosines >= NEAR, np.bool_)

    def points(self, seed: int) -> Floats:
        """Give the rows (n, 100 or fewer) along the directions in which the texts differ most, of length 1."""
        from sklearn.decomposition import TruncatedSVD

        width = min(_WIDTH, min(self._rows.shape) - 1)
        if width < 1:
            return np.ones((self._rows.shape[0], 1))
        points = TruncatedSVD(width, n_iter=2, random_state=seed).fit_transform(self._rows)
        lengths = np.linalg.norm(points, axis=1, keepdims=True)
        return np.asarray(points / np.where(lengths > 0, lengths, 1), np.float64)


def clusters(points: Floats, n: int, seed: int) -> Ints:
    """Give the cluster, from 0 to n - 1, of every point (m, w): k-means in small batches (Sculley 2010)."""
    from sklearn.cluster import MiniBatchKMeans

    if len(points) <= n:
        return np.arange(len(points))
    means = MiniBatchKMeans(n, batch_size=1024, n_init=1, max_iter=20, random_state=seed)
    return np.asarray(means.fit_predict(points), np.int64)
