"""A look through all rows before any is scored: how many, which are left out, how ratings and dates are given."""

from __future__ import annotations

import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from cxnlp.data.raw import Raw
from cxnlp.data.values import NPS, RECOMMEND, STARS, Scale, day_and_month, number_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EDITED = "earlier version of a review that was edited"

_REVIEW_ID = re.compile(r"reviewid=([^&#\s]+)", re.IGNORECASE)
_MAX_SMALL = 10

GIVEN, EXPORT, NAME, NUMBERS = "given", "export", "name", "numbers"
"""Why ratings were read on a scale: the user said so, such an export has it, the column's name, or its numbers."""


@dataclass(frozen=True)
class RatingsRead:
    """On which scale the ratings of a column were read, and why."""

    scale: Scale | None
    """None where no scale is known: ratings in words are read, and numbers are not."""
    reason: str
    """``given``, ``export``, ``name`` or ``numbers``; empty without a scale."""
    numbers: tuple[float, float] | None
    """The smallest and the largest number of the column; None if it has none."""


@dataclass(frozen=True)
class Dates:
    """How the dates of a column with the year last are given."""

    day_first: bool = True
    reason: str = ""
    """Empty if there is no such date."""
    example: tuple[int, str, int] = (0, "", 0)


@dataclass(frozen=True)
class Survey:
    """What was found in all rows."""

    n_rows: int
    """Rows that count."""
    left_out: Counter[str]
    superseded: NDArray[np.int64] | None
    """Positions of rows (from 0, of those that count otherwise) of which a later edit counts, in order."""
    ratings: RatingsRead | None
    """None without a column of ratings."""
    decimal_comma: bool
    dates: Dates

    @property
    def scale(self) -> Scale | None:
        """The scale of the ratings."""
        return self.ratings.scale if self.ratings else None


class Ratings:
    """Looks at the numbers of a column of ratings."""

    def __init__(self) -> None:
        self.n = 0
        self.low = float("inf")
        self.high = float("-inf")
        self.decimal_comma = False

    def add(self, value: Any) -> None:
        """Look at one cell."""
        number = number_of(value)
        if number is not None:
            self.n += 1
            self.low, self.high = min(self.low, number), max(self.high, number)
            self.decimal_comma |= isinstance(value, str) and "," in value

    def read(self, column: str, *, given: Scale | None, export: Scale | None) -> RatingsRead:
        """Give the scale that is given, that of the export, or what the column's name and numbers speak for."""
        numbers = (self.low, self.high) if self.n else None
        if given or export:
            return RatingsRead(given or export, GIVEN if given else EXPORT, numbers)
        scale, reason = self._by_name(column.casefold()), NAME
        if scale is None:
            scale, reason = self._by_numbers(), NUMBERS
        return RatingsRead(scale, reason if scale else "", numbers)

    def _by_name(self, name: str) -> Scale | None:
        if self.n and self.low >= 0:
            if self.high <= _MAX_SMALL and any(word in name for word in RECOMMEND):
                return NPS
            if self.high <= 6 and "terning" in name:
                return Scale(1, 6)
        return None

    def _by_numbers(self) -> Scale | None:
        if not self.n or self.low < 0:
            return None
        if self.high <= 5:
            return STARS
        if self.high <= 6:
            return Scale(1, 6)
        if self.high <= _MAX_SMALL:
            return NPS if self.low < 1 else Scale(1, 10)
        return Scale(0, 100) if self.high <= 100 else None


class Days:
    """Looks at the dates of a column."""

    def __init__(self) -> None:
        self.first = self.second = self.n = 0
        self.example = (0, "", 0)

    def add(self, value: Any) -> None:
        """Look at one cell."""
        if found := day_and_month(value):
            self.n += 1
            self.first += found[0] > 12
            self.second += found[2] > 12
            # The first date that would be another day the other way round shows best what is meant.
            if self.n == 1 or (self.example[0] == self.example[2] and found[0] != found[2]):
                self.example = found

    def dates(self, *, month_first: bool, given: str | None) -> Dates:
        """Say which comes first, the day or the month, and why."""
        if not self.n:
            return Dates()
        if given is not None:
            return Dates(given == "day-first", "as given", self.example)
        if bool(self.first) != bool(self.second):
            count, what = max(self.first, self.second), "first" if self.first else "second"
            return Dates(bool(self.first), f"in {count:,} of {self.n:,} the {what} number is over 12", self.example)
        if self.first and self.second:
            return Dates(self.first >= self.second, "most of them are; not all can be", self.example)
        if self.example[1] == "." or not month_first:
            return Dates(True, "no number is over 12, and it is the custom with this sign or here", self.example)
        return Dates(False, "no number is over 12, and this export gives the month first", self.example)


class Edits:
    """Finds reviews that appear again: of each the one updated last counts, or the last in the file."""

    def __init__(self, link: str | None, updated: str | None) -> None:
        self._link, self._updated = link, updated
        self._ids, self._times = array("Q"), array("q")

    def add(self, cells: Mapping[str, Any]) -> None:
        """Take note of one row, in 16 bytes."""
        match = _REVIEW_ID.search(str(cells.get(self._link))) if self._link else None
        # Without a link only a row that is the same in every cell is the same review.
        identity = unquote(match[1]) if match else "\x1f".join(map(str, cells.values()))
        self._ids.append(int.from_bytes(hashlib.blake2b(identity.encode("utf-8", "replace"), digest_size=8).digest()))
        number = number_of(cells.get(self._updated)) if self._updated else None
        text = str(cells.get(self._updated) or "") if self._updated else ""
        self._times.append(int(text) if text.isdigit() and len(text) < 18 else int(number or 0))

    def superseded(self) -> NDArray[np.int64]:
        """Give the positions of rows that do not count, in order."""
        import numpy as np

        ids, times = np.frombuffer(self._ids, np.uint64), np.frombuffer(self._times, np.int64)
        if not len(ids):
            return np.empty(0, np.int64)
        order = np.lexsort((np.arange(len(ids)), times, ids))
        again = ids[order][:-1] == ids[order][1:]
        found: NDArray[np.int64] = np.sort(order[:-1][again])
        return found


def survey(
    rows: Iterable[Raw],
    roles: Mapping[str, str],
    *,
    reason: Callable[[Mapping[str, Any]], str] | None,
    edits: bool,
    scale: Scale | None,
    month_first: bool,
    date_order: str | None = None,
    given: Scale | None = None,
) -> Survey:
    """Look through the rows once; memory does not grow with them, but for 16 bytes each where edits are looked for.

    ``scale`` of ratings is the export's, ``given`` the one that the user says.
    """
    ratings, days = Ratings(), Days()
    versions = Edits(roles.get("link"), roles.get("updated")) if edits else None
    left_out: Counter[str] = Counter()
    rating, date = roles.get("rating"), roles.get("date")
    n_rows = 0
    for raw in rows:
        cells = raw.cells
        if reason and (why := reason(cells)):
            left_out[why] += 1
            continue
        n_rows += 1
        if rating is not None:
            ratings.add(cells.get(rating))
        if date is not None:
            days.add(cells.get(date))
        if versions:
            versions.add(cells)
    superseded = versions.superseded() if versions else None
    if superseded is not None and len(superseded):
        left_out[EDITED] = len(superseded)
        n_rows -= len(superseded)
    return Survey(
        n_rows,
        left_out,
        superseded,
        ratings.read(rating, given=given, export=scale) if rating is not None else None,
        ratings.decimal_comma,
        days.dates(month_first=month_first, given=date_order),
    )


def kept(rows: Iterable[Raw], superseded: Sequence[int] | NDArray[np.int64] | None) -> Iterable[tuple[Raw, bool]]:
    """Yield each row and whether it counts."""
    place = 0
    total = len(superseded) if superseded is not None else 0
    for number, raw in enumerate(rows):
        gone = superseded is not None and place < total and superseded[place] == number
        place += bool(gone)
        yield raw, not gone
