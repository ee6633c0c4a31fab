"""Score reviews on a Ray cluster: a Ray Dataset in, the same rows with labels out, by a pool of actors."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from cxnlp.data.tables import SAMPLE_ROWS
from cxnlp.errors import BackendError, DataError
from cxnlp.inference.blocks import DEFAULT, BlockOptions, Load, Plan, load_labeller, plan_of, score_table

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.fs import FileSystem
    from ray.data import Dataset

__all__ = ["BlockOptions", "score_dataset", "score_parquet"]

_COMPLETE = "_SUCCESS"


def score_dataset(
    dataset: Dataset,
    options: BlockOptions = DEFAULT,
    *,
    actors: int | tuple[int, int] | None = None,
    batch_rows: int = 4_096,
    load: Load = load_labeller,
) -> Dataset:
    """Give the Dataset with the columns that ``cxnlp score`` adds; nothing runs until it is written or read.

    ``actors`` is how many there are, or the least and the most of them; without it, as many as the cluster has room
    for. Each loads the model once and takes ``options.threads`` CPUs, and its share of a GPU if ``options.device`` is
    ``cuda``. ``load`` loads it; it must be a function of a module that the actors can import.

    Raises:
        DataError: no column is surely the text, or there is no column of the name given.
        BackendError: ray is not installed.
    """
    try:
        from ray.data import ActorPoolStrategy
    except ImportError as error:
        raise BackendError(f'this needs {error.name}: pip install "cxnlp[ray]"') from error
    plan = plan_of(dataset.schema().names, dataset.take(SAMPLE_ROWS), options)
    least, most = actors if isinstance(actors, tuple) else (actors or 1, actors)
    return dataset.map_batches(
        _Scorer,
        fn_constructor_args=(plan, options, load),
        compute=ActorPoolStrategy(min_size=least, max_size=most),
        batch_size=batch_rows,
        batch_format="pyarrow",
        num_cpus=options.threads,
        num_gpus=1 / options.processes_per_gpu if options.device == "cuda" else 0,
    )


def score_parquet(
    source: str | list[str],
    output: str,
    options: BlockOptions = DEFAULT,
    *,
    actors: int | tuple[int, int] | None = None,
    load: Load = load_labeller,
) -> None:
    """Score Parquet files into a folder of Parquet files; ``_SUCCESS`` in it says that it is complete.

    On a file system the folder appears under its name only when it is; in an object store, which cannot rename a
    folder, only ``_SUCCESS`` tells.

    Raises:
        DataError: the output exists, or as ``score_dataset``.
        BackendError: ray is not installed.
    """
    try:
        import ray.data
        from pyarrow.fs import FileSystem, LocalFileSystem
    except ImportError as error:
        raise BackendError(f'this needs {error.name}: pip install "cxnlp[ray]"') from error
    system, target = FileSystem.from_uri(output if "://" in output else os.path.abspath(output))
    _refuse_taken(system, target, output)
    work = target
    if isinstance(system, LocalFileSystem):
        folder, name = os.path.split(target)
        work = os.path.join(folder, f".{name}-{secrets.token_hex(8)}")
    complete = False
    try:
        scored = score_dataset(ray.data.read_parquet(source), options, actors=actors, load=load)
        scored.write_parquet(work, filesystem=system)
        system.open_output_stream(f"{work}/{_COMPLETE}").close()
        if work != target:
            system.move(work, target)
        complete = True
    finally:
        if not complete and work != target and os.path.isdir(work):
            system.delete_dir(work)


def _refuse_taken(system: FileSystem, target: str, output: str) -> None:
    from pyarrow.fs import FileSelector, FileType

    kind = system.get_file_info(target).type
    empty_folder = kind == FileType.Directory and not system.get_file_info(FileSelector(target))
    if kind != FileType.NotFound and not empty_folder:
        raise DataError(f"{output}: exists already; name another folder or remove it")


class _Scorer:
    """An actor: it loads the model once and scores blocks."""

    def __init__(self, plan: Plan, options: BlockOptions, load: Load) -> None:
        self.plan = plan
        self.labeller = load(options)

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        return score_table(self.labeller, table, self.plan)
