"""The space that a search goes through: settings of a recipe, each with a range or a list of choices."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cxnlp.errors import SettingsError
from cxnlp.settings.load import read_settings, read_toml
from cxnlp.settings.recipe import Recipe

_LOSS_WEIGHTS = "loss_weights"
_IN_ENCODER = ("dropout",)
_WHOLE_NUMBERS = ("batch_size",)


@dataclass(frozen=True)
class Range:
    """From ``low`` to ``high``, both included."""

    low: float
    high: float
    log: bool = False
    """Whether a tenfold is a tenfold anywhere in it, as learning rates want."""
    step: float | None = None
    """Only ``low``, ``low + step`` and so on."""


Choices = Range | tuple[float, ...]
"""A range, or the values to choose among."""


@dataclass(frozen=True)
class TuneSpace:
    """Which settings are searched; those left out stay as the recipe has them."""

    learning_rate: Range | tuple[float, ...] | None = None
    head_learning_rate: Range | tuple[float, ...] | None = None
    epochs: Range | tuple[float, ...] | None = None
    batch_size: Range | tuple[float, ...] | None = None
    dropout: Range | tuple[float, ...] | None = None
    """Of the encoder."""
    head_dropout: Range | tuple[float, ...] | None = None
    label_smoothing: Range | tuple[float, ...] | None = None
    token_dropout: Range | tuple[float, ...] | None = None
    averaging: Range | tuple[float, ...] | None = None
    loss_weights: Mapping[str, Range | tuple[float, ...]] = field(default_factory=dict)
    """Facet (or ``<facet>.main``) to the weights of its loss."""

    def __post_init__(self) -> None:
        if not self.choices():
            raise ValueError("is empty, expected at least one setting to search, such as learning_rate")
        for name, choices in self.choices().items():
            _check(name, choices)

    def choices(self) -> dict[str, Choices]:
        """Give what is searched, by name; loss weights are called ``loss_weights.FACET``."""
        plain = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name != _LOSS_WEIGHTS}
        found = {name: choices for name, choices in plain.items() if choices is not None}
        return found | {f"{_LOSS_WEIGHTS}.{facet}": choices for facet, choices in self.loss_weights.items()}


def _check(name: str, choices: Choices) -> None:
    if isinstance(choices, tuple):
        if not choices:
            raise ValueError(f"{name}: is an empty list, expected the values to choose among")
        numbers: Sequence[float] = choices
    else:
        if not choices.low < choices.high:
            raise ValueError(f"{name}: goes from {choices.low} to {choices.high}, expected low to be less than high")
        if choices.log and choices.low <= 0:
            raise ValueError(f"{name}: begins at {choices.low}, expected more than 0 with log = true")
        if choices.step is not None and (choices.log or choices.step <= 0):
            raise ValueError(f"{name}: step is {choices.step}, expected more than 0, and log = false beside it")
        numbers = (choices.low, choices.high, choices.step or 1)
    if name in _WHOLE_NUMBERS and any(number != int(number) for number in numbers):
        raise ValueError(f"{name}: expected whole numbers")


def is_whole(name: str) -> bool:
    """Whether a setting takes whole numbers only."""
    return name in _WHOLE_NUMBERS


def read_space(path: Path) -> TuneSpace:
    """Read the ``[tune]`` table of a TOML file.

    Raises:
        SettingsError: it cannot be read, has no such table, or holds an unknown key or an unusable value.
    """
    table = read_toml(path)
    if set(table) != {"tune"}:
        raise SettingsError(f"{path}: has {', '.join(table) or 'nothing'}, expected one table [tune]")
    return read_settings(TuneSpace, table["tune"], f"{path}: tune")


def default_space(recipe: Recipe, losses: Sequence[str]) -> TuneSpace:
    """Give a space around a recipe; ``losses`` are the facets whose weights are searched.

    Rates are searched over a factor of sixteen, loss weights over a factor of four, epochs from half to one and a half
    times as many. What the recipe has switched off (a loss that weighs nothing, no averaging) stays off.
    """
    training = recipe.training
    rates = (training.learning_rate, training.head_learning_rate)
    encoder, heads = (Range(rate / 4, rate * 4, log=True) for rate in rates)
    least = max(1.0, float(round(training.epochs / 2)))
    weights = {name: training.loss_weights.get(name, 1.0) for name in losses}
    return TuneSpace(
        learning_rate=encoder,
        head_learning_rate=heads,
        epochs=Range(least, max(least + 1, float(round(training.epochs * 1.5))), step=1),
        batch_size=(16, 24, 32, 48),
        dropout=Range(0.0, 0.3, step=0.05),
        label_smoothing=Range(0.0, 0.2, step=0.05),
        token_dropout=Range(0.0, 0.2, step=0.05),
        averaging=Range(0.1, 0.5, step=0.1) if training.averaging else None,
        loss_weights={name: Range(weight / 2, weight * 2, log=True) for name, weight in weights.items() if weight},
    )


def with_values(recipe: Recipe, values: Mapping[str, float]) -> Recipe:
    """Give the recipe with values put in, named as ``TuneSpace.choices`` names them.

    Raises:
        ValueError: the recipe does not take one of them.
    """
    training: dict[str, Any] = {}
    encoder: dict[str, Any] = {}
    weights = dict(recipe.training.loss_weights)
    for name, value in values.items():
        if name.startswith(f"{_LOSS_WEIGHTS}."):
            weights[name.removeprefix(f"{_LOSS_WEIGHTS}.")] = value
        else:
            (encoder if name in _IN_ENCODER else training)[name] = int(value) if is_whole(name) else float(value)
    return replace(
        recipe,
        encoder=replace(recipe.encoder, **encoder),
        training=replace(recipe.training, **training, loss_weights=weights),
    )


def _end(choices: Choices, highest: bool) -> float:
    numbers = choices if isinstance(choices, tuple) else (choices.low, choices.high)
    return max(numbers) if highest else min(numbers)


def check_space(recipe: Recipe, space: TuneSpace) -> list[Recipe]:
    """Give the recipe at both ends of the space, where each of its settings takes them.

    Raises:
        SettingsError: it does not, so that a trial would fail after others have run for hours.
    """
    ends = []
    for highest in (False, True):
        values = {name: _end(choices, highest) for name, choices in space.choices().items()}
        try:
            ends.append(with_values(recipe, values))
        except ValueError as error:
            raise SettingsError(f"tune.{error}") from error
    return ends
