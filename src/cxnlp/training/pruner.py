"""When a trial of a search is not worth going on with."""

from __future__ import annotations

from statistics import median

import optuna
from optuna.trial import FrozenTrial, TrialState

_UNPRUNED_TRIALS = 4
_UNPRUNED_EPOCHS = 1


class MedianAtShare(optuna.pruners.BasePruner):  # type: ignore[misc]
    """Stops a trial whose best epoch is below the median of what complete trials had after the same share of theirs.

    The learning rate falls to zero over a trial's own epochs: at the same epoch a long trial still learns fast where a
    short one has settled, and ``optuna.pruners.MedianPruner``, which compares equal epochs, would stop the long ones.
    The first trials, and the first epoch of each, are never stopped.
    """

    def __init__(self, epochs: float) -> None:
        self.epochs = epochs
        """Of a trial in which they are not searched."""

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        """Whether it is not worth going on."""
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        epoch = trial.last_step or 0
        if len(complete) < _UNPRUNED_TRIALS or epoch <= _UNPRUNED_EPOCHS:
            return False
        share = epoch / self._epochs(trial)
        others = [best for one in complete if (best := self._best_until(one, share)) is not None]
        best = self._best_until(trial, share)
        return best is not None and bool(others) and best < median(others)

    def _epochs(self, trial: FrozenTrial) -> float:
        return float(trial.params.get("epochs", self.epochs))

    def _best_until(self, trial: FrozenTrial, share: float) -> float | None:
        until = share * self._epochs(trial) + 1e-6
        return max((value for epoch, value in trial.intermediate_values.items() if epoch <= until), default=None)
