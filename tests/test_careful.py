"""Careful reading: three readings joined, by hand; the option; what is refused."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

import tiny
from cxnlp import Tagger
from cxnlp.bundle import read_manifest
from cxnlp.cli.main import main
from cxnlp.errors import BundleError, SettingsError
from cxnlp.inference.careful import join_readings, readings
from cxnlp.taxonomy import Cutoffs, parse_taxonomy
from test_calibrate import labelled

pytest.importorskip("spacy")

HOTEL = parse_taxonomy(
    """
name = "hotel"
[facets.mood]
kind = "one_of"
labels = ["bad", "good"]
[facets.parts]
kind = "any_of"
labels = ["bed", "food"]
[facets.view]
kind = "polarity"
of = "parts"
labels = ["minus", "plus"]
[facets.times]
kind = "any_of"
labels = ["before", "during"]
main = "time"
""",
    "hotel.toml",
)
#      mood      parts     view: bed, food     times
PLAIN = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]


def odds(p: float) -> float:
    return float(np.log(p / (1 - p)))


def sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-x)))


def test_what_is_read() -> None:
    read = readings(["Fin seng. Dårlig mat.", "alt i små bokstaver", "", "Kort"])
    assert read.texts == [
        "Fin seng. Dårlig mat.", "alt i små bokstaver", "", "Kort",
        "fin seng. dårlig mat.", "kort",
        "Fin seng.", "Dårlig mat.",
    ]  # fmt: skip
    assert read.owners.tolist() == [0, 1, 2, 3, 0, 3, 0, 0]
    assert read.lowered.tolist() == [4, 1, 2, 5]
    assert (read.speakers.tolist(), read.sentences.tolist()) == ([0, 0], [6, 7])
    assert list(readings([]).texts) == []
    # A sentence that stands in several reviews is read once; so is one in lower case that is a whole one elsewhere.
    read = readings(["Bra! Bra! bra.", "BRA!", "Bra! Dyrt."])
    assert read.texts == [
        "Bra! Bra! bra.", "BRA!", "Bra! Dyrt.", "bra! bra! bra.", "bra!", "bra! dyrt.", "Bra!", "bra.", "Dyrt.",
    ]  # fmt: skip
    assert read.speakers.tolist() == [0, 0, 0, 2, 2]
    assert read.sentences.tolist() == [6, 6, 7, 6, 8]
    # Of a flood of sentences the first are read.
    assert len(readings(["Ja. " * 5_000]).sentences) == 64


def test_readings_joined_by_hand() -> None:
    read = readings(["Fin seng. Dårlig mat.", "kort"])
    assert len(read.texts) == 5  # both, the first in lower case, two sentences
    probs = np.array([PLAIN] * 5, np.float32)
    probs[0, :2], probs[2, :2] = [0.2, 0.8], [0.5, 0.5]
    # Beds: said with 0.6 of the whole, 0.6 in lower case, 0.9 and 0.1 in the sentences.
    probs[[0, 2, 3, 4], 2] = [0.6, 0.6, 0.9, 0.1]
    probs[3, 4:6] = [0.1, 0.9]
    probs[4, 4:6] = [0.8, 0.2]
    probs[3, 8] = 0.9
    found = join_readings(HOTEL, probs, read)
    # The mood: the mean of the logits, log 4 and 0.
    assert found[0, 1] == pytest.approx(sigmoid(np.log(4) / 2), abs=1e-5)
    assert found[0, 2] == pytest.approx(sigmoid((odds(0.6) + 0.3 * odds(0.9)) / 1.3), abs=1e-5)
    # Its polarity: the first sentence has 0.81 of 0.82 to say.
    plus = (0.81 * 0.9 + 0.01 * 0.2) / 0.82
    assert found[0, 5] == pytest.approx(sigmoid(0.3 * odds(plus) / 1.3), abs=1e-5)
    # Sentences do not say what a review is about.
    assert found[0, 8] == pytest.approx(0.5, abs=1e-5)
    # A text that is in lower case and has one sentence is what it was.
    assert found[1] == pytest.approx(PLAIN, abs=1e-5)
    assert found[0, :2].sum() == pytest.approx(1, abs=1e-6)


def test_nothing_is_read_of_no_texts() -> None:
    assert join_readings(HOTEL, np.zeros((0, 10), np.float32), readings([])).shape == (0, 10)


@pytest.fixture(scope="module")
def careful_bundle(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("careful")
    data = labelled(home / "ours.jsonl")
    assert main(["calibrate", str(tiny_bundle), str(data), "--careful", "--output", str(home / "careful")]) == 0
    return home / "careful"


TEXTS = ["Leveringen var helt topp. Appen var elendig.", "", "PERSONALEN VAR USEL!", "appen var elendig"]


def test_a_careful_tagger(careful_bundle: Path) -> None:
    careful, quick = Tagger.load(careful_bundle, careful=True), Tagger.load(careful_bundle)
    manifest = read_manifest(careful_bundle)
    assert careful.cutoffs == manifest.carefully().cutoffs()
    assert quick.cutoffs == manifest.cutoffs()
    assert careful.fingerprint != quick.fingerprint
    counted: list[int] = []
    together = careful.tag(TEXTS, progress=counted.append)
    assert sum(counted) == len(TEXTS)
    assert [one.flags for one in together][1] == ("empty",)
    # What is said of a review does not depend on its neighbours.
    for text, one in zip(TEXTS, together, strict=True):
        (alone,) = careful.tag([text])
        assert alone.labels == one.labels
        assert alone.probabilities["sentiment"] == pytest.approx(one.probabilities["sentiment"], abs=1e-5)
    # It is the joined reading of the network, scaled by what was learnt for that.
    network = Tagger(careful.taxonomy, careful.tokenizer, careful.backend, Cutoffs({}))
    read = readings(TEXTS)
    joined = join_readings(careful.taxonomy, network.probabilities(read.texts), read)
    careful.scaling, kept = {}, careful.scaling
    assert np.abs(careful.probabilities(TEXTS) - joined).max() < 1e-4
    careful.scaling = kept
    assert careful.tag([]) == []


def test_it_goes_to_another_process_as_what_it_is(careful_bundle: Path) -> None:
    careful = Tagger.load(careful_bundle, careful=True)
    there = pickle.loads(pickle.dumps(careful))  # noqa: S301 - what multiprocessing does
    assert there.careful
    assert there.fingerprint == careful.fingerprint


def test_the_commands(careful_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = labelled(tmp_path / "ours.jsonl")
    assert main(["calibrate", str(careful_bundle), str(data), "--output", str(tmp_path / "again")]) == 0
    out = capsys.readouterr().out
    assert "before   after  careful  after − before" in out  # what a model has is fitted too
    assert "sentiment, calibration error" in out
    assert read_manifest(tmp_path / "again").careful
    assert main(["evaluate", str(careful_bundle), str(data), "--careful", "--json", str(tmp_path / "a.json")]) == 0
    facts = json.loads((tmp_path / "a.json").read_text("utf-8"))
    assert facts["careful"] is True
    capsys.readouterr()
    assert main(["evaluate", str(careful_bundle), str(data), "--careful", "--against", str(careful_bundle)]) == 0
    assert f"A: {careful_bundle}, read carefully\nB: {careful_bundle}\n" in capsys.readouterr().out
    spelt = f"{careful_bundle}/"
    assert main(["evaluate", str(careful_bundle), str(data), "--careful", "--against", spelt]) == 0
    assert f"B: {spelt}\n" in capsys.readouterr().out
    texts = tmp_path / "texts.csv"
    texts.write_text("text\n" + "\n".join(TEXTS), encoding="utf-8")
    command = ["score", str(texts), "--model", str(careful_bundle), "--careful", "--evidence"]
    assert main([*command, "--output", str(tmp_path / "scored.jsonl")]) == 0
    rows = [json.loads(line) for line in (tmp_path / "scored.jsonl").read_text("utf-8").splitlines()]
    expected = Tagger.load(careful_bundle, careful=True).tag([TEXTS[0], *TEXTS[2:]])
    assert [row["sentiment"] for row in rows if row["text"]] == [one.sentiment for one in expected]


def test_a_model_that_has_not_learnt_it(tiny_bundle: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="has learnt nothing for careful reading; cxnlp calibrate --careful"):
        Tagger.load(tiny_bundle, careful=True)
    data = labelled(tmp_path / "ours.jsonl")
    assert main(["evaluate", str(tiny_bundle), str(data), "--careful"]) == 2
    assert "has learnt nothing for careful reading" in capsys.readouterr().err
    with pytest.raises(TypeError, match="careful is a str, expected True or False"):
        Tagger.load(tiny_bundle, careful="yes")  # type: ignore[arg-type]


def test_what_stands_there_must_fit(careful_bundle: Path, tmp_path: Path) -> None:
    from test_bundle import edit_manifest

    for key, change, words in (
        ("a", lambda careful: careful.pop("main"), "careful has no main, or not as an object; fetch the bundle anew"),
        ("c", lambda careful: careful.update(scaling=[]), "careful has no scaling, or not as an object"),
        ("b", lambda careful: careful["thresholds"].pop("phases"), "careful: thresholds of 'phases' do not match"),
    ):
        copy = tmp_path / key
        copy.mkdir()
        for path in careful_bundle.iterdir():
            (copy / path.name).write_bytes(path.read_bytes())
        edit_manifest(copy, lambda table, change=change: change(table["careful"]))
        with pytest.raises(BundleError, match=words):
            Tagger.load(copy)


def test_without_spacy(
    careful_bundle: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from cxnlp.text import sentences

    monkeypatch.setattr(sentences, "find_spec", lambda name: None)
    data = tiny.write_jsonl(tmp_path / "x.jsonl", tiny.records())
    with pytest.raises(Exception, match=r'careful reading needs spacy.*pip install "cxnlp\[evidence\]"'):
        Tagger.load(careful_bundle, careful=True)
    assert main(["score", str(data), "--model", str(careful_bundle), "--careful", "-o", str(tmp_path / "o.csv")]) == 2
    # A model that knows it is fitted without, and says so.
    ours = labelled(tmp_path / "ours.jsonl")
    assert main(["calibrate", str(careful_bundle), str(ours), "--careful", "--output", str(tmp_path / "x")]) == 2
    assert "careful reading needs spacy" in capsys.readouterr().err
    assert main(["calibrate", str(careful_bundle), str(ours), "--output", str(tmp_path / "x")]) == 0
    assert "the model will not know careful reading, which needs spacy" in capsys.readouterr().err
    assert not read_manifest(tmp_path / "x").careful


def test_the_first_careful_learning_goes_on_from_the_ordinary(tiny_bundle: Path, tmp_path: Path) -> None:
    """Of what the reviews hardly speak of, careful reading has what the ordinary one has."""
    assert main(["calibrate", str(tiny_bundle), str(labelled(tmp_path / "a.jsonl")), "-o", str(tmp_path / "a")]) == 0
    rows = [json.loads(line) for line in labelled(tmp_path / "b.jsonl", 3).read_text("utf-8").splitlines()]
    rows = [{k: v for k, v in row.items() if i < 5 or k != "touchpoints"} for i, row in enumerate(rows)]
    few = tiny.write_jsonl(tmp_path / "few.jsonl", rows)
    assert main(["calibrate", str(tmp_path / "a"), str(few), "--careful", "--output", str(tmp_path / "b")]) == 0
    ordinary, careful = read_manifest(tmp_path / "a"), read_manifest(tmp_path / "b").careful
    assert careful["thresholds"]["touchpoints"] == ordinary.thresholds["touchpoints"]
    assert careful["scaling"]["touchpoints"] == {k: list(v) for k, v in ordinary.scaling["touchpoints"].items()}
    for precision, cutoffs in ordinary.precise.items():
        assert careful["precise"][precision]["thresholds"]["touchpoints"] == cutoffs["thresholds"]["touchpoints"]


def test_a_folder_of_that_name_is_a_folder(
    careful_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["info", "default"]) == 0
    assert capsys.readouterr().out.startswith("nordic-small: ")
    assert main(["info", "./default"]) == 2
    assert "default: not a bundle (no such folder)" in capsys.readouterr().err
    (tmp_path / "default").symlink_to(careful_bundle)
    assert main(["info", "./default"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("careful: ") and "careful     reading learnt" in out
    texts = tiny.write_jsonl(tmp_path / "x.jsonl", [{"text": "Fin app."}])
    assert main(["score", str(texts), "--model", "./default", "--careful", "--output", "o.jsonl"]) == 0
    assert json.loads((tmp_path / "o.jsonl").read_text("utf-8"))["text"] == "Fin app."
