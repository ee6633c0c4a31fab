"""Parquet as a table, read by pyarrow one part of a row group at a time."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

from cxnlp.data.columns import unique_names
from cxnlp.data.raw import BINARY, Raw, RawTable
from cxnlp.data.source import Source
from cxnlp.errors import BackendError, DataError

if TYPE_CHECKING:
    import pyarrow
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
        schema = parquet.ParquetFile(file).schema_arrow
    header = tuple(map(str, schema.names))
    columns = unique_names(header)
    if not columns:
        raise DataError(f"{source.path}: no columns; expected one with the texts of reviews")

    def rows() -> Iterator[Raw]:
        with _opened(source) as file:
            number = 0
            for batch in parquet.ParquetFile(file).iter_batches(_BATCH_ROWS, use_threads=False):
                cells = [_without_nanoseconds(column).to_pylist() for column in batch.columns]
                for values in zip(*cells, strict=True):
                    number += 1
                    yield Raw(number, dict(zip(columns, map(plain, values), strict=True)))

    kinds = {name: kind for name, type_ in zip(columns, schema.types, strict=True) if (kind := _kind(type_))}
    return RawTable(source, BINARY, "", header, columns, rows, ("Parquet.",), kinds)


def _kind(type_: pyarrow.DataType) -> str:
    """Name the kind of a column of days or times. Of times with a zone there is none: a workbook cannot hold them."""
    from pyarrow import types

    if types.is_date(type_):
        return "date"
    return "datetime" if types.is_timestamp(type_) and type_.tz is None else ""


def _without_nanoseconds(column: pyarrow.Array) -> pyarrow.Array:
    """Cut times to microseconds: Python's own have no finer ones, and without pandas Arrow refuses to give others."""
    import pyarrow
    from pyarrow import types

    type_ = column.type
    if getattr(type_, "unit", "") != "ns":
        return column
    if types.is_timestamp(type_):
        return column.cast(pyarrow.timestamp("us", type_.tz), safe=False)
    return column.cast(pyarrow.time64("us") if types.is_time(type_) else pyarrow.duration("us"), safe=False)


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
