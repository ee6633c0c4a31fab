"""Score blocks of rows that come as Arrow tables: what a process of a cluster does, whatever the cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cxnlp.bundle import load_bundle, shipped_bundle
from cxnlp.data.formats import recognise
from cxnlp.data.mapping import NO_MAPPING
from cxnlp.data.parquet_table import plain
from cxnlp.data.raw import Raw
from cxnlp.data.roles import find_roles
from cxnlp.data.tables import Meaning, ReadingOptions, Row, personal_columns
from cxnlp.inference.cells import cell_columns, number_columns, values
from cxnlp.inference.hooks import Hooks
from cxnlp.inference.labelling import ChunkLabeller, Labeller
from cxnlp.inference.tagger import Tagger
from cxnlp.taxonomy import Taxonomy

if TYPE_CHECKING:
    import pyarrow

# Rows whose predictions are held at a time: their probabilities take far more memory than their texts.
_CHUNK_ROWS = 2_048
_WHERE = "the reviews"


@dataclass(frozen=True)
class BlockOptions:
    """How each process of a cluster scores."""

    text_column: str | None = None
    """The column of the review's text; guessed from its name and the first rows if None."""
    title_column: str | None = None
    """The column of its title, which is read before the text; guessed likewise if None; empty: there is none."""
    keep_personal: bool = False
    """Whether columns of names, e-mail, telephone, IP and place are carried to the result."""
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
Load = Callable[[BlockOptions], Labeller]
"""Loads the model in a process of a cluster."""


@dataclass(frozen=True)
class Plan:
    """What is read of each block and what of it is kept; decided once, before the blocks are given out."""

    roles: Mapping[str, str]
    """Role (text, title, language …) to column."""
    carried: tuple[str, ...]
    """Columns that are kept, in order."""


def plan_of(names: Sequence[str], sample: Sequence[Mapping[str, Any]], options: BlockOptions) -> Plan:
    """Decide the roles of columns, by the rules for files, and which columns are kept.

    Raises:
        DataError: there is no column of a name given, or none is surely the text; the message lists the columns.
    """
    reading = ReadingOptions(text_column=options.text_column, title_column=options.title_column)
    export = recognise(names)
    roles = find_roles(_WHERE, names, [_plain(row) for row in sample], export, reading)
    personal = () if options.keep_personal else personal_columns(names, export, NO_MAPPING, roles)
    return Plan(dict(roles.columns), tuple(name for name in names if name not in personal))


def added_columns(options: BlockOptions) -> dict[str, type[str] | type[float]]:
    """Give the columns that scoring adds and what they hold, without loading the network.

    Raises:
        BundleError: the bundle is missing, incomplete or altered.
    """
    return _columns(load_bundle(Path(options.model) if options.model else shipped_bundle()).taxonomy)


def _columns(taxonomy: Taxonomy) -> dict[str, type[str] | type[float]]:
    numbers = number_columns(taxonomy)
    return {name: float if name in numbers else str for name in cell_columns(taxonomy)}


@cache
def load_labeller(options: BlockOptions) -> Labeller:
    """Load the model, once in a process.

    Raises:
        BundleError: the bundle is missing, incomplete or altered on this node.
        BackendError: the back end or the device is not available on this node.
    """
    # Of the tokeniser, which looks at this when it is first used.
    os.environ.setdefault("RAYON_NUM_THREADS", str(options.threads))
    return Tagger.load(options.model, backend=options.backend, device=options.device, threads=options.threads)


def kept_columns(plan: Plan, added: Mapping[str, object]) -> list[str]:
    """Name the columns of the input that are kept: those carried, without old ones of our own."""
    return [name for name in plan.carried if name.strip() not in added]


def score_table(labeller: Labeller, table: pyarrow.Table, plan: Plan) -> pyarrow.Table:
    """Give the table with the columns that a scored file has; columns of these names in it are replaced.

    Rows keep their order and their values. A missing text is an empty one; what is no text is flagged ``not_text``, and
    a text that the model fails on ``not_scored``. Scores are numbers (null where there was nothing to read).

    Raises:
        BackendError: the model fails on text after text.
    """
    import pyarrow

    new = _columns(labeller.taxonomy)
    added: dict[str, list[str | float | None]] = {name: [] for name in new}
    rows, labels = _rows(table, plan), ChunkLabeller(labeller, Hooks(refine=()))
    for start in range(0, len(rows), _CHUNK_ROWS):
        for name, column in _label(labels, rows[start : start + _CHUNK_ROWS]).items():
            added[name] += column
    result = table.select(kept_columns(plan, new))
    for name, column in added.items():
        kind = pyarrow.float64() if new[name] is float else pyarrow.string()
        result = result.append_column(name, pyarrow.array(column, kind))
    return result


def _rows(table: pyarrow.Table, plan: Plan) -> list[Row]:
    meaning = Meaning(plan.roles, None)
    cells = table.select(list(dict.fromkeys(plan.roles.values()))).to_pylist()
    return [meaning.row(Raw(number, _plain(row))) for number, row in enumerate(cells, 1)]


def _label(labels: ChunkLabeller, rows: Sequence[Row]) -> dict[str, list[str | float | None]]:
    taxonomy = labels.packer.taxonomy
    packed = labels.label(labels.prepare(rows), lambda n: None)
    out: dict[str, list[str | float | None]] = {name: [] for name in cell_columns(taxonomy)}
    for prediction, flags in labels.results(rows, packed):
        for name, value in values(taxonomy, prediction, flags).items():
            out[name].append(value)
    return out


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: plain(value) for name, value in row.items()}
