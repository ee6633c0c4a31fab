"""Score reviews on a Spark cluster: a DataFrame in, the same rows with labels out."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from cxnlp.data.tables import SAMPLE_ROWS
from cxnlp.errors import BackendError
from cxnlp.inference.blocks import (
    DEFAULT,
    BlockOptions,
    Load,
    Plan,
    added_columns,
    kept_columns,
    load_labeller,
    plan_of,
    score_table,
)

if TYPE_CHECKING:
    import pyarrow
    from pyspark.sql import DataFrame, SparkSession

__all__ = ["BlockOptions", "score_dataframe", "score_parquet"]


def score_dataframe(frame: DataFrame, options: BlockOptions = DEFAULT, *, load: Load = load_labeller) -> DataFrame:
    """Give the DataFrame with the columns that ``cxnlp score`` adds; nothing runs until it is written or shown.

    Each Python process of an executor loads the model once and keeps it for all its tasks. ``load`` does that; it must
    be a function of a module that the executors can import.

    Raises:
        DataError: no column is surely the text, or there is no column of the name given.
        BundleError: the bundle is missing, incomplete or altered.
        BackendError: pyspark is not installed.
    """
    try:
        from pyspark.sql.types import DoubleType, StringType, StructField, StructType
    except ImportError as error:
        raise BackendError(f'this needs {error.name}: pip install "cxnlp[spark]"') from error
    sample = [row.asDict(recursive=True) for row in frame.limit(SAMPLE_ROWS).collect()]
    plan = plan_of(frame.columns, sample, options)
    new = added_columns(options)
    kept = [frame.schema[name] for name in kept_columns(plan, new)]
    added = [StructField(name, DoubleType() if kind is float else StringType()) for name, kind in new.items()]
    # Not mapInPandas: pandas would fail on a time such as 9999-12-31 in any other column, and turn NaN into null.
    return frame.mapInArrow(partial(_score_batches, plan, options, load), StructType([*kept, *added]))


def score_parquet(spark: SparkSession, source: str | list[str], output: str, options: BlockOptions = DEFAULT) -> None:
    """Score Parquet files into a folder of Parquet files; ``_SUCCESS`` in it says that it is complete.

    Raises:
        DataError, BundleError, BackendError: as ``score_dataframe``.
        pyspark.errors.PySparkException: the source cannot be read, or the output exists or cannot be written.
    """
    paths = [source] if isinstance(source, str) else source
    score_dataframe(spark.read.parquet(*paths), options).write.mode("errorifexists").parquet(output)


def _score_batches(
    plan: Plan, options: BlockOptions, load: Load, batches: Iterator[pyarrow.RecordBatch]
) -> Iterator[pyarrow.RecordBatch]:
    """Score the batches of one task, in one process of an executor."""
    import pyarrow

    labeller = load(options)
    for batch in batches:
        yield from score_table(labeller, pyarrow.Table.from_batches([batch]), plan).to_batches()
