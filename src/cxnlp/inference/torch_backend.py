"""Scoring with torch, on CPU or GPU."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

import numpy as np
import torch

from cxnlp.errors import BackendError
from cxnlp.inference.backend import Backend, Floats
from cxnlp.inference.device import Device, open_device
from cxnlp.model.network import Network
from cxnlp.text import Batch


class TorchBackend(Backend):
    """The network in torch; in sixteen bits on a GPU, in float32 elsewhere.

    A batch is prepared and sent while the one before is still computed. Where there is no room for a batch, it is
    halved until there is, and the batches after it are smaller.
    """

    pads = True

    def __init__(self, network: Network, device: str | Device = "cpu") -> None:
        self._on = open_device(device) if isinstance(device, str) else device
        self.device = self._on.place
        self.network = network.to(self.device)
        self._budget = self._on.budget()
        self._process = os.getpid()

    def __repr__(self) -> str:
        """Name it and its device."""
        return f"TorchBackend(device={self.device})"

    @property
    def max_batch_tokens(self) -> int:
        """Tokens that it takes at a time; on a GPU this grows to the memory that is free."""
        return self._budget.tokens

    @property
    def max_batch_rows(self) -> int:
        """Rows that it takes at a time."""
        return self._budget.rows

    def logits(self, batch: Batch) -> Floats:
        """Turn a batch (n, t) into logits (n, l) float32."""
        return np.concatenate([logits for _, logits in self.logits_many([batch])])

    def logits_many(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Floats]]:
        """Yield batches, or parts of them, in order with their logits (n, l) float32.

        Raises:
            BackendError: there is no room for a single row, or this process was forked after the model was loaded.
        """
        if os.getpid() != self._process:  # neither torch's threads nor a GPU survive a fork: it would wait for ever
            raise BackendError(
                "the torch back end was loaded before this process was forked, and cannot be used in it; call "
                'Tagger.load in each process, or start processes with multiprocessing\'s method "spawn"'
            )
        self.network.eval()
        ahead: tuple[Batch, Callable[[], Floats]] | None = None
        for batch in batches:
            parts = [batch]  # the next one is the last
            while parts:
                part = parts.pop()
                launched = None if self._budget.refuses(part) else self._launch(part)
                if launched is None:
                    parts += reversed(part.halves())
                    continue
                if ahead:
                    yield ahead[0], ahead[1]()
                ahead = part, launched
        if ahead:
            yield ahead[0], ahead[1]()

    def _launch(self, batch: Batch) -> Callable[[], Floats] | None:
        """Begin to compute a batch; None if there was no room for it."""
        watching = self._budget.may_grow
        before = self._watch() if watching else 0
        try:
            with torch.inference_mode(), torch.autocast(self.device.type, self._on.half, enabled=bool(self._on.half)):
                ids, mask = self._on.send(batch)
                fetched = self._on.fetch(self.network(ids, mask))
        except RuntimeError as error:
            if not _no_room(error):
                raise
            reason = str(error).partition("\n")[0]
        else:
            if watching and (now := self._on.memory()):
                self._budget.learn(batch, now.peak - before, now.free)
            return fetched
        # Out of the block above, whose error keeps the tensors of the failed try alive.
        self._on.release()
        if len(batch.rows) == 1:
            raise BackendError(
                f"{self.device}: no room for a single row of {batch.ids.shape[1]} tokens ({reason}); "
                'end what else uses its memory, or choose device="cpu"'
            )
        self._budget.too_much(batch)
        return None

    def _watch(self) -> int:
        self._on.start_watching()
        now = self._on.memory()
        return now.used if now else 0


def _no_room(error: RuntimeError) -> bool:
    # Only torch's own allocator has an error of its own; the library of matrix products and the CPU have words.
    words = ("CUBLAS_STATUS_ALLOC_FAILED", "DefaultCPUAllocator: can't allocate memory")
    return isinstance(error, torch.OutOfMemoryError) or any(word in str(error) for word in words)
