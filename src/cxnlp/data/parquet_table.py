"""Parquet as a table, read by pyarrow one part of a row group at a time."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any, BinaryIO

from cxnlp.data.columns import unique_names
from cxnlp.data.raw import BINARY, Raw, RawTable
from cxnlp.data.source import Source
from cxnlp.errors import BackendError, DataError

_BATCH_ROWS = 1024


def open_parquet(source: Source) -> RawTable:
    """Read the columns of a Parquet file.

    Raises:
        DataError: it is damaged or cut off.
        BackendError: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet as parquet
    except ImportError as error:
        raise BackendError(f'{source.path}: Parquet needs pyarrow: pip install "cxnlp[parquet]"') from error
    with _opened(source) as file:
        header = tuple(map(str, parquet.ParquetFile(file).schema_arrow.names))
    columns = unique_names(header)
    if not columns:
        raise DataError(f"{source.path}: no columns; expected one with the texts of reviews")

    def rows() -> Iterator[Raw]:
        with _opened(source) as file:
            number = 0
            for batch in parquet.ParquetFile(file).iter_batches(_BATCH_ROWS, use_threads=False):
                cells = [column.to_pylist() for column in batch.columns]
                for values in zip(*cells, strict=True):
                    number += 1
                    yield Raw(number, dict(zip(columns, map(plain, values), strict=True)))

    return RawTable(source, BINARY, "", header, columns, rows, ("Parquet.",))


def plain(value: Any) -> Any:
    """Give a value as JSON can hold it; not a number is nothing."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, datetime.timedelta | Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


@contextmanager
def _opened(source: Source) -> Iterator[BinaryIO]:
    """Open the file; pyarrow's errors become ours."""
    from pyarrow import ArrowException

    with source.open() as file:
        try:
            yield file
        except (ArrowException, OSError) as error:
            if not isinstance(error, ArrowException) and type(error) is not OSError:
                raise
            raise DataError(
                f"{source.path}: not a whole Parquet file ({type(error).__name__}): its beginning or its footer "
                "is wrong; copy or export it again"
            ) from error
