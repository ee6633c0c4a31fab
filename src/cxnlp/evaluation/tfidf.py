"""A linear model over words and characters: what a model must beat to be worth its size. Needs scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review, split_reviews
from cxnlp.errors import DataError, ExtraError
from cxnlp.evaluation.thresholds import choose_cutoffs
from cxnlp.taxonomy import Cutoffs, Facet, Kind, Targets, Taxonomy, default_thresholds, encode_labels
from cxnlp.text import clean, text_hash

if TYPE_CHECKING:
    from sklearn.linear_model import LogisticRegression

Floats = npt.NDArray[np.float64]

WORDS, CHARACTERS = (1, 2), (2, 5)
"""Lengths of the n-grams."""
# Fixed beforehand, not chosen on any data: rows of TF-IDF have length 1, for which scikit-learn's 1 is timid.
_C = 10.0


def need_sklearn(what: str = "the TF-IDF baseline of --train") -> None:
    """Ask for scikit-learn before the long part begins.

    Raises:
        ExtraError: it is not installed; ``what`` needs it.
    """
    try:
        import sklearn  # noqa: F401
    except ImportError as error:
        raise ExtraError(what, "scikit-learn", "report") from error


class TfidfScorer:
    """TF-IDF of words (1–2) and of characters inside words (2–5) with logistic regression, one model a facet.

    A ``one_of`` facet is one multinomial regression, an ``any_of`` facet one for every label, a polarity one for every
    pair of label and polarity; the pairs of a label are then scaled to sum to 1.
    """

    def __init__(self, taxonomy: Taxonomy, vectoriser: Any, models: dict[str, Any], cutoffs: Cutoffs) -> None:
        self.taxonomy = taxonomy
        self.cutoffs = cutoffs
        self._vectoriser = vectoriser
        self._models = models

    @classmethod
    def train(cls, taxonomy: Taxonomy, train: Sequence[Review], dev: Sequence[Review] = ()) -> TfidfScorer:
        """Fit on ``train``; choose thresholds on ``dev`` as for any model (0.5 without development reviews).

        Raises:
            DataError: there is nothing to learn from.
            ExtraError: scikit-learn is not installed.
        """
        need_sklearn()
        if not any(review.labels and clean(review.text) for review in train):
            raise DataError("no labelled review to train the baseline on; expected some in the train split of --train")
        vectoriser = _vectoriser()
        try:
            rows = vectoriser.fit_transform([clean(review.text) for review in train])
        except ValueError as error:  # no word is in two of them
            raise DataError(
                f"{len(train)} training reviews are too few for the baseline; expected some dozens"
            ) from error
        targets = encode_labels(taxonomy, [review.labels for review in train])
        models = {facet.name: _fit(taxonomy, facet, rows, targets) for facet in taxonomy.facets}
        scorer = cls(taxonomy, vectoriser, models, Cutoffs(default_thresholds(taxonomy)))
        if dev:
            probs = scorer.probabilities([review.text for review in dev])
            scorer.cutoffs = choose_cutoffs(taxonomy, probs, dev)
        return scorer

    def probabilities(
        self, texts: Sequence[str], progress: Callable[[int], None] | None = None
    ) -> npt.NDArray[np.float32]:
        """Give the probabilities (n, l) of n texts."""
        out = np.zeros((len(texts), self.taxonomy.n_logits), np.float32)
        if not texts:
            return out
        rows = self._vectoriser.transform([clean(text) for text in texts])
        for facet in self.taxonomy.facets:
            found = self._models[facet.name](rows)  # (n, labels or pairs)
            if facet.kind is Kind.POLARITY:
                groups = found.reshape(len(texts), -1, len(facet.labels))
                found = (groups / groups.sum(axis=2, keepdims=True)).reshape(found.shape)
            out[:, self.taxonomy.slices[facet.name]] = found
        if progress:
            progress(len(texts))
        return out


def split_for_training(
    reviews: Sequence[Review], evaluated: Sequence[Review]
) -> tuple[list[Review], list[Review], int]:
    """Give the train and dev split without texts that are evaluated, and how many of those were left out."""
    seen = {text_hash(review.text) for review in evaluated}
    splits = split_reviews(reviews)
    kept = {name: [r for r in splits[name] if text_hash(r.text) not in seen] for name in ("train", "dev")}
    left_out = sum(len(splits[name]) - len(kept[name]) for name in kept)
    return kept["train"], kept["dev"], left_out


def _vectoriser() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion

    words = TfidfVectorizer(ngram_range=WORDS, min_df=2, sublinear_tf=True, token_pattern=r"\w+|[^\w\s]")
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=CHARACTERS, min_df=2, sublinear_tf=True)
    return FeatureUnion([("words", words), ("characters", characters)])


def _fit(taxonomy: Taxonomy, facet: Facet, rows: Any, targets: Targets) -> Callable[[Any], Floats]:
    where = taxonomy.slices[facet.name]
    gold = targets.values[:, where] > 0  # (n, labels or pairs)
    if facet.kind is Kind.ONE_OF:
        known = gold.any(axis=1)
        return _fit_one_of(rows[known], gold[known].argmax(axis=1), len(facet.labels))
    answered = targets.mask[:, where.start] > 0
    if facet.of is not None:
        of = taxonomy.slices[facet.of]
        answered = targets.mask[:, of.start] > 0
        # A review whose touchpoint has no polarity does not say which pairs it lacks.
        answered &= (targets.values[:, of].sum(axis=1) == gold.sum(axis=1)) & gold.any()
    models = [_fit_yes_no(rows[answered], gold[answered, i]) for i in range(gold.shape[1])]
    return lambda new: np.stack([model(new) for model in models], axis=1)


def _fit_one_of(rows: Any, classes: npt.NDArray[np.int64], n: int) -> Callable[[Any], Floats]:
    if len(np.unique(classes)) < 2:
        only = np.bincount(classes, minlength=n) > 0 if len(classes) else np.ones(n)
        return lambda new: np.tile(only / only.sum(), (new.shape[0], 1)).astype(np.float64)
    model = _regression("lbfgs").fit(rows, classes)

    def probabilities(new: Any) -> Floats:
        out = np.zeros((new.shape[0], n))
        out[:, model.classes_] = model.predict_proba(new)
        return out

    return probabilities


def _fit_yes_no(rows: Any, gold: npt.NDArray[np.bool_]) -> Callable[[Any], Floats]:
    if not gold.any() or gold.all():
        # Never or always seen: by the rule of succession, so that no probability is 0 and pairs can be scaled.
        share = (gold.sum() + 1) / (len(gold) + 2)
        return lambda new: np.full(new.shape[0], share)
    model = _regression("liblinear").fit(rows, gold)
    return lambda new: np.asarray(model.predict_proba(new)[:, 1], np.float64)


def _regression(solver: str) -> LogisticRegression:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=_C, solver=solver, max_iter=300, random_state=0)
