"""``cxnlp calibrate``: another model of the same network, fitted to reviews of one's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import tiny
from cxnlp import Tagger
from cxnlp.bundle import read_manifest
from cxnlp.cli.main import main


def labelled(path: Path, times: int = 4) -> Path:
    rows = [
        {**row, "id": f"{row['id']}-{i}", "text": row["text"][:-1] + "!" * (i + 1)}
        for row in tiny.records()
        for i in range(times)
    ]
    return tiny.write_jsonl(path, rows)


def test_a_model_fitted_to_other_reviews(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = labelled(tmp_path / "ours.jsonl")
    assert main(["calibrate", str(tiny_bundle), str(data), "--output", str(tmp_path / "fitted")]) == 0
    said = capsys.readouterr()
    assert "160 reviews, figures × 100; after: each review labelled by what the others say." in said.out
    assert said.err == f"cxnlp: wrote {tmp_path / 'fitted'}\n"
    before, after = read_manifest(tiny_bundle), read_manifest(tmp_path / "fitted")
    assert after.files == before.files
    assert after.recipe == before.recipe
    assert after.thresholds != before.thresholds
    assert after.scaling != before.scaling
    assert set(after.precise) == {"0.7", "0.75", "0.8", "0.85", "0.9", "0.95"}
    assert after.data["calibrated_on"]["name"] == "ours"
    assert after.data["calibrated_on"]["reviews"] == {"da": 40, "en": 40, "no": 40, "sv": 40}
    assert set(after.scores) == {"ours"}
    assert "Thresholds and calibration were learnt on ours: da 40, en 40, no 40, sv 40." in (
        tmp_path / "fitted" / "README.md"
    ).read_text("utf-8")
    # It is loaded like any other, and what it says of itself holds.
    tagger = Tagger.load(tmp_path / "fitted")
    assert tagger.cutoffs.thresholds == after.thresholds
    assert main(["evaluate", str(tmp_path / "fitted"), str(data), "--json", str(tmp_path / "figures.json")]) == 0
    assert "it was calibrated on these very reviews. Its figures flatter" in capsys.readouterr().err
    figures = json.loads((tmp_path / "figures.json").read_text("utf-8"))["figures"]
    assert figures == after.scores["ours"]
    assert main(["info", str(tmp_path / "fitted")]) == 0
    assert "calibrated  on ours: da 40, en 40, no 40, sv 40" in capsys.readouterr().out


def test_the_figures_before_are_those_of_evaluate(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = labelled(tmp_path / "ours.jsonl")
    assert main(["evaluate", str(tiny_bundle), str(data), "--json", str(tmp_path / "figures.json")]) == 0
    capsys.readouterr()
    assert main(["calibrate", str(tiny_bundle), str(data), "-o", str(tmp_path / "fitted")]) == 0
    shown = {line[:-16].strip(): line[-16:].split() for line in capsys.readouterr().out.splitlines()}
    figures = json.loads((tmp_path / "figures.json").read_text("utf-8"))["figures"]
    assert shown["sentiment, accuracy"][0] == f"{100 * figures['sentiment']['accuracy']['all']['value']:.1f}"
    assert shown["phases, main label"][0] == f"{100 * figures['phases']['main_accuracy']['all']['value']:.1f}"


def test_what_few_reviews_cannot_teach_stays(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", str(tiny_bundle), str(labelled(tmp_path / "a.jsonl")), "-o", str(tmp_path / "a")]) == 0
    capsys.readouterr()
    # 35 sentiments and 30 phases, 5 touchpoints.
    rows = [{**row, "text": row["text"] + "?"} for row in tiny.records()[:35]]
    rows = [{k: v for k, v in row.items() if i < 5 or k != "touchpoints"} for i, row in enumerate(rows)]
    few = tiny.write_jsonl(tmp_path / "few.jsonl", rows)
    assert main(["calibrate", str(tmp_path / "a"), str(few), "--output", str(tmp_path / "b")]) == 0
    said = capsys.readouterr().err
    assert "35 reviews are too few to learn scaling and thresholds of touchpoints, polarity (30 gold labels" in said
    assert "the cutoffs of needs_review and --min-precision (100 reviews); these stay as they are" in said
    before, after = read_manifest(tmp_path / "a"), read_manifest(tmp_path / "b")
    assert before.scaling["touchpoints"] == after.scaling["touchpoints"]
    assert before.thresholds["touchpoints"] == after.thresholds["touchpoints"]
    assert before.review == after.review != {}
    assert list(before.precise) == list(after.precise) != []
    assert before.scaling["phases"] != after.scaling["phases"]


def test_too_few_to_learn_anything(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    few = tiny.write_jsonl(tmp_path / "few.jsonl", [{**row, "text": row["text"] + "!"} for row in tiny.records()[:12]])
    assert main(["calibrate", str(tiny_bundle), str(few), "--output", str(tmp_path / "fitted")]) == 2
    assert "12 labelled reviews: every facet has fewer than 30 gold labels" in capsys.readouterr().err
    assert not (tmp_path / "fitted").exists()


def test_in_place_with_a_broken_line(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = tmp_path / "mine"
    shutil.copytree(tiny_bundle, bundle)
    (bundle / "notes.txt").write_text("ours", "utf-8")
    data = labelled(tmp_path / "ours.jsonl")
    data.write_text(data.read_text("utf-8") + "{broken\n", "utf-8")
    assert main(["calibrate", str(bundle), str(data), "--output", str(bundle)]) == 1
    assert f"{data}, line 161: not a JSON object" in capsys.readouterr().err
    assert read_manifest(bundle).data["calibrated_on"]["name"] == "ours"
    assert (bundle / "notes.txt").read_text("utf-8") == "ours"


def test_labels_with_texts_elsewhere(tiny_bundle: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in labelled(tmp_path / "ours.jsonl").read_text("utf-8").splitlines()]
    texts = tiny.write_jsonl(tmp_path / "texts.jsonl", [{"id": row["id"], "text": row["text"]} for row in rows])
    labels = tiny.write_jsonl(
        tmp_path / "labels.jsonl", [{k: v for k, v in row.items() if k != "text"} for row in rows]
    )
    named = ["--texts", texts, "--text-column", "text"]
    for name, more in (("a", [tmp_path / "ours.jsonl"]), ("b", [labels, *named]), ("c", [labels, *named[:2]])):
        assert main(["calibrate", str(tiny_bundle), *map(str, more), "--output", str(tmp_path / name)]) == 0
    assert read_manifest(tmp_path / "a").thresholds == read_manifest(tmp_path / "b").thresholds


def test_reviews_that_were_learnt_from(
    tiny_bundle: Path, tiny_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", str(tiny_bundle), str(tiny_home / "reviews.jsonl"), "-o", str(tmp_path / "fitted")]) == 0
    said = "Fitted to what it learnt from it will be too sure of itself; use --split dev, or other reviews"
    assert said in capsys.readouterr().err
    # It is said again of a model that was calibrated on them.
    assert (
        main(["calibrate", str(tmp_path / "fitted"), str(tiny_home / "reviews.jsonl"), "-o", str(tmp_path / "b")]) == 0
    )
    err = capsys.readouterr().err
    assert said in err and "; it was calibrated on these very reviews." in err


def test_what_cannot_be_used_writes_nothing(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = labelled(tmp_path / "ours.jsonl")
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "letter.txt").write_text("mine", "utf-8")
    assert main(["calibrate", str(tiny_bundle), str(data), "--output", str(taken)]) == 2
    assert "exists and is not a bundle" in capsys.readouterr().err
    norec = tmp_path / "norec"
    norec.mkdir()
    (norec / "test.json").write_text(json.dumps([{"sent_id": "1", "text": "Fin.", "label": 2}]), "utf-8")
    assert main(["calibrate", str(tiny_bundle), str(norec), "--output", str(tmp_path / "fitted")]) == 2
    assert "has only some labels of the taxonomy" in capsys.readouterr().err
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", "utf-8")
    assert main(["calibrate", str(tiny_bundle), str(empty), "--output", str(tmp_path / "fitted")]) == 2
    assert not (tmp_path / "fitted").exists()
    assert [path.name for path in taken.iterdir()] == ["letter.txt"]
