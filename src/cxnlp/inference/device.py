"""What differs between a processor and a GPU: how batches get there and logits back, precision, and memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from cxnlp.inference.backend import Floats
from cxnlp.inference.budget import TokenBudget
from cxnlp.text import Batch


@dataclass(frozen=True)
class Memory:
    """Of a device, in bytes."""

    free: int
    """What a batch could take."""
    used: int
    """What is held by tensors now."""
    peak: int
    """The most that was held since ``start_watching``."""


class Device(Protocol):
    """Where the network is computed. The engine's own code is the same for all; tests give it a small one."""

    @property
    def place(self) -> torch.device:
        """As torch names it."""
        ...

    @property
    def half(self) -> torch.dtype | None:
        """The sixteen-bit type to multiply in, or None for float32."""
        ...

    def budget(self) -> TokenBudget:
        """Give the budget to begin with."""
        ...

    def send(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Bring ids and mask (n, t) there, without waiting for it."""
        ...

    def fetch(self, logits: Tensor) -> Callable[[], Floats]:
        """Begin to bring logits (n, l) back; what is returned waits for them and gives them."""
        ...

    def start_watching(self) -> None:
        """Begin to watch the peak of the memory."""
        ...

    def memory(self) -> Memory | None:
        """Look at the memory; None where batches are not bounded by it."""
        ...

    def release(self) -> None:
        """Give back memory that is kept for later tensors."""
        ...


def open_device(name: str) -> Device:
    """Make the device that torch calls ``name``, such as ``cpu`` or ``cuda:0``."""
    device = torch.device(name)
    return CudaDevice(device) if device.type == "cuda" else HostDevice(device)


class HostDevice:
    """A processor (or a device without streams of its own): everything at once, in float32."""

    half: torch.dtype | None = None

    def __init__(self, device: torch.device) -> None:
        self.place = device

    def budget(self) -> TokenBudget:
        """Give a budget that stays: larger batches leave the processor's cache."""
        return TokenBudget(2_048, most=2_048, rows=32)

    def send(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Wrap ids and mask (n, t)."""
        return torch.from_numpy(batch.ids).to(self.place), torch.from_numpy(batch.mask).to(self.place)

    def fetch(self, logits: Tensor) -> Callable[[], Floats]:
        """Unwrap logits (n, l)."""
        return lambda: np.asarray(logits.float().cpu().numpy(), np.float32)

    def start_watching(self) -> None:
        """Watch nothing."""

    def memory(self) -> Memory | None:
        """Tell that memory is not what bounds a batch."""
        return None

    def release(self) -> None:
        """Keep nothing."""


class CudaDevice:
    """An NVIDIA GPU. Copies run beside the computation, from and to pinned memory; products are in sixteen bits."""

    def __init__(self, device: torch.device) -> None:
        self.place = device
        # Without ``including_emulation`` torch also says yes to older GPUs, which compute bfloat16 many times slower.
        bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
        self.half: torch.dtype | None = torch.bfloat16 if bfloat16 else torch.float16
        self._copies: torch.cuda.Stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]

    def budget(self) -> TokenBudget:
        """Give a budget that small GPUs have room for, to be grown."""
        return TokenBudget(16_384, most=262_144, rows=1_024)

    def send(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Copy ids and mask (n, t) on a stream of their own, while the batch before is computed."""
        with torch.cuda.stream(self._copies):
            ids, mask = (
                torch.from_numpy(array).pin_memory().to(self.place, non_blocking=True)
                for array in (batch.ids, batch.mask)
            )
        computing = torch.cuda.current_stream(self.place)
        computing.wait_stream(self._copies)
        for tensor in (ids, mask):
            tensor.record_stream(computing)  # their memory must not be given away while they are read
        return ids, mask

    def fetch(self, logits: Tensor) -> Callable[[], Floats]:
        """Copy logits (n, l) into pinned memory once they are computed."""
        pinned = torch.empty(logits.shape, dtype=torch.float32, pin_memory=True)
        pinned.copy_(logits.float(), non_blocking=True)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call]
        done.record(torch.cuda.current_stream(self.place))

        def wait() -> Floats:
            done.synchronize()
            return np.asarray(pinned.numpy(), np.float32)

        return wait

    def start_watching(self) -> None:
        """Begin to watch the peak of what torch's allocator gives out."""
        torch.cuda.reset_peak_memory_stats(self.place)

    def memory(self) -> Memory | None:
        """Look at the memory; free is also what the allocator keeps and does not use."""
        free, _ = torch.cuda.mem_get_info(self.place)
        used = torch.cuda.memory_allocated(self.place)
        kept = torch.cuda.memory_reserved(self.place) - used
        return Memory(free + kept, used, torch.cuda.max_memory_allocated(self.place))

    def release(self) -> None:
        """Give the allocator's spare memory back, so that it can be cut anew."""
        torch.cuda.empty_cache()
