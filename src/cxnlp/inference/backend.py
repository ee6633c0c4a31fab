"""The contract of a scoring engine: a batch of token ids in, a matrix of logits out, and nothing else."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from cxnlp.text import Batch

Floats = npt.NDArray[np.float32]


class Backend(Protocol):
    """A scoring engine. It neither tokenises nor decides, so that engines cannot differ in these."""

    max_batch_tokens: int
    """Tokens, padding included, that it takes at a time."""
    max_batch_rows: int

    def logits(self, batch: Batch) -> Floats:
        """Turn a batch (n, t) into logits (n, l) float32."""
        ...
