"""What `cxnlp train` says along the way and at its end, and what it leaves for an interrupted run to go on with."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import tiny

torch = pytest.importorskip("torch")

from cxnlp.bundle import CARD_FILE, load_bundle, model_card  # noqa: E402
from cxnlp.cli.main import main  # noqa: E402
from cxnlp.data import json_lines, split_of  # noqa: E402
from cxnlp.evaluation.checklist.shipped import shipped_suite  # noqa: E402
from cxnlp.training import finish  # noqa: E402
from cxnlp.training.trainer import ReviewTrainer  # noqa: E402

SHORT = "epochs = 3\npatience = 3"


@pytest.fixture
def command(tiny_home: Path, tmp_path: Path) -> list[str]:
    """`cxnlp train` of three epochs into new folders."""
    recipe = tiny.recipe_text(tiny_home / "encoder", tiny_home / "reviews.jsonl", training=SHORT)
    (tmp_path / "recipe.toml").write_text(recipe, "utf-8")
    return [
        "train", str(tmp_path / "recipe.toml"), "--run", str(tmp_path / "run"), "--output", str(tmp_path / "bundle"),
    ]  # fmt: skip


def stop_at(monkeypatch: pytest.MonkeyPatch, owner: object, name: str, call: int) -> None:
    """Press Ctrl-C at a call of a function, once."""
    real, calls = getattr(owner, name), 0

    def stopping(*args: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            raise KeyboardInterrupt
        return real(*args, **more)

    monkeypatch.setattr(owner, name, stopping)


def test_stopped_before_the_first_epoch_is_done(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stop_at(monkeypatch, ReviewTrainer, "compute_loss", 2)
    assert main(command) == 130
    err = capsys.readouterr().err
    assert f"interrupted; nothing was written to {tmp_path / 'bundle'}" in err
    assert "no epoch was finished, so there is nothing to go on from: the same command starts anew" in err
    # As if the first checkpoint had been torn: then only --resume is let into the folder.
    (tmp_path / "run" / "checkpoints" / "checkpoint-5").mkdir(parents=True)
    stop_at(monkeypatch, ReviewTrainer, "compute_loss", 1)
    assert main([*command, "--resume"]) == 130
    assert "nothing to go on from: the same command with --resume starts anew" in capsys.readouterr().err


def test_stopped_after_an_epoch_and_again_during_the_export(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = 5  # an epoch: 37 reviews in batches of eight
    stop_at(monkeypatch, ReviewTrainer, "compute_loss", steps + 2)
    assert main(command) == 130
    assert f"1 of 3 epochs are kept in {tmp_path / 'run'}: the same command with --resume goes on from there" in (
        capsys.readouterr().err
    )
    monkeypatch.undo()
    stop_at(monkeypatch, finish, "write_graph", 1)
    assert main([*command, "--resume"]) == 130
    err = capsys.readouterr().err
    assert "training done, 3 epochs; exporting to eight bits" in err
    assert f"the training is done and kept in {tmp_path / 'run'}: the same command with --resume goes on with" in err
    assert not (tmp_path / "bundle").exists() and not list(tmp_path.glob(".bundle*"))
    monkeypatch.undo()

    def no_training(*_: Any, **__: Any) -> None:
        raise AssertionError("trained anew")

    monkeypatch.setattr(ReviewTrainer, "compute_loss", no_training)
    assert main([*command, "--resume"]) == 0
    out, err = capsys.readouterr()
    # Each step is said as it begins, on stderr.
    told = [line for line in err.splitlines() if line.startswith("cxnlp: ")]
    assert told.pop(0).startswith("cxnlp: of the development part 2 reviews are too few to learn ")
    assert told == [
        "cxnlp: training done, 3 epochs; exporting to eight bits",
        "cxnlp: export, step 1 of 4: how layers' inputs are rounded, on 37 training reviews",
        "cxnlp: export, step 2 of 4: thresholds and probabilities, on 2 development reviews",
        "cxnlp: export, step 3 of 4: eight bits written, and their labels of 39 texts compared with those of float32",
        "cxnlp: export, step 4 of 4: scores on 2 development reviews",
    ]
    # The scores at the end: of few reviews nothing is claimed, and whose they are is said.
    assert "2 reviews (" in out and "too few to say" in out and "100.0 [" not in out
    assert '"too few to say": fewer than 30 reviews' in out
    assert "These reviews are the development part: they chose the epoch, the thresholds and the scaling" in out
    assert f"cxnlp evaluate {tmp_path / 'bundle'} FILE.jsonl --split test" in out


def of_split(split: str, words: str) -> str:
    return next(text for i in range(99) if split_of(text := f"{words} {i}.") == split)


@pytest.fixture(scope="module")
def grown(tiny_home: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A folder with the bundle ``first``, ``second`` started from it; what was said of the first; a case that was in.

    The first also had a case of the checklist, a review without labels, and one that is still to be labelled.
    """
    home = tmp_path_factory.mktemp("grown")
    cases = [row["text"] for file in sorted(shipped_suite().glob("*.jsonl")) for _, row in json_lines(file)]
    case = next(text for text in cases if split_of(text) == "train")
    rows = [
        *tiny.records(),
        {"id": "case", "lang": "no", "text": case, "sentiment": "positive"},
        {"id": "blank", "lang": "no", "text": of_split("train", "Uten svar")},
        {"id": "open", "lang": "no", "text": of_split("train", "Halvt"), "touchpoints": {}, "todo": ["touchpoints"]},
    ]
    data = tiny.write_jsonl(home / "rows.jsonl", rows)
    stated = '[encoder]\norigin = "an encoder of ours"\nlicense = "CC0"\n'
    said = io.StringIO()
    for name, source, head in (("first", tiny_home / "encoder", stated), ("second", home / "first", "[encoder]\n")):
        text = tiny.recipe_text(source, data, 'license = "mit"', "epochs = 1\npatience = 1")
        text = text.replace('name = "tiny"', f'name = "{name}"').replace("[encoder]\n", head)
        (home / f"{name}.toml").write_text(text, "utf-8")
        command = ["train", str(home / f"{name}.toml"), "--run", str(home / "run" / name), "-o", str(home / name)]
        with contextlib.redirect_stderr(said if name == "first" else io.StringIO()):
            assert main(command) == 0
    return home, said.getvalue(), case


def test_what_is_left_out_of_training_is_said_and_recorded(grown: tuple[Path, str, str]) -> None:
    home, err, case = grown
    assert "cxnlp: 1 review is still to be labelled, as its todo says (touchpoints 1); these facets count as unk" in err
    reason = "whose text is a case of the checklist, which measures what was never trained on"
    left = f"2 without a known label; 1 {reason}"
    assert f"cxnlp: training on 37 reviews; left out of the training parts: {left}" in err
    bundle = load_bundle(home / "first")
    assert bundle.manifest.data["left_out"] == {"without a known label": 2, reason: 1}
    assert sum(bundle.manifest.data["train"]["composed"].values()) == 37
    card = (home / "first" / CARD_FILE).read_text("utf-8")
    assert f"Not trained on, of the training parts of these data: {left}." in card
    assert case not in card + err


def test_a_bundle_that_grew_out_of_another_says_which_and_no_place_of_a_machine(
    grown: tuple[Path, str, str], tiny_home: Path, tiny_bundle: Path
) -> None:
    home = grown[0]
    bundle = load_bundle(home / "second")
    card = (home / "second" / CARD_FILE).read_text("utf-8")
    digest = json.loads((home / "first" / "manifest.json").read_text("utf-8"))["digest"][:12]
    assert "The encoder: an encoder of ours (licence: CC0)." in card
    assert f"Started from the model *first* (manifest {digest}, licence mit), whose data stand here too." in card
    assert str(home) not in card and str(tiny_home) not in card
    assert card == model_card(bundle.manifest, bundle.taxonomy)
    # Of one that grows out of the second, the encoder is still the first one's.
    third = replace(
        bundle.manifest, name="third", data={**bundle.manifest.data, "started_from": bundle.manifest.as_origin()}
    )
    assert third.encoder_origin() == {"origin": "an encoder of ours", "license": "CC0"}
    assert len(third.fingerprints()) == 3 and third.data_paths() == [str(home / "rows.jsonl")]
    # Nobody stated anything of the tiny one's encoder: the name of its folder, and not the way to it.
    card = (tiny_bundle / CARD_FILE).read_text("utf-8")
    assert "The encoder: encoder (licence: not stated)." in card and str(tiny_home) not in card
