"""Scoring with ONNX Runtime, on the CPU."""

from __future__ import annotations

import ctypes
import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast
from weakref import WeakSet

import numpy as np

from cxnlp.errors import BackendError
from cxnlp.inference.backend import Backend, Floats
from cxnlp.text import Batch

if TYPE_CHECKING:
    from onnxruntime import InferenceSession


class OnnxBackend(Backend):
    """The int8 graph of a bundle.

    One batch is computed by all threads together, several are computed side by side, each by one thread: no thread then
    waits for another within a layer, and small batches are no slower than large ones.
    """

    pads = False
    max_batch_tokens = 512
    max_batch_rows = 32

    def __init__(self, path: Path, threads: int = 0) -> None:
        self._path = path.absolute()  # it may be opened anew from another folder
        self._version = _version(self._path)
        cores = _cores()
        self._threads = min(threads or cores, cores)  # more would only wait for each other
        self.session  # noqa: B018 - opened now, so that a graph that cannot be opened is refused when it is loaded
        _opened.add(self)

    def __repr__(self) -> str:
        """Name it and its threads."""
        return f"OnnxBackend(threads={self._threads})"

    @cached_property
    def session(self) -> InferenceSession:
        """All threads together, for one batch at a time."""
        return self._open(self._threads)

    @cached_property
    def _side_by_side(self) -> InferenceSession:
        return self._open(1)

    def _open(self, threads: int) -> InferenceSession:
        if _version(self._path) != self._version:
            what = "was replaced after it was loaded, and this process, forked since, cannot open it as it was"
            raise BackendError(f"{self._path}: {what}; load the model anew, in each process of its own")
        onnxruntime = _silent_runtime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        try:
            return onnxruntime.InferenceSession(str(self._path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            runtime = f"ONNX Runtime {onnxruntime.__version__}"
            raise BackendError(f"{self._path}: {runtime} cannot load it ({error})") from error

    def forget(self) -> None:
        """Leave the sessions of the parent process alone; called in a process that was just forked.

        Their threads did not come along. To end such a session is to wait for them for ever, so it is never ended.
        """
        for name in ("session", "_side_by_side"):
            if (inherited := self.__dict__.pop(name, None)) is not None:
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(inherited))

    @property
    def n_logits(self) -> object:
        """Length of the label axis, as the graph says."""
        return self.session.get_outputs()[0].shape[-1]

    def logits(self, batch: Batch) -> Floats:
        """Turn a batch (n, t) without padding into logits (n, l) float32."""
        return _run(self.session, batch)

    def logits_many(self, batches: Iterable[Batch]) -> Iterator[tuple[Batch, Floats]]:
        """Yield batches without padding, in order, with their logits (n, l) float32; some are computed ahead."""
        batches = iter(batches)
        few = list(islice(batches, 2))
        if len(few) < 2 or self._threads == 1:
            for batch in chain(few, batches):
                yield batch, self.logits(batch)
            return
        waiting: deque[tuple[Batch, Future[Floats]]] = deque()
        with ThreadPoolExecutor(self._threads, "cxnlp-onnx") as pool:
            for batch in chain(few, batches):
                waiting.append((batch, pool.submit(_run, self._side_by_side, batch)))
                if len(waiting) > 2 * self._threads:
                    done, logits = waiting.popleft()
                    yield done, logits.result()
            for done, logits in waiting:
                yield done, logits.result()


_opened: WeakSet[OnnxBackend] = WeakSet()


def _after_fork() -> None:
    for backend in list(_opened):
        backend.forget()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_after_fork)


def _version(path: Path) -> tuple[int, ...]:
    """Tell a file from one that takes its place."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _run(session: InferenceSession, batch: Batch) -> Floats:
    if not batch.mask.all():
        raise ValueError("the batch has padding, expected rows of one length; make it with batches(…, padded=False)")
    (out,) = session.run(None, {"input_ids": batch.ids})
    return np.asarray(out, np.float32)


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _silent_runtime() -> ModuleType:
    """Import ONNX Runtime with its reports to its maker switched off; they would name the machine, over the network."""
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # looked at when it is first imported
    import onnxruntime

    onnxruntime.disable_telemetry_events()  # where somebody else had imported it
    return cast(ModuleType, onnxruntime)
