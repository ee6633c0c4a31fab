"""What pandas and Polars call things: the columns of a frame, read and written in the same way for both."""

from __future__ import annotations

import sys
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from cxnlp.data.parquet_table import plain
from cxnlp.errors import ArgumentTypeError

Cells = Sequence[str | float | None]


class FrameColumns(Protocol):
    """A frame by the places of its columns, as a name may be there twice."""

    @property
    def labels(self) -> Sequence[Hashable]:
        """What the columns are called."""
        ...

    def cells(self, place: int, most: int | None = None) -> list[Any]:
        """Give the cells of a column, or the first of them, as JSON can hold them; missing ones are None."""
        ...

    def made(
        self,
        kept: Sequence[int],
        changed: Mapping[int, Sequence[Any]],
        added: Mapping[str, Cells],
        numbers: Collection[str],
    ) -> Any:
        """Give a frame of the columns kept, some with other cells, and those added, ``numbers`` of them float64."""
        ...


def columns_of(frame: object) -> FrameColumns:
    """Take a frame of either kind.

    Raises:
        ArgumentTypeError: it is neither.
    """
    # Whoever holds a frame has imported its package, so neither is imported here to ask.
    for package, columns in (("pandas", PandasColumns), ("polars", PolarsColumns)):
        kind = getattr(sys.modules.get(package), "DataFrame", None)
        if kind is not None and isinstance(frame, kind):
            return cast(FrameColumns, columns(frame))
    package, name = type(frame).__module__.partition(".")[0], type(frame).__name__
    name = name if package == "builtins" else f"{package}.{name}"
    hint = "; call its collect() first" if name == "polars.LazyFrame" else ""
    raise ArgumentTypeError(f"the frame is of type {name}, expected a pandas.DataFrame or polars.DataFrame{hint}")


@dataclass(frozen=True)
class PandasColumns:
    """The columns of a ``pandas.DataFrame``."""

    frame: Any

    @property
    def labels(self) -> Sequence[Hashable]:
        """What the columns are called."""
        return list(self.frame.columns)

    def cells(self, place: int, most: int | None = None) -> list[Any]:
        """Give the cells of a column, or the first of them; missing ones are None."""
        column = self.frame.iloc[:most, place]
        gone = column.isna().tolist()
        # A column of objects may hold numpy's numbers, which are not Python's.
        cells = (cell.item() if isinstance(cell, np.generic) else cell for cell in column.tolist())
        return [None if no else plain(cell) for cell, no in zip(cells, gone, strict=True)]

    def made(
        self,
        kept: Sequence[int],
        changed: Mapping[int, Sequence[Any]],
        added: Mapping[str, Cells],
        numbers: Collection[str],
    ) -> Any:
        """Give a frame with the same index."""
        from pandas import Series

        made = self.frame.iloc[:, list(kept)].copy(deep=False)
        for place, cells in changed.items():
            made.isetitem(kept.index(place), Series(cells, index=made.index, dtype=object).infer_objects())
        below = [""] * (made.columns.nlevels - 1)  # where columns have names on several levels
        for name, values in added.items():
            made[(name, *below) if below else name] = Series(
                values, index=made.index, dtype="float64" if name in numbers else "str"
            )
        return made


@dataclass(frozen=True)
class PolarsColumns:
    """The columns of a ``polars.DataFrame``."""

    frame: Any

    @property
    def labels(self) -> Sequence[Hashable]:
        """What the columns are called."""
        return list(self.frame.columns)

    def cells(self, place: int, most: int | None = None) -> list[Any]:
        """Give the cells of a column, or the first of them; missing ones are None."""
        column = self.frame.to_series(place)
        return [plain(cell) for cell in (column if most is None else column.head(most)).to_list()]

    def made(
        self,
        kept: Sequence[int],
        changed: Mapping[int, Sequence[Any]],
        added: Mapping[str, Cells],
        numbers: Collection[str],
    ) -> Any:
        """Give a frame whose new columns are of the types Float64 and String."""
        from polars import DataFrame, Float64, Series, String

        columns = [self.frame.to_series(place) for place in kept]
        for place, cells in changed.items():
            old = self.frame.to_series(place)
            columns[kept.index(place)] = Series(old.name, cells, old.dtype if old.dtype.is_nested() else String)
        columns += [
            Series(name, values, Float64 if name in numbers else String, strict=False) for name, values in added.items()
        ]
        return DataFrame(columns)
