"""`cxnlp tune`: its space, its recipe, and a search that goes on after a kill as if nothing had happened."""

from __future__ import annotations

import csv
import signal
import subprocess
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

import tiny
from cxnlp.cli.main import main
from cxnlp.errors import SettingsError
from cxnlp.settings import (
    Recipe,
    TuneSpace,
    as_toml,
    check_space,
    default_space,
    read_recipe,
    read_space,
    recipe_from_table,
    with_values,
)
from cxnlp.settings.space import Range

optuna = pytest.importorskip("optuna")

SPACE = """
[tune]
learning_rate = { low = 1e-3, high = 1e-2, log = true }
epochs = { low = 16, high = 24, step = 4 }
batch_size = [8, 16]
dropout = [0.0, 0.1]
[tune.loss_weights]
polarity = { low = 0.5, high = 2.0, log = true }
"""


@pytest.fixture
def recipe(tiny_home: Path) -> Recipe:
    return read_recipe(tiny_home / "recipe.toml")


@pytest.fixture
def space(tmp_path: Path) -> Path:
    path = tmp_path / "space.toml"
    path.write_text(SPACE, "utf-8")
    return path


def _rows(run: Path) -> list[dict[str, str]]:
    with (run / "trials.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _lasting(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """What does not depend on the machine or on kills."""
    kept = [row for row in rows if row["state"] != "fail"]
    return [{key: value for key, value in row.items() if key not in ("trial", "seconds")} for row in kept]


# The space


def test_a_space_is_read_and_put_into_a_recipe(recipe: Recipe, space: Path) -> None:
    found = read_space(space)
    assert list(found.choices()) == ["learning_rate", "epochs", "batch_size", "dropout", "loss_weights.polarity"]
    assert found.learning_rate == Range(1e-3, 1e-2, log=True) and found.batch_size == (8.0, 16.0)
    least, most = check_space(recipe, found)
    assert (least.training.batch_size, most.training.batch_size) == (8, 16)
    assert isinstance(most.training.batch_size, int)
    assert (most.encoder.dropout, most.training.epochs) == (0.1, 24.0)
    assert most.training.loss_weights == {**recipe.training.loss_weights, "polarity": 2.0}
    assert replace(most, encoder=recipe.encoder, training=recipe.training) == recipe


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[tun]\n", "has tun, expected one table"),
        ("[tune]\n", "is empty, expected at least one setting to search"),
        ("[tune]\nlearning_rat = [1e-5]", "did you mean 'learning_rate'"),
        ("[tune]\nlearning_rate = 1e-5", "learning_rate: is 1e-05, expected a table or a list"),
        ("[tune]\nlearning_rate = { low = 2, high = 1 }", "learning_rate: goes from 2.0 to 1.0"),
        ("[tune]\nlearning_rate = { low = 0, high = 1, log = true }", "learning_rate: begins at 0.0"),
        ("[tune]\nepochs = { low = 1, high = 3, step = 0 }", "epochs: step is 0.0"),
        ("[tune]\nbatch_size = [8.5]", "batch_size: expected whole numbers"),
        ("[tune]\nbatch_size = []", "batch_size: is an empty list"),
    ],
)
def test_a_space_that_cannot_be(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "space.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as error:
        read_space(path)
    assert words in str(error.value) and "space.toml" in str(error.value)


def test_an_end_that_the_recipe_does_not_take_is_found_before_the_first_trial(recipe: Recipe) -> None:
    with pytest.raises(SettingsError, match=r"tune.dropout: is 1.0, expected at least 0 and less than 1"):
        check_space(recipe, TuneSpace(dropout=Range(0.0, 1.0)))


def test_the_space_around_a_recipe_is_one_that_it_takes(recipe: Recipe) -> None:
    space = default_space(recipe, ["polarity"])
    assert space.learning_rate == Range(recipe.training.learning_rate / 4, recipe.training.learning_rate * 4, log=True)
    check_space(recipe, space)
    check_space(recipe, default_space(replace(recipe, training=replace(recipe.training, epochs=1.0)), []))


def test_a_recipe_goes_through_toml_and_comes_back_the_same(recipe: Recipe) -> None:
    odd = with_values(recipe, {"loss_weights.phases.main": 0.3, "learning_rate": 1e-05, "batch_size": 16})
    odd = replace(odd, data=(replace(odd.data[0], name='a "quoted" \\ name\n', select=False), *odd.data[1:]))
    for one in (recipe, odd, replace(odd, taxonomy=Path("a/b.toml"))):
        assert recipe_from_table(tomllib.loads(as_toml(one)), "r") == one


# The search


def _command(tiny_home: Path, run: Path, space: Path, trials: int) -> list[str]:
    fixed = ["tune", str(tiny_home / "recipe.toml"), "--space", str(space), "--run", str(run)]
    return [*fixed, "--trials", str(trials)]


def test_a_killed_search_goes_on_as_if_nothing_had_happened(
    tiny_home: Path, tmp_path: Path, space: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    process = subprocess.Popen(
        tiny.cxnlp_command(*_command(tiny_home, run, space, 3)),
        env=tiny.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline_s = time.monotonic() + 900  # also on a machine that is busy with other things
        while not (run / "trials" / "1" / "log.jsonl").is_file():  # in the midst of the second trial
            assert process.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    first = _rows(run)
    assert [row["state"] for row in first] == ["complete"]
    assert main(_command(tiny_home, run, space, 3)) == 0
    shown = capsys.readouterr()
    assert "trial 2 of 3" in shown.err and "trial 3 of 3" in shown.err and "trial 1 of 3" not in shown.err
    rows = _rows(run)
    assert [row["state"] for row in rows][:2] == ["complete", "fail"]
    assert first[0].items() <= rows[0].items()
    names = ["learning_rate", "epochs", "batch_size", "dropout", "loss_weights.polarity"]
    assert [rows[1][name] for name in names] == [rows[2][name] for name in names]  # the killed one, run again
    assert main(_command(tiny_home, tmp_path / "at once", space, 3)) == 0
    assert _lasting(rows) == _lasting(_rows(tmp_path / "at once"))
    killed, other = ((folder / "best.toml").read_text("utf-8") for folder in (run, tmp_path / "at once"))
    assert killed.partition("\n")[2] == other.partition("\n")[2]  # but for the number of the trial

    best = max((row for row in rows if row["state"] == "complete"), key=lambda row: float(row["score"]))
    found = read_recipe(run / "best.toml")
    assert found.name == "tiny-tuned"
    assert found.training.learning_rate == pytest.approx(float(best["learning_rate"]))
    assert found.training.batch_size == int(best["batch_size"])
    scores = [float(best[key]) for key in best if key.startswith("epoch_") and best[key]]
    assert float(best["score"]) == max(scores) and len(scores) == float(best["epochs"])
    assert f"cxnlp train {run / 'best.toml'}" in shown.out
    assert not list(run.rglob("*.safetensors")) and not list(run.rglob("checkpoint-*"))
    for path in run.rglob("*"):
        assert path.is_dir() or not any(row["text"].encode() in path.read_bytes() for row in tiny.records()), path

    capsys.readouterr()
    assert main(_command(tiny_home, run, space, 3)) == 0  # nothing is left to do
    assert "trial" not in capsys.readouterr().err
    space.write_text(SPACE.replace("[8, 16]", "[8]"), "utf-8")
    assert main(_command(tiny_home, run, space, 3)) == 2
    assert "holds a search with another space; repeat the command that began it" in capsys.readouterr().err


def test_a_trial_below_the_median_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five trials at 0.5 after two epochs, then one at 0.2: the median of the others is above it."""
    from transformers import TrainerControl, TrainerState

    from cxnlp.training.pruner import MedianAtShare
    from cxnlp.training.tune import EpochReports

    study = optuna.create_study(direction="maximize", pruner=MedianAtShare(4))
    ended = []
    for score in (0.5, 0.5, 0.5, 0.5, 0.5, 0.2, 0.6):
        trial = study.ask()
        reports, control = EpochReports(trial, "eval_mean"), TrainerControl()
        for epoch in (1, 2, 3):
            state = TrainerState(epoch=float(epoch), global_step=epoch * 10, max_steps=40)
            reports.on_evaluate(None, state, control, {"eval_mean": score})
            if control.should_training_stop:
                break
        ended.append((reports.pruned, len(reports.scores)))
        study.tell(trial, None if reports.pruned else score, optuna.trial.TrialState.PRUNED if reports.pruned else None)
    assert ended == [(False, 3)] * 5 + [(True, 2), (False, 3)]
    reports = EpochReports(study.ask(), "eval_mean")
    reports.on_evaluate(None, TrainerState(epoch=1.0), TrainerControl(), {"eval_other": 0.1})
    assert reports.scores == {}


def test_trials_of_unlike_length_are_compared_at_the_same_share_of_their_epochs() -> None:
    """Four trials of four epochs, and one of eight, whose learning rate falls half as fast."""
    from cxnlp.training.pruner import MedianAtShare

    study = optuna.create_study(direction="maximize", pruner=MedianAtShare(4))
    lengths = {"epochs": optuna.distributions.FloatDistribution(4, 8)}

    def add(epochs: float, scores: list[float], state: optuna.trial.TrialState) -> None:
        values = dict(enumerate(scores, start=1))
        value = scores[-1] if state is optuna.trial.TrialState.COMPLETE else None
        study.add_trial(
            optuna.trial.create_trial(
                state=state, value=value, params={"epochs": epochs}, distributions=lengths, intermediate_values=values
            )
        )

    for _ in range(4):
        add(4, [0.40, 0.50, 0.60, 0.70], optuna.trial.TrialState.COMPLETE)
    seen = []
    for scores in ([0.3, 0.42], [0.3, 0.42, 0.45], [0.3, 0.42, 0.45, 0.46], [0.3, 0.42, 0.45, 0.51]):
        add(8, scores, optuna.trial.TrialState.RUNNING)
        seen.append(study.pruner.prune(study, study.trials[-1]))
    # After 2 and 3 of 8 epochs the others had 0.40 (one of four), after 4 they had 0.50.
    assert seen == [False, False, True, False]


def test_what_a_recipe_has_switched_off_is_not_searched(recipe: Recipe) -> None:
    weights = {"polarity": 1.5, "phases": 0.0}
    off = replace(recipe, training=replace(recipe.training, averaging=0.0, loss_weights=weights))
    space = default_space(off, ["touchpoints", "polarity", "phases"])
    assert space.averaging is None
    assert space.loss_weights == {"touchpoints": Range(0.5, 2.0, log=True), "polarity": Range(0.75, 3.0, log=True)}


def test_a_search_without_trials_or_packages(
    tiny_home: Path, tmp_path: Path, space: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(_command(tiny_home, tmp_path / "run", space, 0)) == 2
    assert "--trials is 0, expected at least 1" in capsys.readouterr().err
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(_command(tiny_home, tmp_path / "run", space, 1)) == 2
    assert 'cxnlp tune needs optuna, which is not installed: pip install "cxnlp[tune]"' in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_loss_that_there_is_not_is_named(
    tiny_home: Path, tmp_path: Path, space: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space.write_text(SPACE.replace("polarity =", "polarty ="), "utf-8")
    assert main(_command(tiny_home, tmp_path / "run", space, 1)) == 2
    assert "training.loss_weights: unknown name 'polarty'; did you mean 'polarity'?" in capsys.readouterr().err
