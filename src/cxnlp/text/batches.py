"""Token-budget batches of windows of like length, which remember where they came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """Token ids ready for an encoder.

    Shapes: ``ids`` and ``mask`` (n, t) int64, mask 1 where there is a token; ``rows`` (n,) the position of each
    row in the sequence that was batched.
    """

    ids: Ints
    mask: Ints
    rows: Ints

    def halves(self) -> tuple[Batch, Batch]:
        """Divide a batch of at least two rows in two; each half keeps only the columns that it needs."""
        middle = len(self.rows) // 2
        return self._part(slice(None, middle)), self._part(slice(middle, None))

    def _part(self, where: slice) -> Batch:
        mask = self.mask[where]
        longest = int(mask.sum(axis=1).max())
        return Batch(self.ids[where, :longest], mask[:, :longest], self.rows[where])


def pad(sequences: Sequence[Sequence[int]], pad_id: int, rows: Sequence[int] | None = None) -> Batch:
    """Lay token sequences into one padded batch. This is the only place where padding is made."""
    longest = max(len(ids) for ids in sequences)
    ids = np.full((len(sequences), longest), pad_id, np.int64)
    mask = np.zeros((len(sequences), longest), np.int64)
    for i, sequence in enumerate(sequences):
        ids[i, : len(sequence)] = sequence
        mask[i, : len(sequence)] = 1
    return Batch(ids, mask, np.asarray(range(len(sequences)) if rows is None else rows, np.int64))


def batches(
    sequences: Sequence[Sequence[int]], pad_id: int, max_batch_tokens: int, max_batch_rows: int, *, padded: bool = True
) -> Iterator[Batch]:
    """Yield batches of at most ``max_batch_tokens``, padding counted, the longest first: memory peaks at the start.

    A single sequence longer than the budget is a batch of its own. Unless ``padded``, the rows of a batch are of one
    length.
    """
    order = sorted(range(len(sequences)), key=lambda i: (-len(sequences[i]), i))
    start = 0
    while start < len(order):
        longest = len(sequences[order[start]])
        rows = order[start : start + max(1, min(max_batch_rows, max_batch_tokens // max(1, longest)))]
        if not padded:
            rows = [i for i in rows if len(sequences[i]) == longest]
        yield pad([sequences[i] for i in rows], pad_id, rows)
        start += len(rows)
