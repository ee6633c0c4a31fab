"""Results as Parquet: typed columns, in row groups, so that memory does not grow with the file."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxnlp.data.kinds import TEXT, Column, as_text

_GROUP_ROWS = 10_000
# A group also ends here, so that long texts are not held in memory either.
_GROUP_CHARS = 16_000_000
_SURROGATE = re.compile("[\ud800-\udfff]")


class ParquetWriter:
    """A Parquet file. Needs pyarrow."""

    def __init__(self, part: Path, columns: Sequence[Column]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        types = {
            TEXT: pa.string(), "int": pa.int64(), "float": pa.float64(), "bool": pa.bool_(), "date": pa.date32(),
            "datetime": pa.timestamp("us"),
        }  # fmt: skip
        self._kinds = [column.kind for column in columns]
        self._schema = pa.schema([(column.name, types[column.kind]) for column in columns])
        self._record_batch = pa.RecordBatch
        self._array = pa.array
        self._writer = pq.ParquetWriter(str(part), self._schema, compression="zstd")
        self._columns: list[list[Any]] = [[] for _ in columns]
        self._n_rows = 0
        self._n_chars = 0

    def write(self, values: Sequence[Any]) -> None:
        """Add a row, one value per column."""
        for cells, kind, value in zip(self._columns, self._kinds, values, strict=True):
            made = value
            if kind == TEXT and value is not None:
                made = as_text(value)
                self._n_chars += len(made)
                if not made.isascii():
                    made = _SURROGATE.sub("\ufffd", made)
            elif value == "":  # an empty cell among numbers
                made = None
            elif kind == "float" and isinstance(value, int):
                made = float(value)
            cells.append(made)
        self._n_rows += 1
        if self._n_rows >= _GROUP_ROWS or self._n_chars >= _GROUP_CHARS:
            self._end_group()

    def close(self) -> tuple[str, ...]:
        """Finish the file."""
        self._end_group()
        self._writer.close()
        return ()

    def _end_group(self) -> None:
        if self._n_rows:
            arrays = [self._array(cells, field.type) for cells, field in zip(self._columns, self._schema, strict=True)]
            self._writer.write_batch(self._record_batch.from_arrays(arrays, schema=self._schema))
        self._columns = [[] for _ in self._columns]
        self._n_rows = self._n_chars = 0
