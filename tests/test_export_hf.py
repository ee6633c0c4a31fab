"""``cxnlp export``: folders that transformers loads by itself, with the probabilities of the network."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from huggingface_hub import HfApi
from huggingface_hub.repocard_data import model_index_to_eval_results
from transformers import BertConfig, BertModel

import tiny
from cxnlp import Tagger
from cxnlp.cli.main import main
from cxnlp.errors import EncoderError, SettingsError
from cxnlp.integrations.huggingface import parts_of
from cxnlp.model.network import Network
from cxnlp.model.stock import LOUDER, Specials, stock_network
from cxnlp.taxonomy import probabilities
from cxnlp.taxonomy.scaling import scale_probabilities
from cxnlp.text import pad

# In a process of its own, without cxnlp in reach, off line, and with remote code refused.
_PIPELINE = """
import json, sys
from transformers import pipeline
assert "cxnlp" not in sys.modules
texts = json.loads(sys.stdin.read())
found = {}
for folder in sys.argv[1:]:
    classify = pipeline("text-classification", model=folder, top_k=None, trust_remote_code=False)
    answers = classify(texts, batch_size=3, truncation=True)
    found[folder] = [{a["label"]: a["score"] for a in answer} for answer in answers]
print(json.dumps(found))
"""
TEXTS = [
    "Leveringen var helt topp, men appen var elendig.",
    "The clerk  was\n simply lovely.",
    "Personalen\u200b var<br/>riktigt usel",
    "a\u0308r bra",  # composed before it is cut into pieces
    "",
    "🙂🙂",
    "Skoene var noget skidt. " * 2,
]


def toy_network(kind: str = "bert", act: str = "gelu", width: int = 48) -> Network:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        config = BertConfig(
            vocab_size=90, hidden_size=width, num_hidden_layers=2, num_attention_heads=4, intermediate_size=40,
            max_position_embeddings=40, hidden_act=act, initializer_range=0.4,
        )  # fmt: skip
        encoder = BertModel(config, add_pooling_layer=False)
        encoder.config.model_type = kind
        network = Network(encoder, tiny.toy_taxonomy()).eval()
        for weight in network.parameters():
            weight.data.add_(0.1 * torch.randn_like(weight))
        network.token_mean.copy_(torch.randn(width))
        network.token_scale.copy_(torch.rand(width) + 0.5)
    return network


def toy_batch() -> tuple[torch.Tensor, torch.Tensor]:
    rows = [[1, 2], [1, 50, 2], [1, *range(10, 40), 2]]
    mask = torch.tensor([[1] * len(row) + [0] * (32 - len(row)) for row in rows])
    return torch.tensor([row + [0] * (32 - len(row)) for row in rows]), mask


@pytest.mark.parametrize(
    ("facet", "label", "columns"),
    [("mood", None, [0, 1]), ("parts", None, [2, 3]), ("view", "roof", [6, 7]), ("when", None, [8, 9, 10])],
)
def test_every_kind_of_head_has_the_same_logits(facet: str, label: str | None, columns: list[int]) -> None:
    network, taxonomy = toy_network(), tiny.toy_taxonomy()
    ids, mask = toy_batch()
    model = stock_network(network, taxonomy, taxonomy[facet], Specials(0, 1, 2), label=label)
    with torch.inference_mode():
        expected = network(ids, mask)[:, columns]
        found = model(ids, attention_mask=mask).logits
        alone = model(ids[:1, :2]).logits
    assert expected.std() > 0.05  # texts differ, so that equal is not trivial
    assert (found - expected).abs().max() < 2e-5
    assert (alone - expected[:1]).abs().max() < 2e-5


def test_scale_and_shift_of_the_logits() -> None:
    network, taxonomy = toy_network(), tiny.toy_taxonomy()
    ids, mask = toy_batch()
    scaling = {"door": (0.5, 1.0), "roof": (2.0, -3.0)}
    model = stock_network(network, taxonomy, taxonomy["parts"], Specials(0, 1, 2), scaling=scaling)
    with torch.inference_mode():
        expected = network(ids, mask)[:, 2:4] * torch.tensor([0.5, 2.0]) + torch.tensor([1.0, -3.0])
        found = model(ids, attention_mask=mask).logits
    assert (found - expected).abs().max() < 4e-5


def test_the_encoder_is_the_networks_own() -> None:
    network, taxonomy = toy_network(), tiny.toy_taxonomy()
    ids, mask = toy_batch()
    model = stock_network(network, taxonomy, taxonomy["mood"], Specials(0, 1, 2))
    with torch.inference_mode():
        expected = network.encoder(input_ids=ids, attention_mask=mask).last_hidden_state
        found = model.model.encoder(ids, attention_mask=mask).last_hidden_state / LOUDER
    assert ((found - expected).abs() * mask[..., None]).max() < 1e-5


@pytest.mark.parametrize(
    ("made", "part"),
    [
        ({"kind": "modernbert"}, "kind 'modernbert', expected one of bert, camembert"),
        ({"act": "relu"}, "activation is 'relu'"),
        ({"width": 8}, "answers with 3 labels, and its encoder is 8 wide"),
    ],
)
def test_what_no_class_expresses_is_refused(made: dict[str, Any], part: str) -> None:
    taxonomy = tiny.toy_taxonomy()
    with pytest.raises(EncoderError, match=part):
        stock_network(toy_network(**made), taxonomy, taxonomy["when"], Specials(0, 1, 2))


@pytest.fixture(scope="module")
def exported(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("hf") / "exported"
    command = ["export", str(tiny_bundle), "--output", str(output), "--facet", "sentiment", "--facet", "phases"]
    assert main([*command, "--facet", "polarity", "--label", "app"]) == 0
    return output


NAMES = ("sentiment", "phases", "polarity-app")
LONG = "Appen var elendig. " * 30 + "The clerk was simply lovely. " * 30
# Taken for tokens of the model, these would end a batch with an error.
SPECIAL = "Delivery </s> was <pad> plain awful"


@pytest.fixture(scope="module")
def answers(exported: Path) -> dict[str, list[dict[str, float]]]:
    """What the pipelines of all folders say of ``TEXTS``, then of ``LONG`` and ``SPECIAL``."""
    environment = tiny.environment(TRANSFORMERS_VERBOSITY="error")
    environment.pop("PYTHONPATH")
    done = subprocess.run(
        [sys.executable, "-c", _PIPELINE, *NAMES], input=json.dumps([*TEXTS, LONG, SPECIAL]), env=environment,
        cwd=exported, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, list[dict[str, float]]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def tagger(tiny_bundle: Path) -> Tagger:
    return Tagger.load(tiny_bundle, backend="torch", device="cpu")


def test_folders(exported: Path) -> None:
    assert sorted(path.name for path in exported.iterdir()) == ["phases", "polarity-app", "sentiment"]
    for folder in exported.iterdir():
        names = {path.name for path in folder.iterdir()}
        assert names == {"README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"}
        config = json.loads((folder / "config.json").read_text("utf-8"))
        assert config["architectures"] == ["BartForSequenceClassification"]
        assert "auto_map" not in config


@pytest.mark.parametrize("name", NAMES)
def test_a_pipeline_gives_the_probabilities_of_the_tagger(
    answers: dict[str, list[dict[str, float]]], tagger: Tagger, name: str
) -> None:
    facet, _, label = name.partition("-")
    probs = tagger.probabilities(TEXTS)[:, tagger.taxonomy.slices[facet]]
    if label:
        at = tagger.taxonomy["touchpoints"].labels.index(label) * 3
        probs = probs[:, at : at + 3]
    labels = tagger.taxonomy[facet].labels
    found = np.array([[answer[label] for label in labels] for answer in answers[name][: len(TEXTS)]])
    assert np.abs(probs - probs.mean(axis=0)).max() > 0.01
    assert np.abs(found - probs).max() < 1e-4


def test_a_long_text_is_read_to_the_end_of_its_first_window(
    answers: dict[str, list[dict[str, float]]], tagger: Tagger
) -> None:
    windows = tagger.tokenizer.windows(tagger.tokenizer.encode([LONG])[0])
    assert len(windows) > 1
    logits = tagger.backend.logits(pad(windows[:1], tagger.tokenizer.pad_id))
    scaled = scale_probabilities(tagger.taxonomy, probabilities(tagger.taxonomy, logits), tagger.scaling)
    expected = scaled[0, tagger.taxonomy.slices["sentiment"]]
    found = [answers["sentiment"][len(TEXTS)][label] for label in tagger.taxonomy["sentiment"].labels]
    assert np.abs(np.array(found) - expected).max() < 1e-4


def test_the_card_is_one_that_hubs_read(exported: Path) -> None:
    for name, part in (("phases", "| search | 0."), ("sentiment", "top_k=1"), ("polarity-app", "polarity of `app`")):
        card = (exported / name / "README.md").read_text("utf-8")
        head = yaml.safe_load(card.split("---\n", 2)[1])
        assert head["library_name"] == "transformers"
        assert head["pipeline_tag"] == "text-classification"
        assert model_index_to_eval_results(head["model-index"])[0] == "tiny"
        assert part in card


def test_all_or_nothing(tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    assert main(["export", str(tiny_bundle), "--output", str(taken), "--facet", "sentiment"]) == 2
    assert "exists; name another folder" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [taken]


def test_an_export_that_differs_is_not_written(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cxnlp.model.stock_heads._LARGE", 2.0**5)  # the normalisation is no longer told from none
    assert main(["export", str(tiny_bundle), "--output", str(tmp_path / "out"), "--facet", "sentiment"]) == 2
    assert "not exported, probabilities differ by" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_which_parts() -> None:
    taxonomy = tiny.toy_taxonomy()
    assert [part.name for part in parts_of(taxonomy)] == ["mood", "parts", "when"]
    assert [part.name for part in parts_of(taxonomy, ["view", "mood"])] == ["mood", "view-door", "view-roof"]
    assert [part.name for part in parts_of(taxonomy, ["view"], ["roof"])] == ["view-roof"]
    for facets, labels, message in (
        (["moods"], [], "did you mean 'mood'"),
        (["mood"], ["roof"], "for a polarity only"),
        (["view"], ["rooof"], "did you mean 'roof'"),
    ):
        with pytest.raises(SettingsError, match=message):
            parts_of(taxonomy, facets, labels)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """The calls that would go to the hub."""
    calls: list[tuple[str, dict[str, Any]]] = []

    def create_repo(_: HfApi, repo_id: str, **given: Any) -> None:
        calls.append(("create", {"repo_id": repo_id, **given}))

    def upload_folder(_: HfApi, **given: Any) -> Any:
        names = sorted(path.name for path in Path(given["folder_path"]).iterdir())
        calls.append(("upload", {"repo_id": given["repo_id"], "names": names}))
        return SimpleNamespace(commit_url=f"https://hub.test/{given['repo_id']}/commit/1")

    monkeypatch.setattr(HfApi, "create_repo", create_repo)
    monkeypatch.setattr(HfApi, "upload_folder", upload_folder)
    yield calls


def test_push(
    hub: list[tuple[str, dict[str, Any]]], tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["export", str(tiny_bundle), "--output", str(tmp_path / "out"), "--facet", "sentiment"]
    assert main([*command, "--push-to-hub", "me/reviews"]) == 0
    assert hub[0] == (
        "create",
        {"repo_id": "me/reviews-sentiment", "repo_type": "model", "private": True, "exist_ok": True},
    )
    assert hub[1][0] == "upload" and "model.safetensors" in hub[1][1]["names"]
    assert "https://hub.test/me/reviews-sentiment/commit/1" in capsys.readouterr().err
    shutil.rmtree(tmp_path / "out")
    assert main([*command, "--push-to-hub", "me/reviews", "--public"]) == 0
    assert hub[2][1]["private"] is False


def test_push_without_a_network_says_so_and_keeps_the_folder(
    tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    command = ["export", str(tiny_bundle), "--output", str(output), "--facet", "sentiment"]
    assert main([*command, "--push-to-hub", "me/reviews"]) == 2  # HF_HUB_OFFLINE is set for all tests
    assert "not sent to me/reviews-sentiment" in capsys.readouterr().err
    assert (output / "sentiment" / "model.safetensors").is_file()
    for wrong, part in ((["--push-to-hub", "reviews"], "expected USER/NAME"), (["--public"], "give it too")):
        assert main(["export", str(tiny_bundle), "--output", str(tmp_path / "other"), *wrong]) == 2
        assert part in capsys.readouterr().err
        assert not (tmp_path / "other").exists()
