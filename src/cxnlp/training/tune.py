"""Search for better settings of a recipe, on the development reviews alone.

Each trial trains with settings that Optuna proposes (tree-structured Parzen estimator, Bergstra et al. 2011) and is
stopped early where it scores below the median that the others had after the same share of their epochs. What is decided
lies in a SQLite file as soon as it is decided, so a search goes on after a kill, and proposes what it would have
proposed without it.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import optuna
import torch
from optuna.trial import FrozenTrial, TrialState
from transformers import TrainerCallback
from transformers.trainer_utils import SaveStrategy

from cxnlp.data import Problem
from cxnlp.data.fingerprint import fingerprint
from cxnlp.data.lock import Lock
from cxnlp.errors import SettingsError
from cxnlp.settings import Recipe, TuneSpace, as_table, check_space, default_space, with_values
from cxnlp.settings.space import Choices, is_whole
from cxnlp.taxonomy import Taxonomy, load_taxonomy
from cxnlp.training.dataset import TrainingData, read_training_data
from cxnlp.training.exportable import refuse_unexportable
from cxnlp.training.pruner import MedianAtShare
from cxnlp.training.train import Overrides, check_names, prepare_trainer
from cxnlp.training.tuned import write_best, write_trials

_STUDY = "study.db"
_SETTINGS, _FAILED, _EPOCH, _SECONDS = "settings", "failed", "best_epoch", "seconds"
# Trials at random before proposals rest on what was seen.
_STARTUP_TRIALS = 8

Say = Callable[[str], None]


def tune(
    recipe: Recipe,
    overrides: Overrides,
    *,
    run: Path,
    trials: int,
    space: TuneSpace | None = None,
    say: Say = lambda line: None,
    on_problem: Callable[[Problem], None] = lambda problem: None,
) -> str:
    """Run trials until there are ``trials`` of them, earlier ones counted, and give the best as text.

    ``run`` takes the study, ``trials.csv`` and ``best.toml``, a recipe for ``cxnlp train``; both are written anew after
    each trial. A trial that was killed is marked as failed and run again with the same settings.

    Raises:
        SettingsError: ``run`` holds a search of another recipe or space, or a value lies where the recipe cannot go.
        CxnlpError: data or encoder cannot be used.
    """
    if trials < 1:
        raise SettingsError(f"--trials is {trials}, expected at least 1")
    local = overrides.apply(recipe)
    taxonomy = load_taxonomy(local.taxonomy)
    data = read_training_data(local.data, taxonomy)
    for problem in data.problems:
        on_problem(problem)
    space = space or default_space(recipe, [facet.name for facet in taxonomy.facets[1:]])
    for end in check_space(local, space):
        check_names(end, taxonomy, data.select)
    search = _Search(recipe, local, taxonomy, data, space, run, overrides)
    run.mkdir(parents=True, exist_ok=True)
    lock = Lock(run / ".lock", run, "--run")
    try:
        study = search.open()
        while (n := len(finished(study.trials))) < trials:
            found = search.next_trial(study, n)
            say(_told(study, found, n + 1, trials))
        search.write(study)
    finally:
        lock.release()
    return _report(study, run)


def finished(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Give the trials that count: complete, stopped early, or without room; not those that were killed."""
    ended = (TrialState.COMPLETE, TrialState.PRUNED)
    return [trial for trial in trials if trial.state in ended or _FAILED in trial.user_attrs]


@dataclass(frozen=True)
class _Search:
    recipe: Recipe
    """As it was written; what is best is written by it."""
    local: Recipe
    """With the paths of this machine."""
    taxonomy: Taxonomy
    data: TrainingData
    space: TuneSpace
    run: Path
    overrides: Overrides

    def open(self) -> optuna.Study:
        """Open the study, or begin one; mark trials that were killed, and have them run again first."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            storage=optuna.storages.RDBStorage(f"sqlite:///{self.run.resolve() / _STUDY}"),
            pruner=MedianAtShare(self.recipe.training.epochs),
            study_name="tune",
            direction="maximize",
            load_if_exists=True,
        )
        settings = {
            "recipe": as_table(replace(self.recipe, export=type(self.recipe.export)())),
            "space": as_table(self.space),
            "encoder": self.local.encoder.source,
            "data": f"{fingerprint(self.data.train)} {fingerprint(self.data.select)}",
        }
        before = study.user_attrs.get(_SETTINGS)
        if before is None:
            study.set_user_attr(_SETTINGS, settings)
        elif changed := [key for key in settings if before.get(key) != settings[key]]:
            raise SettingsError(
                f"{self.run} holds a search with another {' and another '.join(changed)}; repeat the command that "
                "began it, or name another --run"
            )
        for trial in study.trials:
            if trial.state is TrialState.RUNNING:
                study.tell(trial.number, state=TrialState.FAIL)
                study.enqueue_trial(trial.params)
        return study

    def next_trial(self, study: optuna.Study, n: int) -> FrozenTrial:
        """Run one trial, of which ``n`` have finished before, and write what there is."""
        # A sampler of its own for each: the proposals do not depend on how often the search was begun anew.
        study.sampler = optuna.samplers.TPESampler(seed=self.recipe.seed + n, n_startup_trials=_STARTUP_TRIALS)
        trial = study.ask()
        values = {name: propose(trial, name, choices) for name, choices in self.space.choices().items()}
        folder = self.run / "trials" / str(trial.number)
        shutil.rmtree(folder, ignore_errors=True)
        started_s = time.monotonic()
        reports = EpochReports(trial, f"eval_{self.recipe.training.metric}")
        state: TrialState | None = None
        try:
            self._train(with_values(self.local, values), reports, folder)
            if reports.pruned:
                state = TrialState.PRUNED
            elif not reports.scores:
                trial.set_user_attr(_FAILED, "no score")
                state = TrialState.FAIL
        except torch.OutOfMemoryError:
            trial.set_user_attr(_FAILED, "no room")
            state = TrialState.FAIL
        except Exception as error:
            # An error, and no kill: the trial counts, so that the same settings are not proposed again.
            trial.set_user_attr(_FAILED, type(error).__name__)
            study.tell(trial, state=TrialState.FAIL)
            raise
        if reports.scores:
            trial.set_user_attr(_EPOCH, max(reports.scores, key=lambda epoch: reports.scores[epoch]))
        trial.set_user_attr(_SECONDS, round(time.monotonic() - started_s, 1))
        best = max(reports.scores.values(), default=None) if state is None else None
        found = study.tell(trial, best, state=state)
        self.write(study)
        return found

    def _train(self, recipe: Recipe, reports: EpochReports, folder: Path) -> None:
        trainer = prepare_trainer(recipe, self.taxonomy, self.data, folder)
        refuse_unexportable(trainer.network().encoder.config, recipe.encoder.max_tokens, recipe.encoder.source)
        # Only the scores are wanted, and a checkpoint of a large encoder is gigabytes.
        trainer.args.save_strategy = SaveStrategy.NO
        trainer.args.load_best_model_at_end = False
        trainer.add_callback(reports)
        trainer.train()
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)

    def write(self, study: optuna.Study) -> None:
        """Write ``trials.csv``, and ``best.toml`` where a trial is complete; each whole or not at all."""
        write_trials(self.run, study.trials, list(self.space.choices()))
        if best := best_of(study):
            write_best(self.run, with_values(self.recipe, best.params), best, self.overrides)


@dataclass
class EpochReports(TrainerCallback):  # type: ignore[misc]
    """Tells a trial the development figure of each epoch, and ends the training where it is not worth going on."""

    trial: optuna.Trial
    key: str
    scores: dict[int, float] = field(default_factory=dict)
    """Epoch to figure."""
    pruned: bool = False

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float], **_: Any) -> None:
        """Take in the figures of one epoch."""
        if self.key not in metrics:
            return  # it is undefined where nothing is found and nothing was to be found
        epoch = math.ceil(state.epoch - 1e-6)  # a last part of an epoch counts as one
        self.scores[epoch] = metrics[self.key]
        self.trial.report(metrics[self.key], epoch)
        if state.global_step < state.max_steps and self.trial.should_prune():
            self.pruned = True
            control.should_training_stop = True


def propose(trial: optuna.Trial, name: str, choices: Choices) -> float:
    """Have a value proposed."""
    if isinstance(choices, tuple):
        values = [int(value) if is_whole(name) else value for value in choices]
        return float(trial.suggest_categorical(name, values))
    if is_whole(name):
        step = int(choices.step or 1)
        return float(trial.suggest_int(name, int(choices.low), int(choices.high), step=step, log=choices.log))
    return float(trial.suggest_float(name, choices.low, choices.high, step=choices.step, log=choices.log))


def best_of(study: optuna.Study) -> FrozenTrial | None:
    """Give the best complete trial, the first of equals; None if there is none yet."""
    complete = [trial for trial in study.trials if trial.state is TrialState.COMPLETE]
    return max(complete, key=lambda trial: (trial.value or 0.0, -trial.number), default=None)


def _told(study: optuna.Study, trial: FrozenTrial, n: int, of: int) -> str:
    ends = {TrialState.PRUNED: "stopped early", TrialState.FAIL: str(trial.user_attrs.get(_FAILED, "failed"))}
    best = best_of(study)
    found = ends.get(trial.state) or f"{100 * (trial.value or 0):.2f}"
    leader = f"; best {100 * (best.value or 0):.2f}, trial {best.number}" if best else ""
    values = ", ".join(f"{name} {value:.4g}" for name, value in trial.params.items())
    return f"trial {n} of {of}: {found} ({values}){leader}"


def _report(study: optuna.Study, run: Path) -> str:
    trials, best = finished(study.trials), best_of(study)
    stopped = sum(trial.state is TrialState.PRUNED for trial in trials)
    lines = [f"{len(trials)} trials, {stopped} of them stopped early: {run / 'trials.csv'}"]
    if best is None:
        return "\n".join([*lines, "None came to an end; there is no best recipe."])
    lines += [f"Best: trial {best.number}, {100 * (best.value or 0):.2f} on the development reviews"]
    lines += [f"  {name:<24} {value:.6g}" for name, value in best.params.items()]
    return "\n".join([*lines, f"Train with it: cxnlp train {run / 'best.toml'}"])
