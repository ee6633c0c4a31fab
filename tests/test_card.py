"""The model card: what it says of a bundle, and that hubs can read it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCardData
from huggingface_hub.repocard_data import model_index_to_eval_results

import tiny
from cxnlp.bundle import CARD_FILE, load_bundle, model_card, shipped_bundle, write_bundle
from cxnlp.cli.main import main


def head_of(card: str) -> dict[str, object]:
    _, head, _ = card.split("---\n", 2)
    found = yaml.safe_load(head)
    assert isinstance(found, dict)
    return found


FIGURES = {
    "sentiment": {
        "accuracy": {
            "all": {"value": 0.8, "low": 0.7, "high": 0.9, "few": False},
            "no": {"value": 0.75, "low": 0.5, "high": 1.0, "few": True},
            "da": {"value": None, "low": None, "high": None, "few": False},
        }
    }
}


def test_a_hub_reads_the_head(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    card = model_card(bundle.manifest, bundle.taxonomy, {"ours, test": FIGURES})
    head = head_of(card)
    assert head["language"] == ["no", "da", "sv", "en"]
    name, results = model_index_to_eval_results(head["model-index"])
    assert name == "tiny"
    found = [(r.dataset_name, r.task_name, r.metric_name, r.metric_type, r.metric_value) for r in results]
    # What rests on too few reviews, or is undefined, is not claimed.
    assert found == [("ours, test", "sentiment", "accuracy (all)", "accuracy", 0.8)]
    for row in ("| all | 80.0 [70–90] |", "| no | too few to say |", "| da | – |"):
        assert row in card
    ModelCardData(**{key: value for key, value in head.items() if key != "model-index"})


def test_a_head_without_results_is_still_one(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)  # of two development reviews, too few for any figure
    assert head_of(model_card(bundle.manifest, bundle.taxonomy))["model-index"] == [{"name": "tiny", "results": []}]


def test_it_says_what_was_learnt_from(tiny_bundle: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    card = model_card(bundle.manifest, bundle.taxonomy)
    assert "| composed | da 10, en 8, no 10, sv 9 | not stated |" in card
    assert "`touchpoints` (any_of): advertising, social_media" in card
    assert "so the figures flatter" in card


def test_a_bundle_is_written_with_its_card(tiny_bundle: Path, tmp_path: Path) -> None:
    bundle = load_bundle(tiny_bundle)
    assert (tiny_bundle / CARD_FILE).read_text("utf-8") == model_card(bundle.manifest, bundle.taxonomy)

    def again(folder: Path) -> Path:
        def fill(work: Path) -> object:
            for name in bundle.manifest.files:
                shutil.copy2(tiny_bundle / name, work / name)
            return bundle.manifest

        write_bundle(folder, fill)  # type: ignore[arg-type]
        return folder / CARD_FILE

    written = again(tmp_path / "model")
    written.write_text(written.read_text("utf-8") + "\nan older one\n", "utf-8")
    assert "an older one" not in again(tmp_path / "model").read_text("utf-8")
    written.write_text("# Notes of our own\n", "utf-8")
    assert again(tmp_path / "model").read_text("utf-8") == "# Notes of our own\n"


def test_figures_of_other_data(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = tiny.write_jsonl(tmp_path / "gold.jsonl", tiny.records())
    assert main(["evaluate", str(tiny_bundle), str(gold), "--json", str(tmp_path / "gold.json")]) == 0
    output = tmp_path / "card.md"
    scores = f"our reviews, test={tmp_path / 'gold.json'}"
    assert main(["card", str(tiny_bundle), "--scores", scores, "--output", str(output)]) == 0
    card = output.read_text("utf-8")
    value = json.loads((tmp_path / "gold.json").read_text("utf-8"))["figures"]["sentiment"]["accuracy"]["all"]["value"]
    assert "**our reviews, test**" in card
    assert f"| all | {100 * value:.1f} [" in card
    assert "development part" not in card
    capsys.readouterr()
    assert main(["card", str(tiny_bundle), "--scores", scores]) == 0
    assert capsys.readouterr().out == card
    # It may be written again, but nothing else is written over.
    assert main(["card", str(tiny_bundle), "--scores", scores, "--output", str(output)]) == 0
    output.write_text("notes of our own\n", "utf-8")
    for taken in (output, tmp_path / "gold.json", tiny_bundle / "manifest.json"):
        before = taken.read_bytes()
        assert main(["card", str(tiny_bundle), "--scores", scores, "--output", str(taken)]) == 2
        assert taken.read_bytes() == before


@pytest.mark.parametrize(
    ("scores", "part"),
    [("test", "expected NAME=FILE"), ("=x.json", "expected NAME=FILE"), ("test=none.json", "no such file")],
)
def test_scores_that_are_none(tiny_bundle: Path, scores: str, part: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["card", str(tiny_bundle), "--scores", scores]) == 2
    assert part in capsys.readouterr().err


def test_a_file_without_figures(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for content in ("{}", "[]", "no json"):
        (tmp_path / "x.json").write_text(content, "utf-8")
        assert main(["card", str(tiny_bundle), "--scores", f"test={tmp_path / 'x.json'}"]) == 2
        assert "holds no figures" in capsys.readouterr().err


def test_the_shipped_model_has_a_generated_card() -> None:
    card = (shipped_bundle() / CARD_FILE).read_text("utf-8")
    head = head_of(card)
    assert head["license"] == "mit"
    name, results = model_index_to_eval_results(head["model-index"])
    assert name == "nordic-small"
    assert {"sentiment", "touchpoints", "phases"} <= {result.task_name for result in results}
    assert "CC BY-NC 4.0" in card
