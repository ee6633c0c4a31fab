"""Engines in processes of their own, so that threads, allocators and imports of one cannot slow another."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any


class Unavailable(Exception):
    """An engine that cannot run here; the message says why."""


class EngineEnded(Exception):
    """An engine's process that ended by itself while it was measured."""


@dataclass(frozen=True)
class Setup:
    """What all engines are made from."""

    model: str | None
    """Folder of a bundle; None for the shipped one."""
    encoder: str | None
    """Folder of an encoder for the transformers pipeline; None for that of the bundle."""
    work: str
    """An empty folder for files in passing."""


class Worker:
    """One engine, asleep while others are timed."""

    def __init__(self, opener: Callable[[Setup], object], setup: Setup) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, opener, setup))
        self._process.start()
        theirs.close()
        self.refusal = self._opened()
        """Why the engine is not available here; empty if it is."""

    def _opened(self) -> str:
        try:
            return str(self._receive())
        except EngineEnded as ended:
            return str(ended)

    def call(self, method: str, *args: object) -> tuple[float, Any]:
        """Give the seconds that a method of the engine took, and its result."""
        self._send(method, args)
        elapsed_s, result = self._receive()
        return float(elapsed_s), result

    def each(self, texts: Sequence[str]) -> list[float]:
        """Give the seconds that each text took when scored by itself."""
        self._send("", (list(texts),))
        return [float(seconds) for seconds in self._receive()]

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(timeout=10)
        if self._process.is_alive():
            self._process.terminate()

    def _send(self, method: str, args: tuple[object, ...]) -> None:
        try:
            self._pipe.send((method, args))
        except BrokenPipeError as error:
            raise EngineEnded(self._end()) from error

    def _receive(self) -> Any:
        try:
            return self._pipe.recv()
        except (EOFError, ConnectionResetError) as error:
            raise EngineEnded(self._end()) from error

    def _end(self) -> str:
        self._process.join(timeout=10)
        return f"its process ended by itself (exit code {self._process.exitcode})"


def _serve(pipe: Connection, opener: Callable[[Setup], object], setup: Setup) -> None:
    os.dup2(2, 1)  # some peers print while they convert; standard output is for the tables
    try:
        engine: Any = opener(setup)
    except ImportError as error:
        pipe.send(f"not installed: {error.name or error}")
        return
    except (Unavailable, RuntimeError, ValueError, OSError) as error:
        lines = str(error).strip().splitlines()
        pipe.send(lines[0][:200] if lines else type(error).__name__)
        return
    pipe.send("")
    while True:
        try:
            method, args = pipe.recv()
        except EOFError:
            return
        if not method:
            pipe.send([_seconds(engine.score, [text]) for text in args[0]])
            continue
        started = time.perf_counter()
        result = getattr(engine, method)(*args)
        pipe.send((time.perf_counter() - started, result))


def _seconds(score: Callable[[list[str]], object], texts: list[str]) -> float:
    started = time.perf_counter()
    score(texts)
    return time.perf_counter() - started
