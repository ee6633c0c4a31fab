"""What a benchmark is: its data, its labels, its settings, its figures, and what others reported."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any, Literal

from cxnlp.errors import SettingsError, nearest
from cxnlp.settings import EncoderSettings, TrainingSettings, read_settings
from cxnlp.taxonomy import Taxonomy
from cxnlp.taxonomy.load import parse_taxonomy

NAMES = ("norec_sentence", "fabsa", "scandisent_mt", "swedish_sentiment")
DEFAULT_ENCODER = "default"
"""Stands for the encoder of the shipped model."""


@dataclass(frozen=True)
class Figure:
    """One figure that is reported: where it stands in an evaluation, and its name in a table."""

    title: str
    facet: str
    """For pairs of label and polarity: ``<facet>_pairs``."""
    figure: str


@dataclass(frozen=True)
class Published:
    """What others reported: a model and its figures, × 100."""

    model: str
    source: str
    """Where and how it was measured, as far as that differs."""
    values: Mapping[str, float]
    """Title of a figure to its value."""
    part: str = ""
    """Empty where there is one part only."""


@dataclass(frozen=True)
class Benchmark:
    """A public data set with a fixed way to train and measure on it."""

    title: str
    kind: Literal["norec_sentence", "fabsa", "rows"]
    """How the files are read and divided."""
    taxonomy: str
    language: str
    files: Mapping[str, str]
    """Part to file; each part is trained and measured on its own."""
    encoder: EncoderSettings
    training: TrainingSettings
    figures: tuple[Figure, ...]
    seeds: int
    published: tuple[Published, ...] = ()
    text_column: str = "text"
    label_column: str = "label"
    labels: Mapping[str, str] = field(default_factory=dict)
    """For ``rows``: the file's labels to the taxonomy's."""

    def published_rows(self, part: str) -> list[dict[str, Any]]:
        """Give what others reported of a part, as results and tables hold it."""
        return [
            {"model": one.model, "source": one.source, "values": dict(one.values)}
            for one in self.published
            if one.part in ("", part)
        ]


def load_benchmark(name: str) -> Benchmark:
    """Read one of the benchmarks that come with the package.

    Raises:
        SettingsError: there is none of that name.
    """
    if name not in NAMES:
        raise SettingsError(f"no benchmark {name!r}, expected one of {', '.join(NAMES)}{nearest(name, list(NAMES))}")
    text = _read("specs", f"{name}.toml")
    return read_settings(Benchmark, tomllib.loads(text), name)


def load_labels(benchmark: Benchmark) -> Taxonomy:
    """Read the taxonomy of a benchmark."""
    return parse_taxonomy(_read("taxonomies", benchmark.taxonomy), benchmark.taxonomy)


def _read(folder: str, file: str) -> str:
    return resources.files("cxnlp.benchmark").joinpath(folder, file).read_text("utf-8")
