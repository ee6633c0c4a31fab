"""The contract of a scoring engine: batches of token ids in, matrices of logits out, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cxnlp.text import Batch

Floats = npt.NDArray[np.float32]


class Backend(Protocol):
    """A scoring engine. It neither tokenises nor decides, so that engines cannot differ in these."""

    @property
    def max_batch_tokens(self) -> int:
        """Tokens, padding included, that it takes at a time; may change as an engine learns what it has room for."""
        ...

    @property
    def max_batch_rows(self) -> int:
        """Rows that it takes at a time."""
        ...

    @property
    def pads(self) -> bool:
        """Whether the rows of a batch may differ in length, the shorter ones padded."""
        ...

    def logits(self, batch: Batch) -> Floats:
        """Turn a batch (n, t) into logits (n, l) float32."""
        ...

    def logits_many(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Floats]]:
        """Yield batches (n, t), in order, each with its logits (n, l) float32.

        An engine may work ahead: take the next batch before it gives the logits of the last one. It may also divide a
        batch and yield its parts, each with its own ``rows``.
        """
        for batch in batches:
            yield batch, self.logits(batch)
