"""Who waits and who is next: requests that are begun are finished, and what cannot be done in time is refused early.

No thread and no clock in here: ``Batcher`` has both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from cxnlp.integrations.service.options import ServiceOptions
from cxnlp.integrations.service.pace import Pace, work_of
from cxnlp.integrations.service.scoring import Asked

# Of each call, what those with the least work may take when deadlines decide.
_PASSING = 0.25
# Of the time limit, what promises may fill: the rest is for requests that pass, and for errors of the estimate. A
# request that fits into one call still finds room where larger ones have filled theirs.
_PROMISED = 0.6
_PROMISED_SMALL = 0.7
# Of the time limit, how long a request without a promise is tried before it is judged by the pace.
_TRIAL = 0.1
# A request is given up when even at this multiple of the pace it would come too late.
_DOUBT = 1.5
# How long one call of the engine should take. It cannot be interrupted, and small requests wait for its end.
_CALL_S = 0.25
# Work of a call, however slow the engine: a dozen short reviews.
_LEAST_CALL = 2_048
_MAX_RETRY_S = 60


class Full(Exception):
    """There is no room for these texts now."""


class TooLate(Exception):
    """A request that would not be answered within its time limit. Its words hold figures and no text."""

    def __init__(self, message: str, retry_after_s: int) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s


@dataclass(eq=False)
class Job:
    """The texts of one request."""

    asked: Sequence[Asked]
    begun: float
    """When it came, in seconds of a steady clock."""
    deadline: float
    whole: float
    """What its texts cost, in characters."""
    work: float
    """What those cost that are not taken yet."""
    promised: bool = False
    """Whether it was found to fit into its time when it came, or since."""
    n_taken: int = 0
    answers: dict[int, bytes] = field(default_factory=dict)
    future: Future[list[bytes]] = field(default_factory=Future)

    @property
    def n_left(self) -> int:
        """Texts that are not taken yet."""
        return len(self.asked) - self.n_taken

    def fail(self, error: Exception) -> None:
        """Hand an error to who waits, if anybody does."""
        if not self.future.done() and self.future.set_running_or_notify_cancel():
            self.future.set_exception(error)


class Line:
    """Requests that wait, and the order in which they are scored.

    **Least work first**: a small request passes a large one, and of equal ones that which is nearest to its end goes
    on, so that work once begun is of use; those that fit into one call come in their order. **Until time is short**:
    when the promised requests could otherwise not all be done in time, deadlines decide, which are in the order of
    coming, over all but a quarter of each call. A request is promised only if all the promised work, done in that
    order, ends well within its limit.

    One request without a promise is tried where little else waits, behind all others: it may be that the pace is
    known too low, and its first calls will tell. A request that cannot be done in what is left of its time, even at
    one and a half times the pace, is given up and not worked on.
    """

    def __init__(self, options: ServiceOptions, pace: Pace) -> None:
        self._options = options
        self._pace = pace
        self._jobs: list[Job] = []

    def __bool__(self) -> bool:
        return any(not job.future.done() for job in self._jobs)

    @property
    def n_texts(self) -> int:
        """Texts that wait. Those whose client has gone, or was told to come back, do not."""
        return sum(job.n_left for job in list(self._jobs) if not job.future.done())

    @property
    def full_call(self) -> bool:
        """Whether more texts would not fit into the next call."""
        return self.n_texts >= self._options.batch_texts or self._work() >= self._call

    @property
    def retry_after_s(self) -> int:
        """In how many seconds what waits now should be done, from 1 to 60."""
        return _whole(self._pace.seconds(self._work()))

    def join(self, asked: Sequence[Asked], now: float) -> Job:
        """Take in a request.

        Raises:
            Full: it has more texts than there is room for.
            TooLate: it would not be done in time.
        """
        if self.n_texts + len(asked) > self._options.max_waiting_texts:
            raise Full
        work = float(sum(work_of(one.text) for one in asked))
        job = Job(asked, now, now + self._options.answer_timeout_s, work, work)
        job.promised = self._fits(job, now)
        if not job.promised and not self._may_try():
            raise self._too_late(job, self._work())
        self._jobs.append(job)
        return job

    def take(self, now: float) -> list[tuple[Job, int]]:
        """Give the texts of the next call, as requests and places in them; drop what is of no use any more."""
        for job in self._jobs:
            if self._hopeless(job, now):
                job.fail(self._too_late(job, self._work() - job.work))
        self._jobs = [job for job in self._jobs if not job.future.done()]
        for job in self._jobs:
            job.promised = job.promised or self._fits(job, now)
        by_deadline = sorted(self._jobs, key=lambda job: (not job.promised, job.deadline))
        # What fits into a call is alike, or the longer ones of many small requests would wait for all the others.
        by_work = sorted(by_deadline, key=lambda job: (not job.promised, self._calls(job)))
        taken: list[tuple[Job, int]] = []
        if self._short_of_time(by_deadline, now):
            passing = _fill(taken, by_work, _PASSING * self._call, self._options.batch_texts)
            _fill(taken, by_deadline, self._call - passing, self._options.batch_texts, at_least=1)
        else:
            _fill(taken, by_work, self._call, self._options.batch_texts, at_least=1)
        self._jobs = [job for job in self._jobs if job.n_left]
        return taken

    @property
    def _call(self) -> float:
        return max(_LEAST_CALL, self._pace.a_s * _CALL_S)

    def _calls(self, job: Job) -> float:
        """Give how many calls a request still takes, at least one."""
        return max(job.work / self._call, job.n_left / self._options.batch_texts, 1.0)

    def _work(self, *, promised_alone: bool = False) -> float:
        live = (job for job in self._jobs if not job.future.done())
        return sum(job.work for job in live if job.promised or not promised_alone)

    def _fits(self, job: Job, now: float) -> bool:
        """Whether a request that is not promised yet can be done after all that is."""
        whole = self._work(promised_alone=True) + job.work
        return self._pace.seconds(whole) <= self._share(job) * (job.deadline - now)

    def _share(self, job: Job) -> float:
        return _PROMISED_SMALL if job.whole <= self._call else _PROMISED

    def _may_try(self) -> bool:
        """Whether a request may be tried without a promise: little waits, and no other that is tried."""
        tried = any(not job.promised and not job.future.done() for job in self._jobs)
        return not tried and self._pace.seconds(self._work()) <= _TRIAL * self._options.answer_timeout_s

    def _hopeless(self, job: Job, now: float) -> bool:
        judged = now - job.begun >= _TRIAL * self._options.answer_timeout_s
        return judged and self._pace.seconds(job.work) > _DOUBT * (job.deadline - now)

    def _short_of_time(self, by_deadline: Sequence[Job], now: float) -> bool:
        """Whether the promised requests can only be done in time in the order of their deadlines."""
        before = 0.0
        for job in by_deadline:
            before += job.work
            if job.promised and now + _CALL_S + self._pace.seconds(before) / (1 - _PASSING) > job.deadline:
                return True
        return False

    def _too_late(self, job: Job, before: float) -> TooLate:
        limit_s = self._options.answer_timeout_s
        own_s, before_s = self._pace.seconds(job.whole), self._pace.seconds(before)
        n = len(job.asked)
        may_s = self._share(job) * limit_s
        if own_s > may_s:
            fit = max(1, int(n * may_s / own_s))
            what = f"these {n} reviews take about {own_s:.0f} s, expected at most {may_s:.0f} s"
            return TooLate(f"{what}; send about {fit} of them in a request", _whole(before_s))
        what = f"these {n} reviews would be labelled in about {before_s + own_s:.0f} s, and the limit is {limit_s:g} s"
        return TooLate(f"{what}; try again", _whole(before_s + own_s - may_s))


def _fill(
    taken: list[tuple[Job, int]], order: Sequence[Job], most: float, most_texts: int, *, at_least: int = 0
) -> float:
    """Add texts to a call, of each request until its next would be beyond ``most``; give their work.

    ``at_least`` so many are added whatever their work: a text that is more than a call cannot be divided.
    """
    work, n = 0.0, 0
    for job in order:
        while job.n_left and len(taken) < most_texts:
            size = work_of(job.asked[job.n_taken].text)
            if work + size > most and n >= at_least:
                break
            taken.append((job, job.n_taken))
            work, n = work + size, n + 1
            job.work, job.n_taken = job.work - size, job.n_taken + 1
    return work


def _whole(seconds: float) -> int:
    return min(max(math.ceil(seconds), 1), _MAX_RETRY_S)
