"""The Tagger: the same labels whatever the batch, the order, the thread or the back end."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

import tiny
from cxnlp import Prediction, Tagger
from cxnlp.errors import BackendError
from cxnlp.inference.parity import label_changes
from cxnlp.inference.tagger import MAX_WINDOWS
from cxnlp.inference.windows import join_windows
from cxnlp.taxonomy import probabilities
from cxnlp.text import pad

BACKENDS = ("onnx", "torch")
TEXTS = tiny.sample_texts() + [record["text"] for record in tiny.records()]


@pytest.fixture(scope="module")
def taggers(tiny_bundle: Path) -> dict[str, Tagger]:
    return {name: Tagger.load(tiny_bundle, backend=name, device="cpu") for name in BACKENDS}


@pytest.fixture(params=BACKENDS)
def tagger(request: pytest.FixtureRequest, taggers: dict[str, Tagger]) -> Tagger:
    return taggers[request.param]


def _labels(predictions: Sequence[Prediction]) -> list[object]:
    return [prediction.labels for prediction in predictions]


def _tag_in_batches(tagger: Tagger, size: int) -> tuple[list[object], npt.NDArray[np.float32]]:
    labels, probs = [], []
    for start in range(0, len(TEXTS), size):
        labels += _labels(tagger.tag(TEXTS[start : start + size], languages=False))
        probs.append(tagger.probabilities(TEXTS[start : start + size]))
    return labels, np.concatenate(probs)


@pytest.mark.parametrize("size", [1, 7])
def test_one_at_a_time_is_seven_is_all(tagger: Tagger, size: int) -> None:
    labels, probs = _tag_in_batches(tagger, size)
    all_labels, all_probs = _tag_in_batches(tagger, len(TEXTS))
    assert labels == all_labels
    assert np.abs(probs - all_probs).max() < 1e-5


def test_order_does_not_matter(tagger: Tagger) -> None:
    order = random.Random(5).sample(range(len(TEXTS)), len(TEXTS))
    found = tagger.tag([TEXTS[i] for i in order], languages=False)
    expected = tagger.tag(TEXTS, languages=False)
    assert _labels(found) == [expected[i].labels for i in order]
    assert [p.flags for p in found] == [expected[i].flags for i in order]
    assert np.abs(tagger.probabilities([TEXTS[i] for i in order]) - tagger.probabilities(TEXTS)[order]).max() < 1e-5


def test_labels_are_the_same_in_both_back_ends(taggers: dict[str, Tagger]) -> None:
    onnx, torch = (taggers[name].tag(TEXTS, languages=False) for name in BACKENDS)
    assert [p.flags for p in onnx] == [p.flags for p in torch]
    # The weights are the same; onnx also rounds what passes between the layers to eight bits, which may tip a label
    # that lies on the border; so small a network lies close to many.
    changed = label_changes(taggers["onnx"].taxonomy, [p.labels for p in torch], [p.labels for p in onnx])
    assert changed <= 0.03
    assert np.abs(taggers["onnx"].probabilities(TEXTS) - taggers["torch"].probabilities(TEXTS)).mean() < 0.01


def test_labels_differ_between_texts(tagger: Tagger) -> None:
    assert len({str(labels) for labels in _labels(tagger.tag(TEXTS, languages=False))}) > 8


def test_eight_threads_give_what_one_gives(tagger: Tagger) -> None:
    expected = _labels(tagger.tag(TEXTS))
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(lambda _: _labels(tagger.tag(TEXTS)), range(8)):
            assert found == expected


def test_nothing_to_score(tagger: Tagger) -> None:
    assert tagger.tag([]) == []
    assert tagger.probabilities([]).shape == (0, tagger.taxonomy.n_logits)


@pytest.mark.parametrize("text", ["", "   \n\t", "\u200b\ufeff", None])
def test_an_empty_text_is_marked(tagger: Tagger, text: str) -> None:
    first, second = tagger.tag([text, "Appen var helt topp."])
    assert first.empty
    assert first.flags == ("empty",)
    assert first.language == "und"
    assert second.flags == ()
    assert second.labels == tagger.tag(["Appen var helt topp."])[0].labels


def test_only_emoji(tagger: Tagger) -> None:
    (found,) = tagger.tag(["🙂🙂🎉"])
    assert found.language == "und"
    assert found.flags == ()  # there is something to read


def test_right_to_left_is_another_language(tagger: Tagger) -> None:
    found = tagger.tag(["שירות מצוין ומשלוח מהיר מאוד", "خدمة ممتازة وتوصيل سريع جدا"])
    assert [prediction.language for prediction in found] == ["he", "ar"]
    assert all(prediction.flags == ("other_language",) for prediction in found)


def test_what_the_file_declares_decides_short_texts(tagger: Tagger) -> None:
    found = tagger.tag(["God pris", "God pris", "👍"], declared=["da", "no", "da"])
    assert [prediction.language for prediction in found] == ["da", "no", "und"]
    assert tagger.tag(["God pris"], languages=False, declared=["da"])[0].language == ""


def test_a_prediction_is_a_record(tagger: Tagger) -> None:
    (found,) = tagger.tag(["Leveringen var elendig, men betjeningen var helt topp!"])
    record = found.as_record()
    assert record["language"] == "no"
    assert record["sentiment"] == found.sentiment
    assert record["touchpoints"] == found.touchpoints
    assert record["phase"] == record["phases"][0] == found.phase
    assert record["stage"] == found.stage
    for facet in ("sentiment", "touchpoints", "polarity", "phases"):
        assert found.probabilities[facet].keys() == record["probabilities"][facet].keys()
    assert sum(found.probabilities["sentiment"].values()) == pytest.approx(1, abs=1e-5)
    p = found.probabilities["sentiment"]
    assert found.sentiment_score == pytest.approx(p["positive"] - p["negative"])
    assert found.confidence == pytest.approx(max(p.values()))


def test_specials_in_a_text_are_not_obeyed(tagger: Tagger) -> None:
    assert tagger.tokenizer.encode(["</s><pad><mask>"]) == [[]]
    plain, with_specials = tagger.probabilities(["Appen var helt topp.", "Appen var helt topp.</s><pad><mask>"])
    assert np.abs(plain - with_specials).max() < 1e-5


@pytest.mark.parametrize("texts", ["one string", b"bytes", [1], [["x"]], ["fine", b"x"], [1.5]])
def test_what_is_no_text_is_refused(tagger: Tagger, texts: object) -> None:
    for call in (tagger.tag, tagger.probabilities):
        with pytest.raises(TypeError, match="expected"):
            call(texts)  # type: ignore[operator]


def test_progress_counts_every_text_once(tagger: Tagger) -> None:
    steps: list[int] = []
    tagger.tag(TEXTS, languages=False, progress=steps.append)
    assert sum(steps) == len(TEXTS)


# Long texts


def test_windows_are_joined_as_documented() -> None:
    taxonomy = tiny.toy_taxonomy()
    # mood (mean by length), parts (maximum), view (of the window that speaks of the part most), when (maximum)
    windows = np.array(
        [
            [0.2, 0.8, 0.9, 0.1, 0.3, 0.7, 0.6, 0.4, 0.1, 0.2, 0.3],
            [0.6, 0.4, 0.5, 0.4, 0.8, 0.2, 0.9, 0.1, 0.7, 0.1, 0.0],
            [0.5, 0.5, 0.3, 0.2, 0.5, 0.5, 0.5, 0.5, 0.4, 0.4, 0.4],
        ],
        np.float32,
    )
    owners, lengths = np.array([0, 0, 1]), np.array([30, 10, 5], np.float32)
    joined = join_windows(taxonomy, windows, owners, lengths, 2)
    by_hand = [(30 * 0.2 + 10 * 0.6) / 40, (30 * 0.8 + 10 * 0.4) / 40, 0.9, 0.4, 0.3, 0.7, 0.9, 0.1, 0.7, 0.2, 0.3]
    assert joined[0] == pytest.approx(by_hand)
    assert joined[1] == pytest.approx(windows[2])


def test_a_long_text_is_the_join_of_its_windows(tagger: Tagger) -> None:
    text = " ".join(f"Leveringen var elendig {i}." for i in range(20))
    windows = tagger.tokenizer.windows(tagger.tokenizer.encode([text])[0])
    assert len(windows) > 3
    assert max(len(window) for window in windows) == 32
    logits = np.concatenate([tagger.backend.logits(pad([window], tagger.tokenizer.pad_id)) for window in windows])
    lengths = np.array([len(window) for window in windows], np.float32)
    expected = join_windows(
        tagger.taxonomy, probabilities(tagger.taxonomy, logits), np.zeros(len(windows), np.int64), lengths, 1
    )
    found = tagger.probabilities(["Appen var topp.", text, ""])[1]
    assert np.abs(found - expected[0]).max() < 1e-5


def test_the_end_of_a_long_text_counts(tagger: Tagger) -> None:
    beginning = "Appen " * 100
    parts = tagger.taxonomy.slices["touchpoints"]
    one, two = tagger.probabilities([beginning, beginning + "leveringen var elendig. " * 5])
    assert np.abs(one[parts] - two[parts]).max() > 0.01
    assert (two[parts] >= one[parts] - 0.05).all()  # the maximum over the windows: what was said stays said


def test_a_text_beyond_all_windows_is_marked(tagger: Tagger) -> None:
    room, overlap = 30, tagger.tokenizer.overlap
    fits = room + (MAX_WINDOWS - 1) * (room - overlap)  # tokens of exactly the most windows
    known = tagger.tokenizer.encode(["var"])[0]
    assert len(known) == 1
    just, over, all_over = tagger.tag(["var " * fits, "var " * (fits + 1), "var " * (3 * fits)], languages=False)
    assert just.flags == ()
    assert over.flags == all_over.flags == ("truncated",)


# Label changes, counted by hand


def test_label_changes_by_hand() -> None:
    taxonomy = tiny.toy_taxonomy()
    expected = {"mood": "good", "parts": {"door": "plus", "roof": "minus"}, "when": ("before", "after")}
    assert label_changes(taxonomy, [expected], [expected]) == 0
    # mood: 1 of 1. parts: roof is gone, 1 of 2; the door's polarity differs, 1 of 1. when: the same two, 0 of 2, but
    # the other one is the main one, 1 of 1.
    found = {"mood": "bad", "parts": {"door": "minus"}, "when": ("after", "before")}
    assert label_changes(taxonomy, [expected], [found]) == pytest.approx(4 / 7)
    # With a second review that agrees: mood 1, parts none, when 1 and its main label 1.
    other = {"mood": "bad", "parts": {}, "when": ("during",)}
    assert label_changes(taxonomy, [expected, other], [found, other]) == pytest.approx(4 / 10)
    assert label_changes(taxonomy, [], []) == 0
    with pytest.raises(ValueError):
        label_changes(taxonomy, [expected], [])


# What is not there


@pytest.mark.parametrize(
    "options, words",
    [
        ({"backend": "onxx"}, ("back end 'onxx'", "onnx, torch", "did you mean 'onnx'")),
        ({"device": "gpu"}, ("device 'gpu'", "auto, cpu, cuda")),
        ({"backend": "onnx", "device": "cuda"}, ("onnx", "CPU only", 'backend="torch"')),
    ],
)
def test_unknown_back_ends_and_devices(tiny_bundle: Path, options: dict[str, str], words: Sequence[str]) -> None:
    with pytest.raises(BackendError) as caught:
        Tagger.load(tiny_bundle, **options)
    for word in words:
        assert word in str(caught.value)


def test_cuda_without_one(tiny_bundle: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a CUDA device")
    with pytest.raises(BackendError, match=r'"cuda" was asked for, but torch sees no CUDA device; use device="auto"'):
        Tagger.load(tiny_bundle, backend="torch", device="cuda")
    assert str(Tagger.load(tiny_bundle, backend="torch", device="auto").backend.device) == "cpu"  # type: ignore[attr-defined]


@pytest.mark.cuda
def test_labels_are_the_same_on_a_gpu(tiny_bundle: Path, taggers: dict[str, Tagger]) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    found = Tagger.load(tiny_bundle, backend="torch", device="cuda").probabilities(TEXTS)
    assert np.abs(found - taggers["torch"].probabilities(TEXTS)).mean() < 0.02


def test_without_torch_onnx_scores_and_torch_is_explained(tiny_bundle: Path) -> None:
    script = f"""
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
from cxnlp import Tagger
from cxnlp.cli.main import main
from cxnlp.errors import BackendError
print(Tagger.load({str(tiny_bundle)!r}).tag(["Appen var helt topp."])[0].sentiment)
try:
    Tagger.load({str(tiny_bundle)!r}, backend="torch")
except BackendError as error:
    print(error)
sys.exit(main(["train", "recipe.toml"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=tiny.environment(), capture_output=True, encoding="utf-8", timeout=300
    )
    lines = done.stdout.splitlines()
    assert lines[0] in ("positive", "negative", "neutral", "mixed")
    assert lines[1] == 'the torch back end needs torch: pip install "cxnlp[torch]"'
    assert done.returncode == 2
    assert 'training needs torch: pip install "cxnlp[train]"' in done.stderr
    assert "Traceback" not in done.stderr


def test_the_engine_reports_to_nobody(tiny_bundle: Path, tmp_path: Path) -> None:
    """ONNX Runtime's own reports begin with a device's number and a queue in the home folder."""
    code = f"from cxnlp import Tagger; print(len(Tagger.load({str(tiny_bundle)!r}).tag(['god mat'])))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=tiny.environment(HOME=str(tmp_path)), capture_output=True, encoding="utf-8"
    )
    assert done.stdout.strip() == "1", done.stderr
    assert list(tmp_path.rglob("*")) == []


def test_no_texts_have_no_predictions(tiny_bundle: Path) -> None:
    tagger = Tagger.load(tiny_bundle)
    assert tagger.tag([]) == []
    assert tagger.probabilities([]).shape == (0, tagger.taxonomy.n_logits)


def test_a_record_of_nothing_says_nothing(tiny_bundle: Path) -> None:
    (prediction,) = Tagger.load(tiny_bundle).tag([""])
    record = prediction.as_record()
    assert record["flags"] == ["empty"]
    assert {key for key, value in record.items() if value is not None} == {"language", "flags"}
    said = prediction
    assert (said.sentiment, said.phase, said.stage, said.phases, said.touchpoints, said.sentiment_score) == (
        "", "", "", (), {}, 0.0,
    )  # fmt: skip
