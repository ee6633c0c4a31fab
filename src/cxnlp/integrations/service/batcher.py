"""Texts of concurrent requests, collected for a moment and scored together in one thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Condition, Thread

from cxnlp.integrations.service.line import Job, Line
from cxnlp.integrations.service.options import ServiceOptions
from cxnlp.integrations.service.pace import A_CALL, Pace, work_of
from cxnlp.integrations.service.scoring import Asked


class Stopped(Exception):
    """The batcher takes no more work."""


class Batcher:
    """A bounded queue of texts before one thread that scores them.

    ``Line`` says who is next, by the pace that is measured here. ``score`` gives one answer for each text; ``on_batch``
    is told the texts and the seconds of each batch.
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
        self._pace = Pace()
        self._line = Line(options, self._pace)
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
        with self._changed:
            return self._line.n_texts

    @property
    def stopping(self) -> bool:
        """Whether no more work is taken."""
        return self._stopping

    @property
    def retry_after_s(self) -> int:
        """In how many seconds what waits now should be done, from 1 to 60."""
        with self._changed:
            return self._line.retry_after_s

    def submit(self, asked: Sequence[Asked]) -> Future[list[bytes]]:
        """Queue the texts of a request; cancelling the future takes those that still wait back.

        Raises:
            Full: they are more than there is room for.
            TooLate: they would not be done in time. The future raises it too, where that is found out later.
            Stopped: the batcher was closed.
        """
        with self._changed:
            if self._stopping:
                raise Stopped
            job = self._line.join(asked, time.monotonic())
            self._changed.notify()
        return job.future

    def _run(self) -> None:
        while batch := self._next():
            started = time.perf_counter()
            try:
                answers = self._score([job.asked[place] for job, place in batch])
            except Exception as error:  # noqa: BLE001 - handed to those who wait; the thread must live
                for job in dict.fromkeys(job for job, _ in batch):
                    job.fail(error)
                continue
            elapsed_s = time.perf_counter() - started
            with self._changed:
                self._pace.learn(A_CALL + sum(work_of(job.asked[place].text) for job, place in batch), elapsed_s)
            self._on_batch(len(batch), elapsed_s)
            for (job, place), answer in zip(batch, answers, strict=True):
                job.answers[place] = answer
                if len(job.answers) == len(job.asked) and job.future.set_running_or_notify_cancel():
                    job.future.set_result([job.answers[i] for i in range(len(job.asked))])

    def _next(self) -> list[tuple[Job, int]]:
        """Wait for texts, and a moment more for others; give a batch, empty when it is time to end."""
        wait_s = self._options.batch_wait_ms / 1e3
        with self._changed:
            while True:
                while not self._line and not self._stopping:
                    self._changed.wait()
                until = time.monotonic() + wait_s
                while not self._line.full_call and not self._stopping:
                    left_s = until - time.monotonic()
                    if left_s <= 0:
                        break
                    self._changed.wait(left_s)
                batch = self._line.take(time.monotonic())
                if batch or (self._stopping and not self._line):
                    return batch
