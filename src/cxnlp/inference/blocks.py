"""Score blocks of rows that come as Arrow tables: what a process of a cluster does, whatever the cluster."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxnlp.bundle import load_bundle, shipped_bundle
from cxnlp.data.columns import find_text_column
from cxnlp.data.json_rows import NOT_TEXT
from cxnlp.inference.cells import DECIMALS, cell_columns, number_columns, values
from cxnlp.inference.labelling import Labeller
from cxnlp.inference.tagger import Tagger
from cxnlp.taxonomy import Taxonomy

if TYPE_CHECKING:
    import pyarrow

SAMPLE_ROWS = 200
"""Rows that the text column is guessed from, as for a file."""

# Rows whose predictions are held at a time: their probabilities take far more memory than their texts.
_CHUNK_ROWS = 2_048


@dataclass(frozen=True)
class BlockOptions:
    """How each process of a cluster scores."""

    text_column: str | None = None
    """The column of the review's text; guessed from its name and the first rows if None."""
    model: str | None = None
    """The folder of a bundle, readable under this name on every node; the shipped model if None."""
    backend: str = "onnx"
    device: str = "auto"
    """``auto``, ``cpu`` or ``cuda``."""
    threads: int = 1
    """Of one process. A cluster runs one process for each core, which must not all use every core."""
    processes_per_gpu: int = 1
    """How many share one GPU, where the system shares them out (Ray); one alone seldom keeps it busy."""


DEFAULT = BlockOptions()


def added_columns(options: BlockOptions) -> dict[str, type[str] | type[float]]:
    """Give the columns that scoring adds and what they hold, without loading the network.

    Raises:
        BundleError: the bundle is missing, incomplete or altered.
    """
    return _columns(load_bundle(Path(options.model) if options.model else shipped_bundle()).taxonomy)


def _columns(taxonomy: Taxonomy) -> dict[str, type[str] | type[float]]:
    numbers = number_columns(taxonomy)
    return {name: float if name in numbers else str for name in cell_columns(taxonomy)}


def text_column_of(names: Sequence[str], sample: Sequence[Mapping[str, Any]], options: BlockOptions) -> str:
    """Give the column that holds the text, by the rule for files.

    Raises:
        DataError: there is no such column, or none is surely the text; the message lists the columns.
    """
    return find_text_column("the reviews", names, sample, options.text_column)[0]


@cache
def load_labeller(options: BlockOptions) -> Labeller:
    """Load the model, once in a process.

    Raises:
        BundleError: the bundle is missing, incomplete or altered on this node.
        BackendError: the back end or the device is not available on this node.
    """
    # Of the tokeniser and the identification of languages, which look at this when they are first used.
    os.environ.setdefault("RAYON_NUM_THREADS", str(options.threads))
    return Tagger.load(options.model, backend=options.backend, device=options.device, threads=options.threads)


def score_table(labeller: Labeller, table: pyarrow.Table, text_column: str) -> pyarrow.Table:
    """Give the table with the columns that a scored file has; columns of these names in it are replaced.

    Rows keep their order and their values. A missing text is an empty one; what is no text is flagged ``not_text``.
    Scores are numbers (null where there was nothing to read), the other new columns strings as in a CSV result.
    """
    import pyarrow

    new = _columns(labeller.taxonomy)
    texts = [_text(value) for value in table.column(text_column).to_pylist()]
    added: dict[str, list[str | float | None]] = {name: [] for name in new}
    for start in range(0, len(texts), _CHUNK_ROWS):
        chunk = texts[start : start + _CHUNK_ROWS]
        for (_, flags), prediction in zip(chunk, labeller.tag([text for text, _ in chunk]), strict=True):
            for name, value in values(labeller.taxonomy, prediction, (*flags, *prediction.flags)).items():
                added[name].append(round(value, DECIMALS) if isinstance(value, float) else value)
    kept = table.select([name for name in table.column_names if name.strip() not in new])
    for name, column in added.items():
        kind = pyarrow.float64() if new[name] is float else pyarrow.string()
        kept = kept.append_column(name, pyarrow.array(column, kind))
    return kept


def _text(value: object) -> tuple[str, tuple[str, ...]]:
    if value is None:
        return "", ()
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        return str(value), ()
    return "", (NOT_TEXT,)
