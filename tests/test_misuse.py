"""What a program that misuses the package is told, and a Tagger on its way to other processes."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
import shutil
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxnlp import Tagger
from cxnlp.errors import ArgumentTypeError, ArgumentValueError, BackendError, BundleError, CxnlpError
from cxnlp.inference.failures import MAX_FAILURES, Failures
from cxnlp.inference.frames import tag_frame
from cxnlp.inference.shared import tagger_of
from fake_tagger import FakeTagger

TEXTS = ["Leveringen var elendig.", "Appen var helt topp.", ""]


# Errors of one kind


def misuses(tagger: Tagger) -> dict[str, tuple[type[Exception], Any]]:
    return {
        "texts is one str": (TypeError, lambda: tagger.tag("Bra")),
        "texts is of type set": (TypeError, lambda: tagger.tag({"Bra"})),  # type: ignore[arg-type]
        "texts is of type int": (TypeError, lambda: tagger.tag(7)),  # type: ignore[arg-type]
        "a text is an int": (TypeError, lambda: tagger.tag(["Bra", 7])),  # type: ignore[list-item]
        "texts is one bytes": (TypeError, lambda: tagger.probabilities(b"Bra")),  # type: ignore[arg-type]
        "declared is one str": (TypeError, lambda: tagger.tag(["Bra"], declared="no")),
        "a declared language is an int": (TypeError, lambda: tagger.tag(["Bra"], declared=[0])),  # type: ignore[list-item]
        "2 declared languages for 1 texts": (ValueError, lambda: tagger.tag(["Bra"], declared=["no", "no"])),
        "the frame is of type list, expected": (TypeError, lambda: tagger.tag_frame([], "text")),
        "languages is a str, expected True or False; the languages of the texts go into declared=": (
            TypeError,
            lambda: tagger.tag(["Bra"], languages="no"),  # type: ignore[arg-type]
        ),
        "languages is a list": (TypeError, lambda: tagger.tag(["Bra"], languages=["no"])),  # type: ignore[arg-type]
        "progress is an int, expected a function": (
            TypeError,
            lambda: tagger.tag(["Bra"], progress=3),  # type: ignore[arg-type]
        ),
        "progress is a str": (
            TypeError,
            lambda: tagger.probabilities(["Bra"], progress="yes"),  # type: ignore[arg-type]
        ),
        "evidence is a str": (
            TypeError,
            lambda: tagger.tag_frame(None, "text", evidence="no"),  # type: ignore[arg-type]
        ),
        "mask_pii is an int": (
            TypeError,
            lambda: tagger.tag_frame(None, "text", mask_pii=1),  # type: ignore[arg-type]
        ),
        "threads is a bool, expected a whole number": (TypeError, lambda: Tagger.load(threads=True)),
        "threads is a str": (TypeError, lambda: Tagger.load(threads="2")),  # type: ignore[arg-type]
        "path is of type int, expected str or Path": (TypeError, lambda: Tagger.load(7)),  # type: ignore[arg-type]
    }


def test_misuse_is_both_an_error_of_ours_and_one_of_pythons(tiny_bundle: Path) -> None:
    for message, (kind, call) in misuses(Tagger.load(tiny_bundle, threads=1)).items():
        for caught in (kind, CxnlpError):
            with pytest.raises(caught) as found:
                call()
            assert message in str(found.value) and "Bra" not in str(found.value)


def test_options_of_loading_that_are_of_no_kind() -> None:
    for options in ({"backend": None}, {"device": 7}, {"threads": -1}, {"backend": "onx"}):
        with pytest.raises(BackendError, match="expected"):
            Tagger.load(**options)


def test_the_classifier_of_scikit_learn_likewise() -> None:
    pytest.importorskip("sklearn")
    from cxnlp.integrations.sklearn import CxClassifier

    for texts, labels in (("Bra", ["a"]), ([7], ["a"]), (["Bra"], ["a", "b"]), (["Bra"], None)):
        for kind in (ValueError, CxnlpError, ArgumentValueError):
            with pytest.raises(kind):
                CxClassifier().fit(texts, labels)


def test_a_tagger_names_its_model_and_what_computes_it(tiny_bundle: Path) -> None:
    tagger = Tagger.load(tiny_bundle, threads=1)
    assert tagger.manifest is not None
    assert repr(tagger) == f"Tagger({tagger.manifest.name}, OnnxBackend(threads=1))"
    made = Tagger(tagger.taxonomy, tagger.tokenizer, tagger.backend, tagger.cutoffs)
    assert repr(made) == "Tagger(no bundle, OnnxBackend(threads=1))"


@pytest.mark.parametrize("missing", [None, float("nan"), np.float32("nan")])
def test_a_missing_label_is_named_by_its_place(missing: Any) -> None:
    pytest.importorskip("sklearn")
    from cxnlp.inference.label_forms import read_labels

    for labels in (["a", "b", missing, "b"], np.array(["a", "b", missing, "b"], object), [["a"], [], missing]):
        with pytest.raises(ArgumentValueError, match="label 3 is missing, expected one for each text"):
            read_labels(labels)
    with pytest.raises(ArgumentValueError, match="label 2 is missing"):
        read_labels(np.array([1.0, np.nan]))
    pandas = pytest.importorskip("pandas")
    for label in (missing, pandas.NA):
        with pytest.raises(ArgumentValueError, match="label 2 is missing"):
            read_labels(pandas.Series(["a", label]))


def test_a_frame_without_columns_says_so() -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    for frame in (pandas.DataFrame(), pandas.DataFrame(index=[1, 2]), polars.DataFrame()):
        with pytest.raises(CxnlpError, match="text: no column 'comment'; the frame has no columns"):
            tag_frame(FakeTagger(), frame, "comment")


def test_a_file_in_place_of_a_folder(tiny_bundle: Path) -> None:
    file = tiny_bundle / "model.onnx"
    with pytest.raises(BundleError) as caught:
        Tagger.load(file)
    assert (
        str(caught.value) == f"{file}: a file, expected the folder of a bundle, in which manifest.json lies; give that"
    )


# Other processes


def label(tagger: Tagger) -> np.ndarray[Any, Any]:
    return tagger.probabilities(TEXTS)


def same(pair: tuple[Tagger, Tagger]) -> bool:
    return pair[0] is pair[1]


def test_a_tagger_goes_to_a_process_that_is_spawned(tiny_bundle: Path) -> None:
    tagger = Tagger.load(tiny_bundle, threads=1)
    expected = tagger.probabilities(TEXTS)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for found in pool.map(label, [tagger] * 2):
            assert np.abs(found - expected).max() < 1e-6
        other = Tagger.load(tiny_bundle, threads=1)
        assert list(pool.map(same, [(tagger, other)])) == [True]  # loaded once there


def test_it_goes_as_a_path_and_options_even_from_another_folder(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    stored = pickle.dumps(Tagger.load("mine", threads=1))
    assert len(stored) < 1_000
    monkeypatch.chdir("/")
    made = pickle.loads(stored)  # noqa: S301 - made above
    assert made.tag(["Bra"])[0].sentiment == copy.deepcopy(made).tag(["Bra"])[0].sentiment


def test_another_model_in_its_place_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_bundle, tmp_path / "mine")
    stored = pickle.dumps(Tagger.load(tmp_path / "mine", threads=1))
    shutil.rmtree(tmp_path / "mine")
    with pytest.raises(BundleError, match="not a bundle"):
        pickle.loads(stored)  # noqa: S301 - made above
    with pytest.raises(BundleError, match="another model than the process that sent the Tagger has"):
        tagger_of(tiny_bundle, "onnx", "auto", 1, None, False, "OnnxBackend of another bundle")


def test_one_that_was_made_by_hand_says_what_to_do(tiny_bundle: Path) -> None:
    loaded = Tagger.load(tiny_bundle, threads=1)
    made = Tagger(loaded.taxonomy, loaded.tokenizer, loaded.backend, loaded.cutoffs)
    with pytest.raises(TypeError, match=r"call Tagger\.load in each process") as caught:
        pickle.dumps(made)
    assert isinstance(caught.value, ArgumentTypeError)


# Engines that fail


def test_items_that_fail_are_found_by_halving_and_cost_no_other() -> None:
    calls: list[int] = []
    told: list[tuple[int, str]] = []

    def work(items: Any) -> list[int]:
        calls.append(len(items))
        if 13 in items:
            raise RuntimeError("13")
        return [item * 2 for item in items]

    failures = Failures()
    made = failures.spare(work, range(16), lambda n, error: told.append((n, type(error).__name__)))
    assert made == [None if i == 13 else 2 * i for i in range(16)]
    assert told == [(1, "RuntimeError")] and failures.in_row == 0  # 14 and 15 came after it
    assert calls == [16, 8, 8, 4, 4, 2, 1, 1, 2]
    assert failures.spare(work, [], lambda n, error: None) == []


def test_a_broken_engine_is_not_asked_again_and_again() -> None:
    calls: list[int] = []

    def work(items: Any) -> list[int]:
        calls.append(len(items))
        raise RuntimeError

    failures = Failures()
    assert failures.spare(work, range(64), lambda n, error: None) == [None] * 64
    assert failures.broken and len(calls) == 127
    calls.clear()
    assert failures.spare(work, range(64), lambda n, error: None) == [None] * 64
    assert calls == [64]
    with pytest.raises(KeyError):
        Failures().spare(lambda items: {}[items], range(4), lambda n, error: None, passed_on=(KeyError,))


def test_answers_without_numbers_count_as_failures() -> None:
    failures = Failures()
    assert failures.spare(lambda items: [None] * len(items), range(MAX_FAILURES), lambda n, error: None)
    assert failures.broken


def test_a_spacy_component_counts_failures_over_its_calls(tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spacy = pytest.importorskip("spacy")
    import cxnlp.integrations.spacy

    nlp = spacy.blank("nb")
    nlp.add_pipe("cxnlp", config={"model": str(tiny_bundle), "threads": 1, "evidence": False})
    tag = Tagger.tag

    def fail(self: Tagger, texts: Any, **more: Any) -> Any:
        if any("gift" in text for text in texts):
            raise RuntimeError(texts[0])
        return tag(self, texts, **more)

    monkeypatch.setattr(Tagger, "tag", fail)
    for text in [*["gift"] * (MAX_FAILURES - 1), "Bra", *["gift"] * (MAX_FAILURES - 1)]:
        assert nlp(text)._.cxnlp["flags"] == (["not_scored"] if text == "gift" else nlp("Bra")._.cxnlp["flags"])
    with pytest.raises(BackendError, match="failed on 64 reviews in a row") as caught:
        nlp("gift")
    assert "gift" not in str(caught.value)
    monkeypatch.undo()
    assert nlp("gift")._.cxnlp["sentiment"]  # nothing of the failure is remembered
    assert cxnlp.integrations.spacy.NAME in nlp.pipe_names


# Numbers as texts


def test_numbers_are_texts_in_frames_of_both_kinds_as_in_files() -> None:
    pandas, polars = pytest.importorskip("pandas"), pytest.importorskip("polars")
    numbers = [np.int64(3), np.float32(1.5), np.bool_(True), 7, None]
    flags = ["", "", "not_text; empty", "", "empty"]
    tagger = FakeTagger()
    frame = pandas.DataFrame({"text": pandas.Series(numbers, dtype=object)})
    assert tag_frame(tagger, frame, "text")["cx_flags"].tolist() == flags
    assert tagger.seen == ["3", "1.5", "", "7"]
    plain = polars.DataFrame({"text": [3, 1.5, True, 7, None]}, schema={"text": polars.Object})
    assert tag_frame(FakeTagger(), plain, "text")["cx_flags"].to_list() == flags
    for cells in ([1, 2, None], [1.5, 2.0, None], [True, False, None]):
        first = tag_frame(FakeTagger(), pandas.DataFrame({"text": cells}), "text")["cx_flags"].tolist()
        assert first == tag_frame(FakeTagger(), polars.DataFrame({"text": cells}), "text")["cx_flags"].to_list()
