"""The classifier for scikit-learn: its own checks, searches and pipelines, and the three ways to learn."""

from __future__ import annotations

import io
import pickle
import pickletools
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import tiny
from cxnlp import Tagger
from cxnlp.bundle import copy_bundle
from cxnlp.errors import BundleError, SettingsError, TaxonomyError

pytest.importorskip("sklearn", reason="needs scikit-learn")

import joblib
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks
from sklearn.utils.validation import check_is_fitted, validate_data

from cxnlp.inference import features
from cxnlp.inference.shared import shared_tagger
from cxnlp.integrations.sklearn import CxClassifier

ROWS = tiny.records()
TEXTS = [row["text"] for row in ROWS]
PART = [next(iter(row["touchpoints"])) for row in ROWS]
MOOD = [row["sentiment"] for row in ROWS]
BOTH = [[part, mood] for part, mood in zip(PART, MOOD, strict=True)]


class OnNumbers(CxClassifier):
    """The classifier with numbers written as texts, and read again as features: for checks that know numbers only."""

    def __init__(self, C: float = 1.0, class_weight: Any = None) -> None:
        super().__init__(C=C, class_weight=class_weight)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = tags.input_tags.string = tags.input_tags.allow_nan = False
        return tags

    def fit(self, X: Any, y: Any) -> OnNumbers:
        super().fit(written(validate_data(self, X)), y)
        return self

    def predict(self, X: Any) -> Any:
        check_is_fitted(self)
        return super().predict(written(validate_data(self, X, reset=False)))

    def predict_proba(self, X: Any) -> Any:
        check_is_fitted(self)
        return super().predict_proba(written(validate_data(self, X, reset=False)))

    def _tagger(self) -> Any:
        return SimpleNamespace(fingerprint="numbers")

    def _features(self, tagger: Any, texts: Any) -> Any:
        return np.array([[float(word) for word in text.split()] for text in texts])


def written(X: Any) -> list[str]:
    return [" ".join(map(repr, map(float, row))) for row in X]


# Of the checks that scikit-learn has for the classifier itself only that it can be cloned does without numbers; all the
# others run on the one that reads numbers. None is expected to fail.
@pytest.mark.filterwarnings("ignore:Can't test estimator")
@parametrize_with_checks([CxClassifier(), CxClassifier(facet="sentiment"), OnNumbers()])
def test_scikit_learns_own_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def model(tiny_bundle: Path) -> str:
    return str(tiny_bundle)


def test_it_learns_labels_of_ones_own_on_the_shipped_model() -> None:
    classifier = CxClassifier().fit(TEXTS, PART)
    assert is_classifier(classifier)
    assert classifier.classes_.tolist() == sorted(set(PART))
    assert classifier.score(TEXTS, PART) > 0.9
    probs = classifier.predict_proba(TEXTS)
    assert probs.shape == (40, 5)
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    assert classifier.classes_[probs.argmax(axis=1)].tolist() == classifier.predict(TEXTS).tolist()
    assert classifier.predict([]).tolist() == []
    assert classifier.predict_proba([]).shape == (0, 5)


def test_labels_of_other_types_come_back_as_they_were(model: str) -> None:
    numbers = [17 if mood == "positive" else -3 for mood in MOOD]
    found = CxClassifier(model).fit(np.array(TEXTS), numbers).predict(TEXTS)
    assert found.dtype.kind == "i"
    assert set(found.tolist()) == {17, -3}


def test_several_labels_as_lists_and_as_a_matrix(model: str) -> None:
    lists = CxClassifier(model).fit(TEXTS, BOTH)
    names = sorted({*PART, *MOOD})
    assert lists.classes_.tolist() == names
    matrix = np.array([[name in one for name in names] for one in BOTH]).astype(int)
    by_matrix = CxClassifier(model).fit(TEXTS, matrix)
    assert by_matrix.classes_.tolist() == list(range(len(names)))
    found = by_matrix.predict(TEXTS)
    assert found.shape == matrix.shape
    assert (found == matrix).mean() > 0.8
    as_lists = lists.predict(TEXTS)
    assert as_lists.tolist() == [tuple(name for name, has in zip(names, row, strict=True) if has) for row in found]
    np.testing.assert_array_equal(lists.predict_proba(TEXTS), by_matrix.predict_proba(TEXTS))
    assert cross_val_score(by_matrix, TEXTS, matrix, cv=2).shape == (2,)


def test_searches_and_pipelines_score_each_text_once(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    features._store.cache_clear()
    scored: list[str] = []
    ask = Tagger.probabilities
    monkeypatch.setattr(Tagger, "probabilities", lambda self, texts: (scored.extend(texts), ask(self, texts))[1])
    strip = FunctionTransformer(lambda texts: [text.strip() for text in texts])
    pipeline = Pipeline([("strip", strip), ("cx", CxClassifier(model))])
    search = GridSearchCV(pipeline, {"cx__C": [1e-6, 1.0]}, cv=4).fit(TEXTS, MOOD)
    assert search.best_score_ > 0.8
    assert sorted(scored) == sorted(TEXTS)
    probs = cross_val_predict(CxClassifier(model), TEXTS, MOOD, cv=2, method="predict_proba")
    assert probs.shape == (40, 2)
    assert sorted(scored) == sorted(TEXTS)


def test_missing_texts_are_empty_ones_and_series_are_texts(model: str) -> None:
    pandas = pytest.importorskip("pandas")
    polars = pytest.importorskip("polars")
    classifier = CxClassifier(model).fit(pandas.Series(TEXTS, index=range(100, 140)), pandas.Series(PART))
    expected = classifier.predict(["", "", TEXTS[0]]).tolist()
    for given in ([None, float("nan"), TEXTS[0]], pandas.Series([None, pandas.NA, TEXTS[0]]),
                  polars.Series([None, "", TEXTS[0]]), np.array(["", "", TEXTS[0]])):  # fmt: skip
        assert classifier.predict(given).tolist() == expected


@pytest.mark.parametrize(
    "X, y, message",
    [
        ("one text", ["a"], "X is of type str, expected a list"),
        ([["a"], ["b"]], ["a", "b"], "a text is of type list, expected str"),
        (np.array([["a"], ["b"]]), ["a", "b"], "X has several dimensions"),
        (["a", "b"], ["x"], "Found 2 texts and 1 labels"),
        (["a", "b"], [0.5, 1.5], "Unknown label type"),
        (["a", "b"], None, "requires y"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(model: str, X: Any, y: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CxClassifier(model).fit(X, y)


def test_wrong_settings_are_refused_when_fitted(model: str) -> None:
    with pytest.raises(SettingsError, match=r"mode is 'logit', expected one of .*did you mean 'logits'"):
        CxClassifier(model, mode="logit").fit(TEXTS, PART)
    with pytest.raises(TaxonomyError, match=r"facet is 'sentimnt', expected one of .*did you mean 'sentiment'"):
        CxClassifier(model, facet="sentimnt").predict(TEXTS)
    with pytest.raises(NotFittedError):
        CxClassifier(model).predict(TEXTS)


def test_a_facet_answers_without_being_fitted(model: str) -> None:
    tagger = Tagger.load(model)
    predictions = tagger.tag(TEXTS, languages=False)
    sentiment = CxClassifier(model, facet="sentiment")
    assert sentiment.predict(TEXTS).tolist() == [one.sentiment for one in predictions]
    assert sentiment.classes_.tolist() == ["mixed", "negative", "neutral", "positive"]
    expected = [[one.probabilities["sentiment"][name] for name in sentiment.classes_] for one in predictions]
    np.testing.assert_allclose(sentiment.predict_proba(TEXTS), expected, atol=1e-6)
    touchpoints = CxClassifier(model, facet="touchpoints")
    matrix = touchpoints.predict(TEXTS)
    for row, one in zip(matrix, predictions, strict=True):
        assert set(touchpoints.classes_[row > 0]) == set(one.touchpoints)
    lists = CxClassifier(model, facet="touchpoints").fit(TEXTS, [[part] for part in PART]).predict(TEXTS)
    assert [set(labels) for labels in lists] == [set(one.touchpoints) for one in predictions]


def test_a_facet_can_be_measured_on_ones_own_labels(model: str) -> None:
    scores = cross_val_score(CxClassifier(model, facet="sentiment"), TEXTS, MOOD, cv=2)
    found = np.array(CxClassifier(model, facet="sentiment").predict(TEXTS)) == np.array(MOOD)
    assert scores.mean() == pytest.approx(found.mean())
    with pytest.raises(
        TaxonomyError, match="a label that the facet 'sentiment' does not have; did you mean 'positive'"
    ):
        CxClassifier(model, facet="sentiment").fit(["a"], ["positiv"])
    with pytest.raises(ValueError, match="y has 2 columns; the facet 'touchpoints' has 18 labels"):
        CxClassifier(model, facet="touchpoints").fit(["a", "b"], [[0, 1], [1, 0]])
    with pytest.raises(ValueError, match="y has the form of lists; the facet 'sentiment' has one label a text"):
        CxClassifier(model, facet="sentiment").fit(["a"], [["positive"]])


def test_a_stored_classifier_answers_in_another_process_and_holds_no_model(model: str, tmp_path: Path) -> None:
    classifier = CxClassifier(model).fit(TEXTS, PART)
    path = tmp_path / "classifier.joblib"
    joblib.dump(classifier, path)
    assert path.stat().st_size < 50_000
    script = (
        f"import joblib, sys; print(*joblib.load({str(path)!r}).predict(sys.argv[1:])); print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *TEXTS[:5]], env=tiny.environment(), capture_output=True, encoding="utf-8",
        timeout=120,
    )  # fmt: skip
    assert done.stdout.split() == [*classifier.predict(TEXTS[:5]), "False"], done.stderr


def test_another_model_under_the_name_is_noticed(model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_bundle(Path(model), tmp_path / "bundle")
    classifier = CxClassifier(str(tmp_path / "bundle")).fit(TEXTS, PART)
    other = Tagger.load(model, min_precision=None)
    monkeypatch.setattr("cxnlp.integrations.sklearn.shared_tagger", lambda *_, **__: other)
    assert classifier.predict(TEXTS[:2]).tolist()  # a copy is the same model
    monkeypatch.setattr(type(other), "fingerprint", "other")
    with pytest.raises(BundleError, match="is another one than this classifier was fitted with; fit it anew"):
        classifier.predict(TEXTS[:2])


def test_a_model_is_loaded_once_and_anew_when_it_was_written_anew(model: str, tmp_path: Path) -> None:
    copy_bundle(Path(model), tmp_path / "bundle")
    first = shared_tagger(tmp_path / "bundle")
    assert shared_tagger(str(tmp_path / "bundle")) is first
    copy_bundle(Path(model), tmp_path / "bundle")
    again = shared_tagger(tmp_path / "bundle")
    assert again is not first
    assert again.fingerprint == first.fingerprint


def test_hidden_states_are_the_means_over_all_tokens(model: str) -> None:
    pytest.importorskip("torch")
    classifier = CxClassifier(model, mode="hidden").fit(TEXTS, MOOD)
    assert classifier.score(TEXTS, MOOD) > 0.9
    long = " ".join(TEXTS[:10])  # more than a window of 32 tokens
    tagger = classifier._fitted_tagger()
    found = classifier._features(tagger, [long, TEXTS[0], long])
    assert found.shape == (3, 32)
    np.testing.assert_array_equal(found[0], found[2])
    np.testing.assert_allclose(found[1], classifier._features(tagger, [TEXTS[0]])[0], atol=1e-5)


def test_the_whole_network_is_fine_tuned_and_stored_as_plain_values(model: str) -> None:
    pytest.importorskip("accelerate")
    classifier = CxClassifier(model, mode="finetune", epochs=4, learning_rate=3e-3, random_state=1).fit(TEXTS, MOOD)
    assert classifier.score(TEXTS, MOOD) > 0.8
    probs = classifier.predict_proba(TEXTS)
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    stored = pickle.dumps(classifier)
    names = [arg for _, arg, _ in pickletools.genops(stored) if isinstance(arg, str) and len(arg) < 100]
    assert "cxnlp.training.in_memory" in names
    assert [name for name in names if name.split(".")[0] in ("torch", "transformers")] == []
    file = io.BytesIO()
    joblib.dump(classifier, file)
    file.seek(0)
    again = joblib.load(file)
    np.testing.assert_array_equal(again.predict_proba(TEXTS), probs)
    assert not hasattr(clone(classifier), "network_")


def test_fine_tuning_with_several_labels(model: str) -> None:
    pytest.importorskip("accelerate")
    classifier = CxClassifier(model, mode="finetune", epochs=1, random_state=0).fit(TEXTS, [[mood] for mood in MOOD])
    probs = classifier.predict_proba(TEXTS)
    assert probs.shape == (40, 2)
    limits = classifier.network_.cutoffs.thresholds["label"].values()
    expected = [tuple(classifier.classes_[row >= list(limits)]) for row in probs.astype(np.float32)]
    assert classifier.predict(TEXTS).tolist() == expected


def test_what_is_not_installed_is_explained() -> None:
    script = "import sys; sys.modules['sklearn'] = None\nimport cxnlp.integrations.sklearn"
    done = subprocess.run(
        [sys.executable, "-c", script], env=tiny.environment(), capture_output=True, encoding="utf-8", timeout=120
    )
    assert 'needs scikit-learn, which is not installed: pip install "cxnlp[sklearn]"' in done.stderr
