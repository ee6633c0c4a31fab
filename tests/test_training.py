"""Training from a recipe to a bundle: it learns, resumes, repeats itself, and leaves no review text behind."""

from __future__ import annotations

import copy
import csv
import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import TrainerState

import tiny
from cxnlp import Tagger
from cxnlp.cli.main import main
from cxnlp.data import Review, review_from_record, split_of
from cxnlp.data.fingerprint import fingerprint
from cxnlp.errors import BundleError, SettingsError
from cxnlp.evaluation.checklist import read_suite, shipped_suite
from cxnlp.model.calibrate import Calibration
from cxnlp.model.loss import facet_losses, total_loss
from cxnlp.model.network import Network
from cxnlp.model.quantise import quantise
from cxnlp.settings import DataSettings, Recipe, read_recipe
from cxnlp.taxonomy import load_taxonomy
from cxnlp.text import TextTokenizer
from cxnlp.training import finish
from cxnlp.training.averaging import WeightAverage
from cxnlp.training.dataset import Collator, ReviewDataset, TrainingData, read_training_data, spread
from cxnlp.training.train import build_network, make_trainer, train_network
from cxnlp.training.trainer import make_optimizer, training_arguments

TAXONOMY = load_taxonomy()
EIGHT = [
    {"text": "Leveringen var elendig.", "sentiment": "negative", "touchpoints": {"delivery": "negative"},
     "phases": ["delivery"]},
    {"text": "Betjeningen var helt topp, leveringen elendig.", "sentiment": "mixed",
     "touchpoints": {"staff": "positive", "delivery": "negative"}, "phases": ["purchase", "delivery"]},
    {"text": "Pakken var noget skidt.", "sentiment": "negative", "touchpoints": {"product": "negative"},
     "phases": ["use"]},
    {"text": "Ekspedienten var virkelig dejlig!", "sentiment": "positive", "touchpoints": {"staff": "positive"},
     "phases": ["purchase", "retention"]},
    {"text": "Tröjan var bra.", "sentiment": "positive", "touchpoints": {"product": "positive"},
     "phases": ["use", "search"]},
    {"text": "Appen?", "sentiment": "neutral", "touchpoints": {}, "phases": ["information"]},
    {"text": "The line was plain awful.", "sentiment": "negative", "touchpoints": {"phone": "negative"},
     "phases": ["support"]},
    {"text": "The app was lovely.", "sentiment": "positive", "touchpoints": {"app": "neutral"}, "phases": ["use"]},
]  # fmt: skip


@pytest.fixture
def recipe(tiny_home: Path) -> Recipe:
    return read_recipe(tiny_home / "recipe.toml")


def _labels(tagger: Tagger, texts: list[str]) -> list[object]:
    return [prediction.labels for prediction in tagger.tag(texts, languages=False)]


def _files(*folders: Path) -> list[Path]:
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def _quick(recipe: Recipe, **training: object) -> Recipe:
    return replace(recipe, training=replace(recipe.training, **{"epochs": 2.0, **training}))


# Learning


def test_eight_reviews_are_learned_saved_and_loaded(tiny_home: Path, tmp_path: Path, recipe: Recipe) -> None:
    reviews = [review_from_record({"lang": "no", **record}, TAXONOMY, "eight") for record in EIGHT]
    torch.manual_seed(1)
    network, tokenizer, _ = build_network(recipe, TAXONOMY)
    data = ReviewDataset(reviews, TAXONOMY, tokenizer)
    batch = Collator(tokenizer.pad_id, tokenizer.mask_id, 0.0)([data[i] for i in range(8)])
    optimizer = make_optimizer(network, recipe)
    for _ in range(300):
        logits = network(batch["input_ids"], batch["attention_mask"])
        loss = total_loss(facet_losses(TAXONOMY, logits, batch["values"], batch["mask"], batch["main"]), {})
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if loss < 0.02:
            break
    assert loss < 0.02
    finish.write_trained_bundle(
        tmp_path / "bundle", network, tokenizer, TAXONOMY, TrainingData(reviews, reviews, reviews, []),
        replace(recipe, export=replace(recipe.export, max_label_changes=0.0)),
    )  # fmt: skip
    expected = [review.labels for review in reviews]
    for backend in ("onnx", "torch"):
        tagger = Tagger.load(tmp_path / "bundle", backend=backend, device="cpu")
        assert _labels(tagger, [review.text for review in reviews]) == expected


def test_the_trained_model_has_learned(tiny_bundle: Path) -> None:
    trained = [record for record in tiny.records()]
    found = Tagger.load(tiny_bundle).tag([record["text"] for record in trained], languages=False)
    assert np.mean([p.sentiment == record["sentiment"] for p, record in zip(found, trained, strict=True)]) > 0.9
    assert np.mean([record["phases"][0] in p.phases for p, record in zip(found, trained, strict=True)]) > 0.6


def test_the_same_seed_gives_the_same_weights(tmp_path: Path, recipe: Recipe) -> None:
    states = []
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        trainer, _ = make_trainer(replace(_quick(recipe, token_dropout=0.3), seed=seed), tmp_path / name)
        train_network(trainer, tmp_path / name, resume=False)
        states.append(trainer.network().state_dict())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert not all(torch.equal(value, states[2][name]) for name, value in states[0].items())


def _norec_folder(folder: Path) -> Path:
    folder.mkdir()
    rows = [record for record in tiny.records() if record["lang"] == "no"]
    rows = [
        {"text": row["text"], "label": {"negative": 0, "neutral": 1, "positive": 2}[row["sentiment"]]} for row in rows
    ]
    for split, part in (("train", rows[:6]), ("dev", rows[6:8]), ("test", rows[8:])):
        (folder / f"{split}.json").write_text(json.dumps(part), "utf-8")
    return folder


def _norec_recipe(tiny_home: Path, folder: Path, training: str) -> str:
    text = tiny.recipe_text(tiny_home / "encoder", folder, training=training)
    return text.replace('name = "composed"', 'name = "norec"\nkind = "norec_sentence"')


def test_what_a_data_set_does_not_label_is_not_trained(tiny_home: Path, tmp_path: Path) -> None:
    folder = _norec_folder(tmp_path / "norec")
    path = tmp_path / "recipe.toml"
    path.write_text(_norec_recipe(tiny_home, folder, "epochs = 2\nweight_decay = 0.0"), "utf-8")
    trainer, data = make_trainer(read_recipe(path), tmp_path / "run")
    assert len(data.train) == 6
    targets = trainer.train_dataset.targets
    assert (targets.mask.sum(axis=1) == 4).all()  # the four labels of sentiment
    assert (targets.main == -1).all()
    before = {name: value.clone() for name, value in trainer.network().heads.state_dict().items()}
    train_network(trainer, tmp_path / "run", resume=False)
    moved = {
        name[0] for name, value in trainer.network().heads.state_dict().items() if not torch.equal(value, before[name])
    }
    assert moved == {"0"}


def test_a_text_of_a_development_part_is_trained_on_through_no_other_set(tiny_home: Path, tmp_path: Path) -> None:
    folder = _norec_folder(tmp_path / "norec")  # its dev and test texts are training texts of the composed set
    path = tmp_path / "recipe.toml"
    more = f"""
[[data]]
name = "norec"
kind = "norec_sentence"
paths = ['{folder.as_posix()}']
select = false
"""
    path.write_text(tiny.recipe_text(tiny_home / "encoder", tiny_home / "reviews.jsonl") + more, "utf-8")
    _, data = make_trainer(read_recipe(path), tmp_path / "run")
    held_out = {record["text"] for record in json.loads((folder / "dev.json").read_text("utf-8"))}
    assert len(held_out) == 2
    assert not held_out & {review.text for review in data.train}
    assert {review.source for review in data.train} == {"composed", "norec_sentence"}
    assert {review.source for review in data.select} == {"composed"}


def test_a_text_of_the_checklist_is_never_trained_on(tmp_path: Path) -> None:
    rows = tiny.records()
    texts = [case.text for case in read_suite([shipped_suite()], TAXONOMY)][::40]
    stolen = [{**rows[0], "id": f"stolen-{i}", "text": f"  {text.upper()}"} for i, text in enumerate(texts)]
    path = tiny.write_jsonl(tmp_path / "reviews.jsonl", [*rows, *stolen])
    data = read_training_data([DataSettings("composed", paths=(str(path),))], TAXONOMY)
    assert len(stolen) > 20
    assert not [review.id for review in data.train if review.id.startswith("stolen")]
    assert len(data.train) > 20


# The command


def test_the_log_holds_figures_only(tiny_bundle: Path) -> None:
    lines = [json.loads(line) for line in (tiny_bundle.parent / "run" / "log.jsonl").read_text("utf-8").splitlines()]
    assert all(isinstance(value, int | float) for line in lines for value in line.values())
    keys = {key for line in lines for key in line}
    assert {"step", "elapsed_s", "epoch", "loss", "learning_rate", "eval_mean", "eval_sentiment/macro_f1"} <= keys
    assert [line["step"] for line in lines] == sorted(line["step"] for line in lines)


def test_no_review_is_in_the_run_or_the_bundle(tiny_bundle: Path) -> None:
    files = _files(tiny_bundle, tiny_bundle.parent / "run")
    assert len(files) > 10
    for path in files:
        data = path.read_bytes()
        for record in tiny.records():
            assert record["text"].encode() not in data, path
            assert record["text"].encode("unicode_escape") not in data, path


def test_a_run_folder_is_not_used_twice(
    tiny_home: Path, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", str(tiny_home / "recipe.toml"), "--run", str(tiny_home / "run"), "--output"]
    before = (tiny_home / "run" / "log.jsonl").read_bytes()
    assert main([*command, str(tmp_path / "bundle")]) == 2
    err = capsys.readouterr().err
    assert f"{tiny_home / 'run'} holds a run already; add --resume" in err
    assert "Traceback" not in err
    assert not (tmp_path / "bundle").exists()
    assert (tiny_home / "run" / "log.jsonl").read_bytes() == before


def test_a_place_that_is_taken_is_refused_before_training(
    tiny_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "photos").mkdir()
    command = ["train", str(tiny_home / "recipe.toml"), "--run", str(tmp_path / "run")]
    assert main([*command, "--output", str(tmp_path / "photos")]) == 2
    assert "exists and is not a bundle" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "options, words",
    [
        (["--data", "composed"], "expected NAME=PATH"),
        (["--data", "other=x.jsonl"], "no data set 'other'; the recipe has composed"),
        (["--data", "composed=none.jsonl"], "none.jsonl: cannot be read"),
        (["--encoder", "./no-such-encoder"], "./no-such-encoder: no such folder"),
    ],
)
def test_options_that_lead_nowhere(
    tiny_home: Path, tmp_path: Path, options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", str(tiny_home / "recipe.toml"), "--run", str(tmp_path / "run"), "--output", str(tmp_path / "b")]
    assert main([*command, *options]) == 2
    err = capsys.readouterr().err
    assert words in err
    assert "Traceback" not in err


def test_a_killed_run_goes_on_where_it_was(tiny_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = _norec_folder(tmp_path / "norec")
    path, run, output = tmp_path / "recipe.toml", tmp_path / "run", tmp_path / "bundle"
    path.write_text(_norec_recipe(tiny_home, folder, "epochs = 40\npatience = 40"), "utf-8")
    command = ["train", str(path), "--run", str(run), "--output", str(output)]
    process = subprocess.Popen(
        tiny.cxnlp_command(*command), env=tiny.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline_s = time.monotonic() + 300
        while not (states := list(run.glob("checkpoints/checkpoint-*/trainer_state.json"))):
            assert process.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not output.exists()
    reached = int(states[0].parent.name.rpartition("-")[2])
    assert main(command) == 2  # not without being told to
    half = run / "checkpoints" / "checkpoint-999"  # as if it had been killed while writing
    half.mkdir()
    (half / "model.safetensors").write_bytes(b"half")
    n_lines = len((run / "log.jsonl").read_text("utf-8").splitlines())
    assert main([*command, "--resume"]) == 0
    later = [json.loads(line) for line in (run / "log.jsonl").read_text("utf-8").splitlines()[n_lines:]]
    assert later[0]["step"] > reached
    assert later[-1]["step"] == 40  # six reviews in batches of eight: one step an epoch
    out = capsys.readouterr().out
    assert f"Bundle: {output}" in out
    assert "sentiment" in out
    assert Tagger.load(output).tag(["Appen var helt topp."])[0].sentiment in ("negative", "neutral", "positive")


@pytest.mark.parametrize(
    "old, new, words",
    [
        (
            "batch_size = 8",
            'metric = "sentiment/macro_f"',
            "training.metric: unknown name 'sentiment/macro_f';",
        ),
        ("batch_size = 8", 'loss_weights = { "phase.main" = 0.3 }', "did you mean 'phases.main'?"),
        ("max_tokens = 32", "max_tokens = 65", "encoder.max_tokens: is 65,"),
    ],
)
def test_what_would_go_wrong_later_is_refused_at_once(
    tiny_home: Path, tmp_path: Path, old: str, new: str, words: str
) -> None:
    path = tmp_path / "recipe.toml"
    text = tiny.recipe_text(tiny_home / "encoder", tiny_home / "reviews.jsonl")
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(SettingsError, match=re.escape(words)):
        make_trainer(read_recipe(path), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_bundle_is_not_put_around_its_run(
    tiny_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["train", str(tiny_home / "recipe.toml"), "--output", str(tmp_path / "a")]
    for run in (tmp_path / "a", tmp_path / "a" / "run"):
        assert main([*command, "--run", str(run)]) == 2
        assert "would lie in the bundle" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_run_folder_that_cannot_be_made_is_explained(
    tiny_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    command = ["train", str(tiny_home / "recipe.toml"), "--output", str(tmp_path / "b")]
    assert main([*command, "--run", str(tmp_path / "file" / "run")]) == 2
    err = capsys.readouterr().err
    assert f"cxnlp: error: {tmp_path / 'file' / 'run'}: Not a directory" in err
    assert "Traceback" not in err


def test_reviews_without_a_label_are_left_out(tiny_home: Path, tmp_path: Path) -> None:
    rows = [*tiny.records(), *({"text": f"Uten etikett {i}", "lang": "no"} for i in range(60))]
    assert {split_of(row["text"]) for row in rows[40:]} == {"train", "dev", "test"}
    path = tmp_path / "recipe.toml"
    data = tiny.write_jsonl(tmp_path / "reviews.jsonl", rows)
    path.write_text(tiny.recipe_text(tiny_home / "encoder", data), "utf-8")
    found = read_training_data(read_recipe(path).data, TAXONOMY)
    assert all(review.labels for review in [*found.train, *found.dev, *found.select])
    assert found.select == found.dev != []


def test_reviews_are_taken_evenly_from_beginning_to_end() -> None:
    reviews = [Review(str(i), "", "no", {}) for i in range(7)]
    assert [review.id for review in spread(reviews, 3)] == ["0", "2", "4"]
    assert spread(reviews, 7) == spread(reviews, 99) == reviews
    assert spread([], 3) == []


def test_a_run_that_was_stopped_early_is_not_trained_on(tiny_home: Path, tmp_path: Path, recipe: Recipe) -> None:
    # A rate of next to nothing: no epoch is better than the first.
    still = _quick(recipe, epochs=9.0, patience=2, learning_rate=1e-12, head_learning_rate=1e-12)
    states = []
    for resume in (False, True):
        trainer, _ = make_trainer(still, tmp_path / "run")
        train_network(trainer, tmp_path / "run", resume)
        states.append(trainer.network().state_dict())
        assert trainer.state.epoch == 3
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())
    assert len(list((tmp_path / "run" / "checkpoints").glob("checkpoint-*"))) == 2


CUSTOM = """
name = "hotels"
version = 2
languages = ["no", "da", "sv", "en"]
[facets.topic]
kind = "one_of"
labels = ["praise", "complaint"]
[facets.parts]
kind = "any_of"
labels = ["delivery", "staff", "app", "product", "phone"]
"""
MARKER = "zqxvwmerke"


def test_other_facets_train_score_and_evaluate(
    tiny_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    topics = {"positive": "praise", "negative": "complaint"}
    rows = [
        {
            "text": f"{r['text']} {MARKER}",
            "lang": r["lang"],
            "topic": topics[r["sentiment"]],
            "parts": list(r["touchpoints"]),
        }
        for r in tiny.records()
    ] * 2  # a text that is there twice does no harm
    rows += [{"text": f"{MARKER} {i}", "lang": "en", "topic": "praise", "parts": []} for i in range(30)]
    data = tiny.write_jsonl(tmp_path / "hotels.jsonl", [*rows, {"text": f"{MARKER} bad", "topic": "prais"}])
    (tmp_path / "hotels.toml").write_text(CUSTOM, "utf-8")
    recipe, bundle = tmp_path / "recipe.toml", tmp_path / "bundle"
    taxonomy = f"taxonomy = '{(tmp_path / 'hotels.toml').as_posix()}'"
    recipe.write_text(tiny.recipe_text(tiny_home / "encoder", data, taxonomy, "epochs = 4"), "utf-8")
    assert main(["train", str(recipe), "--run", str(tmp_path / "run"), "--output", str(bundle), "--seed", "3"]) == 0
    printed = capsys.readouterr()
    assert "hotels.jsonl, line 111: unknown label 'prais' in topic; did you mean 'praise'?" in printed.err
    assert MARKER not in printed.err + printed.out
    for path in _files(bundle, tmp_path / "run"):
        assert MARKER.encode() not in path.read_bytes(), path
    assert json.loads((bundle / "manifest.json").read_text("utf-8"))["recipe"]["seed"] == 3

    (tmp_path / "in.csv").write_text(
        "id;review\n1;Leveringen var elendig.\n2;\n3;The app was simply lovely.\n", "utf-8"
    )
    assert main(["score", str(tmp_path / "in.csv"), "--model", str(bundle), "--output", str(tmp_path / "out.csv")]) == 0
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        scored = list(csv.DictReader(file, delimiter=";"))
    assert list(scored[0]) == ["id", "review", "cx_language", "cx_topic", "cx_parts", "cx_confidence", "cx_flags"]
    assert [row["id"] for row in scored] == ["1", "2", "3"]
    assert scored[0]["cx_topic"] in topics.values()
    assert (scored[1]["cx_topic"], scored[1]["cx_flags"]) == ("", "empty")
    out = tmp_path / "out.jsonl"
    assert main(["score", str(tmp_path / "in.csv"), "--model", str(bundle), "--output", str(out)]) == 0
    record = json.loads(out.read_text("utf-8").splitlines()[0])
    assert record["topic"] == scored[0]["cx_topic"]
    assert "; ".join(record["parts"]) == scored[0]["cx_parts"]

    figures = tmp_path / "figures.json"
    capsys.readouterr()
    assert main(["evaluate", str(bundle), str(data), "--json", str(figures)]) == 1  # one line is broken
    shown = capsys.readouterr().out
    assert "topic" in shown and "parts" in shown
    assert "touchpoints" not in shown + figures.read_text("utf-8")


def test_a_bar_on_a_terminal_and_lines_elsewhere(
    tmp_path: Path, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    for terminal in (True, False):
        monkeypatch.setattr("sys.stderr.isatty", lambda terminal=terminal: terminal)
        assert training_arguments(recipe, tmp_path).disable_tqdm is not terminal


# Warm start


def test_a_bundle_of_the_same_taxonomy_gives_its_heads(tiny_bundle: Path, recipe: Recipe) -> None:
    network, tokenizer, warm = build_network(recipe.with_encoder(str(tiny_bundle)), TAXONOMY)
    tagger = Tagger.load(tiny_bundle, backend="torch", device="cpu")
    assert warm
    expected = tagger.backend.network.state_dict()  # type: ignore[attr-defined]
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())
    assert tokenizer.pad_id == 1


def test_a_bundle_of_another_taxonomy_gives_its_encoder(tiny_bundle: Path, recipe: Recipe) -> None:
    network, _, warm = build_network(recipe.with_encoder(str(tiny_bundle)), tiny.toy_taxonomy())
    assert warm and warm.rows.n_kept == 0
    expected = Tagger.load(tiny_bundle, backend="torch", device="cpu").backend.network.encoder  # type: ignore[attr-defined]
    assert all(torch.equal(value, expected.state_dict()[name]) for name, value in network.encoder.state_dict().items())
    assert network.attention.queries.shape == (2 + 2 + 2 + 3, 32)


# The parity gate


@pytest.fixture
def some(tiny_bundle: Path, recipe: Recipe) -> tuple[Network, TextTokenizer, TrainingData]:
    reviews = [review_from_record(record, TAXONOMY, "composed") for record in tiny.records()]
    network, tokenizer, _ = build_network(recipe.with_encoder(str(tiny_bundle)), TAXONOMY)
    return network, tokenizer, TrainingData(reviews, reviews, reviews, [])


def _limit(recipe: Recipe, share: float, float_layers: tuple[int, ...] = (0,)) -> Recipe:
    return replace(recipe, export=replace(recipe.export, max_label_changes=share, float_layers=float_layers))


def test_a_bundle_that_misses_its_limit_is_not_written(
    tiny_bundle: Path, tmp_path: Path, recipe: Recipe, some: tuple[Network, TextTokenizer, TrainingData],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    written: list[int] = []

    def copy_graph(network: Network, weights: Path, path: Path) -> None:
        written.append(sum(name.endswith("weight_float") for name in network.state_dict()))
        shutil.copy(tiny_bundle / weights.name, weights)
        shutil.copy(tiny_bundle / path.name, path)

    monkeypatch.setattr(finish, "write_graph", copy_graph)  # the same graph, without the time that writing it takes
    network, tokenizer, data = some
    with pytest.raises(
        BundleError, match=r"more labels against float32 than the -100.00% allowed .*nothing was written"
    ):
        finish.write_trained_bundle(tmp_path / "b", network, tokenizer, TAXONOMY, data, _limit(recipe, -1, (0, 3)))
    assert list(tmp_path.iterdir()) == []
    assert written == [0, 3]  # layers that stayed in float32, in each of the two tries
    # Ten Danish texts have some sixty labels, so one more or less is 1.6 % already.
    finish.write_trained_bundle(tmp_path / "b", network, tokenizer, TAXONOMY, data, _limit(recipe, 0.05))


def test_a_broken_quantiser_is_found_out(
    tmp_path: Path, recipe: Recipe, some: tuple[Network, TextTokenizer, TrainingData], monkeypatch: pytest.MonkeyPatch
) -> None:
    def narrow(network: Network, seen: Calibration, in_float: Collection[str]) -> Network:
        grids = {name: replace(one.grid, step=one.grid.step / 20) for name, one in seen.items()}
        return quantise(network, {name: replace(one, grid=grids[name]) for name, one in seen.items()}, in_float)

    monkeypatch.setattr(finish, "quantise", narrow)
    network, tokenizer, data = some
    with pytest.raises(BundleError, match=r"than the 1.50% allowed \(no .*%, da "):
        finish.write_trained_bundle(tmp_path / "b", network, tokenizer, TAXONOMY, data, _limit(recipe, 0.015))
    assert list(tmp_path.iterdir()) == []


def test_the_fingerprint_is_that_of_texts_and_labels() -> None:
    one, two = (
        Review("1", "Fint", "no", {"sentiment": "positive"}),
        Review("2", "Ille", "no", {"sentiment": "negative"}),
    )
    assert fingerprint([one, two]) == fingerprint([two, one])
    assert fingerprint([one]) != fingerprint([replace(one, labels={"sentiment": "mixed"})])
    assert fingerprint([one]) != fingerprint([replace(one, text="Flott")])


def test_a_recipe_that_names_no_such_data_set(recipe: Recipe) -> None:
    from cxnlp.training import Overrides

    with pytest.raises(SettingsError, match="no data set 'x'"):
        Overrides(data={"x": "y"}).apply(recipe)


def test_a_share_of_a_data_set_is_a_fixed_part_of_its_training_reviews(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    lines = [json.dumps({"id": str(i), "text": f"Vare nummer {i}", "sentiment": "positive"}) for i in range(400)]
    path.write_text("\n".join(lines), "utf-8")
    whole = DataSettings("many", paths=(str(path),))
    everything, half = (read_training_data([replace(whole, share=share)], TAXONOMY) for share in (1.0, 0.5))
    ids = [review.id for review in half.train]
    assert 0.4 < len(ids) / len(everything.train) < 0.6
    assert set(ids) < {review.id for review in everything.train}
    assert ids == [review.id for review in read_training_data([replace(whole, share=0.5)], TAXONOMY).train]
    assert half.dev == everything.dev


def test_the_average_by_hand_and_from_a_checkpoint(
    some: tuple[Network, TextTokenizer, TrainingData], tmp_path: Path
) -> None:
    """Over 4 of 8 steps the newest weights count a quarter: 1; 0.75 × 1 + 0.25 × 5 = 2; 2; 0.75 × 2 + 0.25 × 6 = 3."""
    network = copy.deepcopy(some[0])
    average = WeightAverage(network, 0.5)
    average.on_train_begin(None, TrainerState(max_steps=8), None)
    for value, expected in ((1.0, 1.0), (5.0, 2.0), (2.0, 2.0), (6.0, 3.0)):
        for parameter in network.parameters():
            parameter.data.fill_(value)
        average.on_step_end(None, None, None, model=network)
        assert all(torch.allclose(p, torch.tensor(expected)) for p in average.network.parameters())
    average.save(tmp_path)

    other = WeightAverage(copy.deepcopy(some[0]), 0.5)
    other.on_train_begin(None, TrainerState(max_steps=8), None)
    with pytest.raises(SettingsError, match=r"training.averaging = 0; resume it with that"):
        other.load(tmp_path / "nowhere")
    other.load(tmp_path)
    other.on_step_end(None, None, None, model=network)  # 0.75 × 3 + 0.25 × 6
    assert all(torch.allclose(p, torch.tensor(3.75)) for p in other.network.parameters())


def test_without_averaging_the_last_weights_are_taken(recipe: Recipe, tmp_path: Path) -> None:
    trainer, _ = make_trainer(_quick(recipe, averaging=0.0), tmp_path)
    train_network(trainer, tmp_path, resume=False)
    assert trainer.network() is trainer.accelerator.unwrap_model(trainer.model)
    assert not [path for path in _files(tmp_path) if path.name.startswith("average")]
