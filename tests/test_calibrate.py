"""``cxnlp calibrate``: another model of the same network, fitted to reviews of one's own."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tiny
from cxnlp import Tagger
from cxnlp.bundle import read_manifest
from cxnlp.cli.main import main
from cxnlp.data import Review, read_reviews
from cxnlp.evaluation import Confidence, choose_cutoffs, learn_confidence
from cxnlp.evaluation.confidence import learn_more
from cxnlp.taxonomy import Cutoffs, first_labels, parse_taxonomy, scale_probabilities
from test_bundle import edit_manifest


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
    assert "160 reviews, figures × 100 with paired 95 % intervals; after: each review labelled by" in said.out
    assert said.err == f"cxnlp: wrote {tmp_path / 'fitted'}\n"
    before, after = read_manifest(tiny_bundle), read_manifest(tmp_path / "fitted")
    assert after.files == before.files
    assert after.recipe == before.recipe
    assert after.scaling != before.scaling
    assert (before.name, after.name) == ("tiny", "fitted")
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
    assert main(["info", str(tmp_path / "fitted")]) == 0
    assert "calibrated  on ours: da 40, en 40, no 40, sv 40" in capsys.readouterr().out


def test_the_figures_before_are_those_of_evaluate(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = labelled(tmp_path / "ours.jsonl")
    assert main(["evaluate", str(tiny_bundle), str(data), "--json", str(tmp_path / "figures.json")]) == 0
    capsys.readouterr()
    assert main(["calibrate", str(tiny_bundle), str(data), "-o", str(tmp_path / "fitted")]) == 0
    lines = [line.split("  ") for line in capsys.readouterr().out.splitlines() if line.startswith(("sent", "phas"))]
    shown = {line[0]: [cell for cell in line[1:] if cell] for line in lines}
    figures = json.loads((tmp_path / "figures.json").read_text("utf-8"))["figures"]
    assert shown["sentiment, accuracy"][0].strip() == f"{100 * figures['sentiment']['accuracy']['all']['value']:.1f}"
    assert shown["phases, main label"][0].strip() == f"{100 * figures['phases']['main_accuracy']['all']['value']:.1f}"


def test_what_few_reviews_cannot_teach_stays(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", str(tiny_bundle), str(labelled(tmp_path / "a.jsonl")), "-o", str(tmp_path / "a")]) == 0
    capsys.readouterr()
    rows = [json.loads(line) for line in labelled(tmp_path / "b.jsonl", 3).read_text("utf-8").splitlines()]
    rows = [{k: v for k, v in row.items() if i < 5 or k != "touchpoints"} for i, row in enumerate(rows)]
    few = tiny.write_jsonl(tmp_path / "few.jsonl", rows)  # 120 sentiments and phases, 5 touchpoints
    assert main(["calibrate", str(tmp_path / "a"), str(few), "--output", str(tmp_path / "b")]) == 0
    said = capsys.readouterr().err
    assert "120 reviews are too few to learn scaling and thresholds of touchpoints, polarity (30 gold labels" in said
    assert "these stay as they are" in said
    before, after = read_manifest(tmp_path / "a"), read_manifest(tmp_path / "b")
    assert before.scaling["touchpoints"] == after.scaling["touchpoints"]
    assert before.thresholds["touchpoints"] == after.thresholds["touchpoints"]
    assert before.scaling["sentiment"] != after.scaling["sentiment"]
    for precision, cutoffs in before.precise.items():
        assert after.precise[precision]["thresholds"]["touchpoints"] == cutoffs["thresholds"]["touchpoints"]


@pytest.mark.parametrize("times", [1, 4])
def test_too_few_reviews(times: int, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{**row, "text": row["text"] + "!"} for row in tiny.records()] * times  # copies say nothing more
    few = tiny.write_jsonl(tmp_path / "few.jsonl", [*rows, {**rows[0], "text": " "}])
    assert main(["calibrate", str(tiny_bundle), str(few), "--output", str(tmp_path / "fitted")]) == 2
    said = capsys.readouterr().err
    copies, n = 40 * (times - 1), 40 * times + 1
    assert f"of {n} reviews {copies} that say again what another says, and 1 without text are left out" in said
    assert "40 labelled reviews with a text of its own; expected 100 or more" in said
    assert not (tmp_path / "fitted").exists()


def test_sure_answers_that_are_all_right_do_not_run_away() -> None:
    """A hundred right answers, said with 0.8, do not make 0.999 of it: they count beside what was known."""
    taxonomy = parse_taxonomy('name = "m"\n[facets.mood]\nkind = "one_of"\nlabels = ["bad", "good"]\n', "m.toml")
    probs = np.array([[0.2, 0.8]] * 100, np.float32)
    gold = [Review(str(i), f"t {i}", "no", {"mood": "good"}) for i in range(100)]
    before = Confidence({"mood": {"bad": (1.0, 0.0), "good": (1.0, 0.0)}}, Cutoffs({}))
    more = learn_more(taxonomy, probs, gold, before)
    # With 50 reviews more, of which 40 were right: 140 of 150.
    found = scale_probabilities(taxonomy, probs, more.scaling)
    assert found[0, 1] == pytest.approx(140 / 150, abs=0.01)
    # Two times over is one after the other.
    again = learn_more(taxonomy, probs, gold, more)
    assert again.scaling["mood"]["good"][0] > more.scaling["mood"]["good"][0]


def test_few_labels_move_no_threshold_and_no_main_label() -> None:
    taxonomy = parse_taxonomy(
        'name = "m"\n[facets.parts]\nkind = "any_of"\nlabels = ["door", "roof"]\n'
        '[facets.times]\nkind = "any_of"\nlabels = ["before", "after"]\nmain = "time"\n', "m.toml",
    )  # fmt: skip
    rng = np.random.default_rng(0)
    probs = np.concatenate([np.full((120, 2), 0.46), rng.uniform(0.1, 0.9, (120, 2))], axis=1).astype(np.float32)
    gold = [
        Review(str(i), f"t {i}", "no", {"times": ("before", "after")[:: 1 if rng.random() < 0.5 else -1]})
        for i in range(120)
    ]
    gold = [replace(one, labels={**one.labels, "parts": ("door",)}) if i < 20 else one for i, one in enumerate(gold)]
    known = Confidence(
        {}, Cutoffs({"parts": {"door": 0.5, "roof": 0.5}, "times": {"before": 0.5, "after": 0.5}},
                    main={"times": {"before": 0.4, "after": 0.0}}),
    )  # fmt: skip
    more = learn_more(taxonomy, probs, gold, known)
    assert more.cutoffs.thresholds["parts"] == known.cutoffs.thresholds["parts"]
    # The main label is by chance here, so what is known of it stands, in whatever units the log-odds have now.
    before, after = (
        first_labels(taxonomy["times"], scale_probabilities(taxonomy, probs, one.scaling)[:, 2:], one.cutoffs)[0]
        for one in (known, more)
    )
    assert (before != after).mean() < 0.02


def test_thresholds_stay_where_no_better_ones_are_found() -> None:
    taxonomy = parse_taxonomy('name = "m"\n[facets.parts]\nkind = "any_of"\nlabels = ["door", "roof"]\n', "m.toml")
    probs = np.array([[0.9, 0.2], [0.1, 0.7]] * 60, np.float32)
    gold = [Review(str(i), f"t {i}", "no", {"parts": ("door",) if i % 2 == 0 else ("roof",)}) for i in range(120)]
    start = Cutoffs({"parts": {"door": 0.61, "roof": 0.43}})
    assert choose_cutoffs(taxonomy, probs, gold, start=start).thresholds == start.thresholds
    wrong = Cutoffs({"parts": {"door": 0.05, "roof": 0.43}})  # every review has a door
    found = choose_cutoffs(taxonomy, probs, gold, start=wrong).thresholds["parts"]
    assert found["roof"] == pytest.approx(0.43, abs=0.02)  # drawn half-way to the middle, for which all is as good
    assert 0.1 < found["door"] < 0.9


def test_anew_is_what_training_does(tiny_bundle: Path, tmp_path: Path) -> None:
    data = labelled(tmp_path / "ours.jsonl")
    assert main(["calibrate", str(tiny_bundle), str(data), "--anew", "--output", str(tmp_path / "fitted")]) == 0
    tagger = Tagger.load(tiny_bundle)
    found = read_reviews(data, tagger.taxonomy)[0]
    network = Tagger(tagger.taxonomy, tagger.tokenizer, tagger.backend, Cutoffs({}))
    learnt = learn_confidence(tagger.taxonomy, network.probabilities([one.text for one in found]), found)
    assert Tagger.load(tmp_path / "fitted").cutoffs == learnt.cutoffs


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


def test_reviews_that_were_learnt_from(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.loads(line) for line in labelled(tmp_path / "more.jsonl", 2).read_text("utf-8").splitlines()]
    data = tiny.write_jsonl(tmp_path / "reviews.jsonl", [*tiny.records(), *rows])
    shutil.copytree(tiny_bundle, tmp_path / "known")
    edit_manifest(tmp_path / "known", lambda table: table["recipe"]["data"][0].update(paths=[str(data)]))
    assert main(["calibrate", str(tmp_path / "known"), str(data), "-o", str(tmp_path / "fitted")]) == 0
    said = "Fitted to what it learnt from it will be too sure of itself; use --split dev, or other reviews"
    assert said in capsys.readouterr().err
    # It is said again of a model that was calibrated on them.
    assert main(["calibrate", str(tmp_path / "fitted"), str(data), "-o", str(tmp_path / "b")]) == 0
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
    (tmp_path / "file").write_text("", "utf-8")
    assert main(["calibrate", str(tiny_bundle), str(data), "--output", str(tmp_path / "file" / "x")]) == 2
    assert "cannot be written" in capsys.readouterr().err
    assert main(["calibrate", str(tiny_bundle), str(data), "--output", "default"]) == 2
    assert "stands for the model that is shipped" in capsys.readouterr().err
    assert main(["calibrate", str(tiny_bundle), str(data), "--text-column", "x", "-o", str(tmp_path / "fitted")]) == 2
    assert "--text-column names a column of --texts" in capsys.readouterr().err
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
