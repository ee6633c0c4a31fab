"""A classifier of texts for scikit-learn: on a bundle's answers, on its encoder, or fine-tuned whole."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.errors import ArgumentValueError, BundleError, ExtraError, SettingsError, TaxonomyError, nearest
from cxnlp.inference.features import Features, features_of
from cxnlp.inference.label_forms import Form, in_form, plain_texts, read_labels
from cxnlp.inference.shared import shared_tagger
from cxnlp.inference.tagger import Tagger
from cxnlp.settings import TrainingSettings
from cxnlp.taxonomy import Facet, Kind, Taxonomy, decide

try:
    from sklearn.base import BaseEstimator, ClassifierMixin
except ImportError as error:
    raise ExtraError("cxnlp.integrations.sklearn", "scikit-learn", "sklearn") from error

if TYPE_CHECKING:
    from cxnlp.training.in_memory import Finetuned

Floats = npt.NDArray[np.float64]
MODES = ("logits", "hidden", "finetune")


class CxClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Classifies texts: into labels of your own, learnt from examples, or by a facet of the model, without training.

    Args:
        model: the folder of a bundle; None: the shipped model. With ``mode="finetune"`` also an encoder, as a recipe
            names it.
        facet: a facet of the model, such as ``"sentiment"``: its answers are the predictions, ``fit`` learns nothing
            and need not be called, and the settings below are not used.
        mode: what is learnt, and on what. ``"logits"``: logistic regression on the model's log odds of all its labels;
            needs no torch. ``"hidden"``: logistic regression on the mean of the encoder's hidden states; needs torch,
            takes some four times as long, and may be better where your labels are far from the model's. ``"finetune"``:
            the whole network, by the Trainer; needs the training packages, and minutes or a GPU.
        C: inverse strength of the regression's penalty, as scikit-learn has it; features are standardised.
        class_weight: of the regression, None or ``"balanced"``.
        epochs: of fine-tuning.
        learning_rate: of fine-tuning, for the encoder.
        threads: for the network on a CPU; 0: as many as there are cores.
        random_state: the seed of fine-tuning; the rest knows no chance.

    Texts are a list, array or Series of n strings; None and NaN are empty texts. Labels are one a text, a matrix
    (n, labels) of 0 and 1, or a list of strings a text; predictions have the form that ``fit`` was given.
    ``predict_proba`` gives (n, labels) in the order of ``classes_``; rows sum to 1 where texts have one label each.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        facet: str | None = None,
        mode: str = "logits",
        C: float = 1.0,
        class_weight: Any = None,
        epochs: float = 6.0,
        learning_rate: float = 2e-4,
        threads: int = 0,
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.facet = facet
        self.mode = mode
        self.C = C
        self.class_weight = class_weight
        self.epochs = epochs
        self.learning_rate = learning_rate
        self.threads = threads
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> CxClassifier:
        """Learn from n texts and their labels; with a facet, only see that it has these labels.

        Raises:
            ArgumentValueError: X is not a list of texts, y is not labels, or they differ in length.
            SettingsError: no such mode.
            TaxonomyError: no such facet, or a label that it does not have.
            ExtraError: a package that the mode needs is not installed.
        """
        texts = plain_texts(X)
        if self.mode not in MODES:
            near = nearest(str(self.mode), list(MODES))
            raise SettingsError(f"mode is {self.mode!r}, expected one of {', '.join(MODES)}{near}")
        form, labels, names = read_labels(y)
        if len(texts) != len(labels):
            raise ArgumentValueError(f"Found {len(texts)} texts and {len(labels)} labels, expected one for each")
        if self.facet is not None:
            _check_answers(self._answered(), form, names, labels)
        elif self.mode == "finetune":
            self.network_: Finetuned = self._finetune(texts, labels, names)
        else:
            tagger = self._tagger()
            self.head_ = self._head(form).fit(self._features(tagger, texts), labels)
            self.fingerprint_ = tagger.fingerprint
        self._classes, self.form_ = names, form
        return self

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The labels (k,), sorted, in the order of ``predict_proba``; of a matrix the numbers of its columns."""
        if self.facet is not None:
            return np.array(sorted(self._answered().labels), dtype=object)
        if "_classes" not in self.__dict__:
            raise AttributeError("classes_ is there after fit")
        return self._classes

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Give the labels of n texts, in the form that ``fit`` was given; of a facet with several, a matrix if none."""
        self._check_fitted()
        texts = plain_texts(X)
        if self.facet is not None:
            return self._answers(texts)
        if self.mode == "finetune":
            probs = self._probabilities(texts)
            if self.form_ == "labels":
                return cast("npt.NDArray[Any]", self.classes_[probs.argmax(axis=1)])
            limits = self.network_.cutoffs.thresholds[self.network_.taxonomy.facets[0].name].values()
            return in_form(self.form_, probs >= np.array(list(limits), np.float32), self.classes_)
        if not texts:
            nothing = np.zeros((0, len(self.classes_)), bool)
            return self.classes_[:0] if self.form_ == "labels" else in_form(self.form_, nothing, self.classes_)
        found = self.head_.predict(self._features(self._fitted_tagger(), texts))
        return np.asarray(found) if self.form_ == "labels" else in_form(self.form_, found > 0, self.classes_)

    def predict_proba(self, X: Any) -> Floats:
        """Give the probabilities (n, labels) of n texts, in the order of ``classes_``."""
        self._check_fitted()
        return self._probabilities(plain_texts(X))

    def __sklearn_tags__(self) -> Any:
        """Say what it takes: a list of texts, and one or several labels each."""
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = tags.input_tags.string = tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_label = True
        tags.requires_fit = self.facet is None
        return tags

    def _check_fitted(self) -> None:
        from sklearn.utils.validation import check_is_fitted

        check_is_fitted(self)

    def _tagger(self) -> Tagger:
        backend = "torch" if self.mode == "hidden" and self.facet is None else "onnx"
        return shared_tagger(self.model, backend, threads=self.threads)

    def _fitted_tagger(self) -> Tagger:
        tagger = self._tagger()
        if tagger.fingerprint != self.fingerprint_:
            raise BundleError(
                f"{self.model or 'the shipped model'}: is another one than this classifier was fitted with; fit it anew"
            )
        return tagger

    def _features(self, tagger: Tagger, texts: Sequence[str]) -> Floats:
        return features_of(tagger, texts, cast(Features, self.mode)).astype(np.float64)

    def _head(self, form: Form) -> Any:
        from sklearn.linear_model import LogisticRegression
        from sklearn.multiclass import OneVsRestClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        regression = LogisticRegression(C=self.C, class_weight=self.class_weight, max_iter=1000)
        return make_pipeline(StandardScaler(), regression if form == "labels" else OneVsRestClassifier(regression))

    def _finetune(self, texts: Sequence[str], labels: npt.NDArray[Any], classes: npt.NDArray[Any]) -> Finetuned:
        for package in ("torch", "transformers", "accelerate"):
            if find_spec(package) is None:
                raise ExtraError('mode="finetune"', package, "train")
        from sklearn.utils import check_random_state

        from cxnlp.training.in_memory import finetune

        # Labels by number: they may be of any type, and the taxonomy's are names.
        names = tuple(str(i) for i in range(len(classes)))
        several = labels.ndim == 2
        facet = Facet("label", Kind.ANY_OF if several else Kind.ONE_OF, names)
        places = [np.flatnonzero(row) for row in labels] if several else np.searchsorted(classes, labels)
        reviews = [
            Review(str(i), text, labels={"label": tuple(map(str, place)) if several else str(place)})
            for i, (text, place) in enumerate(zip(texts, places, strict=True))
        ]
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        training = TrainingSettings(epochs=self.epochs, learning_rate=self.learning_rate)
        return finetune(self.model, Taxonomy("labels", 1, (), (facet,)), reviews, training, seed)

    def _probabilities(self, texts: Sequence[str]) -> Floats:
        if self.facet is not None:
            tagger, facet = self._tagger(), self._answered()
            block = tagger.probabilities(texts)[:, tagger.taxonomy.slices[facet.name]]
            return block[:, [facet.labels.index(label) for label in self.classes_]].astype(np.float64)
        if not texts:
            return np.zeros((0, len(self.classes_)))
        if self.mode == "finetune":
            probs = self.network_.tagger.probabilities(texts).astype(np.float64)
            return probs / probs.sum(axis=1, keepdims=True) if self.form_ == "labels" else probs
        features = self._features(self._fitted_tagger(), texts)
        return np.asarray(self.head_.predict_proba(features), np.float64)

    def _answered(self) -> Facet:
        """Give the facet of the model that is asked for."""
        taxonomy = self._tagger().taxonomy
        names = [facet.name for facet in taxonomy.answers]
        if self.facet not in names:
            near = nearest(str(self.facet), names)
            raise TaxonomyError(f"facet is {self.facet!r}, expected one of {', '.join(names)}{near}")
        return taxonomy[self.facet]

    def _answers(self, texts: Sequence[str]) -> npt.NDArray[Any]:
        tagger, facet = self._tagger(), self._answered()
        found = decide(tagger.taxonomy, tagger.probabilities(texts), tagger.cutoffs)
        if facet.kind is Kind.ONE_OF:
            return np.array([one[facet.name] for one in found], dtype=object)
        present = [[label in one[facet.name] for label in self.classes_] for one in found]
        matrix = np.array(present, bool).reshape(len(texts), len(self.classes_))
        return in_form(getattr(self, "form_", "indicator"), matrix, self.classes_)


def _check_answers(facet: Facet, form: Form, names: npt.NDArray[Any], labels: npt.NDArray[Any]) -> None:
    """Refuse labels that a facet cannot be compared with."""
    if (facet.kind is Kind.ONE_OF) != (form == "labels"):
        expected = (
            "one label a text" if facet.kind is Kind.ONE_OF else "a matrix of 0 and 1, or a list of labels a text"
        )
        raise ArgumentValueError(f"y has the form of {form}; the facet {facet.name!r} has {expected}")
    if form == "indicator":
        if labels.shape[1] != len(facet.labels):
            raise ArgumentValueError(
                f"y has {labels.shape[1]} columns; the facet {facet.name!r} has {len(facet.labels)} labels"
            )
        return
    for name in names:
        if name not in facet.labels:
            near = nearest(str(name), list(facet.labels))
            raise TaxonomyError(
                f"a label that the facet {facet.name!r} does not have{near}; it has: {', '.join(facet.labels)}"
            )
