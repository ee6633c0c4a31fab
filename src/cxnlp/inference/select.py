"""Which rows of a table are scored: all, the first ones, or a sample."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

from cxnlp.data.tables import Row, Table, read_rows
from cxnlp.inference.options import ScoreOptions


def count_rows(table: Table) -> int:
    """Count the rows, by reading them where the table does not say."""
    return sum(1 for _ in read_rows(table)) if table.n_rows is None else table.n_rows


def n_selected(n_rows: int | None, options: ScoreOptions) -> int | None:
    """Give the number of rows that ``select_rows`` yields, None if it is not known."""
    most = options.limit if options.limit is not None else options.sample
    if n_rows is None or most is None:
        return n_rows
    return min(n_rows, most)


def select_rows(table: Table, options: ScoreOptions, n_rows: int | None) -> Iterator[Row]:
    """Yield the rows to score in their order; ``n_rows`` is needed for a sample.

    A sample has every set of rows of its size with the same probability, and the same seed draws the same one.
    """
    rows = read_rows(table)
    if options.limit is not None:
        return islice(rows, options.limit)
    if options.sample is None:
        return rows
    assert n_rows is not None
    return _sample(rows, options.sample, n_rows, random.Random(options.seed))


def _sample(rows: Iterator[Row], wanted: int, n_rows: int, chance: random.Random) -> Iterator[Row]:
    # Selection sampling (Knuth's algorithm S): each row in turn, with the share of those still wanted among those left.
    for place, row in enumerate(rows):
        if chance.random() * (n_rows - place) < wanted:
            wanted -= 1
            yield row
            if not wanted:
                return
