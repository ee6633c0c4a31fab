"""What a run folder keeps of a run, and what can be gone on from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_STATE = "trainer_state.json"
_COUNTER = "early_stopping_patience_counter"


def checkpoints(run: Path) -> list[Path]:
    """Give the checkpoints of a run, torn ones among them."""
    return list((run / "checkpoints").glob("checkpoint-*"))


def last_whole(run: Path) -> Path | None:
    """Give the newest checkpoint that was written to its end."""
    # The state is written last: without it, the run was stopped while the checkpoint was being written.
    whole = [path for path in checkpoints(run) if (path / _STATE).is_file()]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def stopped_early(checkpoint: Path, patience: int) -> float | None:
    """Give the epochs of a run whose figure had not risen for ``patience`` of them, None if it was to go on."""
    state = _state(checkpoint)
    return float(state["epoch"]) if _without_gain(state)["attributes"][_COUNTER] >= patience else None


def how_to_go_on(run: Path) -> str:
    """Say what is kept of a run that was interrupted, and what ``--resume`` makes of it."""
    last = last_whole(run)
    if last is None:
        command = "the same command with --resume" if checkpoints(run) else "the same command"
        return f"no epoch was finished, so there is nothing to go on from: {command} starts anew"
    state = _state(last)
    early = _without_gain(state)
    patient = early["attributes"][_COUNTER] < early["args"]["early_stopping_patience"]
    if patient and state["global_step"] < state["max_steps"]:
        done = f"{state['epoch']:g} of {state['num_train_epochs']:g} epochs"
        return f"{done} are kept in {run}: the same command with --resume goes on from there"
    return f"the training is done and kept in {run}: the same command with --resume goes on with the export"


def _state(checkpoint: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((checkpoint / _STATE).read_text("utf-8"))
    return state


def _without_gain(state: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = state["stateful_callbacks"]["EarlyStoppingCallback"]
    return found
