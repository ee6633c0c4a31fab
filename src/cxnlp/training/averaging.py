"""A moving average of the weights, which reads new texts better than the last weights do.

Polyak and Juditsky 1992, "Acceleration of Stochastic Approximation by Averaging"; torch's ``AveragedModel`` does it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

from safetensors.torch import load_file, save_file
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from transformers import TrainerCallback

from cxnlp.errors import SettingsError
from cxnlp.model.network import Network

_FILE = "average.safetensors"


class WeightAverage(TrainerCallback):  # type: ignore[misc]
    """Keeps the average over about the last ``share`` of the run's steps, older ones counting less and less."""

    def __init__(self, network: Network, share: float) -> None:
        self.share = share
        self.averaged = AveragedModel(network)

    @property
    def network(self) -> Network:
        """The network with the averaged weights."""
        return cast(Network, self.averaged.module)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Set the pace, now that the number of steps is known."""
        steps = max(1.0, self.share * state.max_steps)
        self.averaged.multi_avg_fn = get_ema_multi_avg_fn(1 - 1 / steps)  # type: ignore[no-untyped-call]

    def on_step_end(self, args: Any, state: Any, control: Any, model: Network, **_: Any) -> None:
        """Take in the weights of one step."""
        self.averaged.update_parameters(model)

    def save(self, checkpoint: Path) -> None:
        """Write the averaged weights beside those of a checkpoint."""
        state = {name: value.contiguous() for name, value in self.network.state_dict().items()}
        save_file(state, checkpoint / _FILE)

    def load(self, checkpoint: Path) -> None:
        """Go on with the averaged weights of a checkpoint.

        Raises:
            SettingsError: the checkpoint has none.
        """
        path = checkpoint / _FILE
        if not path.is_file():
            raise SettingsError(
                f"{checkpoint} holds no {_FILE}: its run began with training.averaging = 0; resume it with that, or "
                "train anew in another folder"
            )
        self.network.load_state_dict(load_file(path))
        self.averaged.n_averaged.fill_(1)  # with 0 the next step would replace the average rather than enter it
