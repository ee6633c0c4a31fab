"""What a search writes: the best recipe, and all its trials as a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cxnlp.data.write import AtomicText
from cxnlp.settings import Recipe, as_toml
from cxnlp.training.train import Overrides

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def write_best(run: Path, recipe: Recipe, trial: FrozenTrial, overrides: Overrides) -> None:
    """Write ``best.toml``: the whole recipe, called ``<name>-tuned``, without the paths of this machine."""
    options = [f"--encoder {overrides.encoder}"] if overrides.encoder else []
    options += [f"--data {name}={path}" for name, path in overrides.data.items()]
    lines = [
        f"# Found by cxnlp tune: trial {trial.number}, {recipe.training.metric} {_number(trial.value)} on the "
        "development reviews.",
        *([f"# The search was run with {' '.join(options)}; give cxnlp train the same."] if options else []),
    ]
    with AtomicText(run / "best.toml") as file:
        file.write("\n".join([*lines, as_toml(replace(recipe, name=f"{recipe.name}-tuned"))]))


def write_trials(run: Path, trials: Sequence[FrozenTrial], names: Sequence[str]) -> None:
    """Write ``trials.csv``: a row for each trial, with the figure of each of its epochs."""
    n_epochs = max((epoch for trial in trials for epoch in trial.intermediate_values), default=0)
    head = ["trial", "state", "score", "best_epoch", "seconds", *names, *(f"epoch_{i + 1}" for i in range(n_epochs))]
    rows = [
        [
            trial.number,
            trial.user_attrs.get("failed", trial.state.name.lower()),
            _number(trial.value),
            trial.user_attrs.get("best_epoch", ""),
            trial.user_attrs.get("seconds", ""),
            *(trial.params.get(name, "") for name in names),
            *(_number(trial.intermediate_values.get(i + 1)) for i in range(n_epochs)),
        ]
        for trial in trials
    ]
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([head, *rows])
    with AtomicText(run / "trials.csv") as file:
        file.write(text.getvalue())


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"
