"""Texts of concurrent requests, collected for a moment and scored together in one thread."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Condition, Thread

from cxnlp.integrations.service.options import ServiceOptions
from cxnlp.integrations.service.scoring import Asked

_MAX_RETRY_S = 60
# The weight of the latest batch in the running mean of seconds a text.
_RECENT = 0.2


class Full(Exception):
    """There is no room for these texts now."""


class Stopped(Exception):
    """The batcher takes no more work."""


@dataclass(eq=False)
class _Job:
    """The texts of one request."""

    asked: Sequence[Asked]
    future: Future[list[bytes]] = field(default_factory=Future)
    answers: dict[int, bytes] = field(default_factory=dict)
    n_taken: int = 0


class Batcher:
    """A bounded queue of texts before one thread that scores them.

    Each batch takes from every waiting request in turn, so that a large one does not hold up the small ones behind it.
    ``score`` gives one answer for each text; ``on_batch`` is told the texts and the seconds of each batch.
    """

    def __init__(
        self,
        score: Callable[[Sequence[Asked]], list[bytes]],
        options: ServiceOptions,
        on_batch: Callable[[int, float], None],
    ) -> None:
        self._score = score
        self._options = options
        self._on_batch = on_batch
        self._changed = Condition()
        self._jobs: deque[_Job] = deque()
        self._n_waiting = 0
        self._seconds_a_text = 0.0
        self._stopping = False
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._stopping = False
        self._thread = Thread(target=self._run, name="cxnlp-batcher", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more work, score what waits, and end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(self._options.stop_timeout_s)

    @property
    def n_waiting(self) -> int:
        """Texts that wait."""
        return self._n_waiting

    @property
    def stopping(self) -> bool:
        """Whether no more work is taken."""
        return self._stopping

    @property
    def retry_after_s(self) -> int:
        """In how many seconds what waits now should be done, from 1 to 60."""
        return min(max(math.ceil(self._n_waiting * self._seconds_a_text), 1), _MAX_RETRY_S)

    def submit(self, asked: Sequence[Asked]) -> Future[list[bytes]]:
        """Queue the texts of a request; cancelling the future takes those that still wait back.

        Raises:
            Full: they are more than there is room for.
            Stopped: the batcher was closed.
        """
        job = _Job(asked)
        with self._changed:
            if self._stopping:
                raise Stopped
            if self._n_waiting + len(asked) > self._options.max_waiting_texts:
                raise Full
            self._jobs.append(job)
            self._n_waiting += len(asked)
            self._changed.notify()
        return job.future

    def _run(self) -> None:
        while batch := self._next():
            started = time.perf_counter()
            try:
                answers = self._score([job.asked[place] for job, place in batch])
            except Exception as error:  # noqa: BLE001 - handed to those who wait; the thread must live
                for job in dict.fromkeys(job for job, _ in batch):
                    if job.future.set_running_or_notify_cancel():
                        job.future.set_exception(error)
                continue
            elapsed_s = time.perf_counter() - started
            self._seconds_a_text += _RECENT * (elapsed_s / len(batch) - self._seconds_a_text)
            self._on_batch(len(batch), elapsed_s)
            for (job, place), answer in zip(batch, answers, strict=True):
                job.answers[place] = answer
                if len(job.answers) == len(job.asked) and job.future.set_running_or_notify_cancel():
                    job.future.set_result([job.answers[i] for i in range(len(job.asked))])

    def _next(self) -> list[tuple[_Job, int]]:
        """Wait for texts, and a moment more for others; give a batch, empty when it is time to end."""
        wait_s = self._options.batch_wait_ms / 1e3
        with self._changed:
            while True:
                while not self._jobs and not self._stopping:
                    self._changed.wait()
                until = time.monotonic() + wait_s
                while self._n_waiting < self._options.batch_texts and not self._stopping:
                    left_s = until - time.monotonic()
                    if left_s <= 0:
                        break
                    self._changed.wait(left_s)
                batch = self._take()
                if batch or (self._stopping and not self._jobs):
                    return batch

    def _take(self) -> list[tuple[_Job, int]]:
        batch: list[tuple[_Job, int]] = []
        share = max(1, self._options.batch_texts // max(1, len(self._jobs)))
        while self._jobs and len(batch) < self._options.batch_texts:
            job = self._jobs.popleft()
            left = len(job.asked) - job.n_taken
            if job.future.done():  # the client has gone, or its earlier texts failed
                self._n_waiting -= left
                continue
            n = min(share, left, self._options.batch_texts - len(batch))
            batch += [(job, job.n_taken + i) for i in range(n)]
            job.n_taken += n
            self._n_waiting -= n
            if n < left:
                self._jobs.append(job)
        return batch
