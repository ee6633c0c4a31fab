"""Where requests are taken in: admitted or turned away, handed to the batcher, waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from starlette.requests import Request

from cxnlp.inference.labelling import Labeller
from cxnlp.integrations.service.batcher import Batcher, Stopped
from cxnlp.integrations.service.late import TooLate
from cxnlp.integrations.service.line import Full
from cxnlp.integrations.service.metrics import Metrics
from cxnlp.integrations.service.options import ServiceOptions
from cxnlp.integrations.service.reading import gone
from cxnlp.integrations.service.refusal import Refusal, busy
from cxnlp.integrations.service.scoring import Asked, Scorer


class Desk:
    """The state of one service."""

    def __init__(self, labeller: Labeller, options: ServiceOptions) -> None:
        self.options = options
        self.n_in_hand = 0
        self.scorer = Scorer(labeller, options.languages)
        self.metrics = Metrics(lambda: self.batcher.n_waiting, lambda: self.n_in_hand)
        self.batcher = Batcher(self.scorer.score, options, self.metrics.batch)

    @property
    def ready(self) -> bool:
        """Whether new requests would be answered."""
        return not self.batcher.stopping and not self.scorer.broken

    @contextmanager
    def admitted(self) -> Iterator[None]:
        """Hold a place for a request.

        Raises:
            Refusal: there is none; decided before the body is read.
        """
        if self.batcher.stopping:
            raise self._stopping()
        if self.n_in_hand >= self.options.max_requests or self.batcher.n_waiting >= self.options.max_waiting_texts:
            raise self._full()
        self.n_in_hand += 1
        try:
            yield
        finally:
            self.n_in_hand -= 1

    async def answers(self, asked: Sequence[Asked], request: Request) -> list[bytes]:
        """Give the record of each review as JSON, in order.

        Raises:
            Refusal: the queue is full, the time is up or would not do, the service stops, or the client has gone.
        """
        if not asked:
            return []
        try:
            future = asyncio.wrap_future(self.batcher.submit(asked))
        except Full:
            raise self._full() from None
        except TooLate as late:
            raise _too_late(late) from None
        except Stopped:
            raise self._stopping() from None
        watch = asyncio.create_task(_client_gone(request))
        try:
            both: set[asyncio.Future[Any]] = {future, watch}
            await asyncio.wait(both, timeout=self.options.answer_timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if future.done():
                return future.result()
            if watch.done():
                raise gone()
            what = f"no labels after {self.options.answer_timeout_s:g} s; send fewer reviews, or try again"
            raise busy("timed_out", what, self.batcher.retry_after_s)
        except TooLate as late:
            raise _too_late(late) from None
        finally:
            watch.cancel()
            future.cancel()

    def _full(self) -> Refusal:
        return busy("queue_full", "too many requests wait; try again", self.batcher.retry_after_s)

    def _stopping(self) -> Refusal:
        return busy("stopping", "the service is stopping; try another", 1)


def _too_late(late: TooLate) -> Refusal:
    if late.retry_after_s is None:
        return Refusal(413, "never_in_time", late.message)
    return busy("too_late", late.message, late.retry_after_s)


async def _client_gone(request: Request) -> None:
    """Return when the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
