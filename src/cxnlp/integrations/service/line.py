"""Who waits and who is next: requests that are begun are finished, and what cannot be done in time is refused early.

No thread and no clock in here: ``Batcher`` has both.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from cxnlp.integrations.service.late import TooLate, behind_others, given_up, too_large
from cxnlp.integrations.service.options import ServiceOptions
from cxnlp.integrations.service.pace import A_CALL, Pace, work_of
from cxnlp.integrations.service.scoring import Asked

# Of the engine's time, what those with the least work may take when deadlines decide, and of the places of a call.
_PASSING = 0.25
# Of the time limit, what promises may fill: the rest is for requests that pass, and for errors of the estimate. A
# request that fits into one call still finds room where larger ones have filled theirs.
_PROMISED = 0.6
_PROMISED_SMALL = 0.7
# Of the time limit, how much earlier than need be deadlines decide: a call seldom ends up quite full.
_SPARE = 0.1
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
    order, ends well within its limit. The quarter is one of the engine's time: it is earned by what is done for
    deadlines, so that neither many tiny texts nor few long ones take more, however many texts a call has.

    One request without a promise is tried where little else waits, behind all others: it may be that the pace is
    known too low, and its first calls will tell. A request that cannot be done in what is left of its time, even at
    one and a half times the pace, is given up and not worked on.
    """

    def __init__(self, options: ServiceOptions, pace: Pace) -> None:
        self._options = options
        self._pace = pace
        self._jobs: list[Job] = []
        # What those that pass may take now, in characters.
        self._earned = math.inf

    def __bool__(self) -> bool:
        return any(not job.future.done() for job in self._jobs)

    @property
    def n_texts(self) -> int:
        """Texts that wait. Those whose client has gone, or was told to come back, do not."""
        return sum(job.n_left for job in list(self._jobs) if not job.future.done())

    @property
    def full_call(self) -> bool:
        """Whether more texts would not fit into the next call."""
        waiting = sum(job.work for job in self._live())
        return self.n_texts >= self._options.batch_texts or waiting >= self._call

    @property
    def retry_after_s(self) -> int:
        """In how many seconds what waits now should be done, from 1 to 60."""
        return _whole(self._seconds())

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
            raise self._too_late(job)
        self._jobs.append(job)
        return job

    def take(self, now: float) -> list[tuple[Job, int]]:
        """Give the texts of the next call, as requests and places in them; drop what is of no use any more."""
        for job in self._jobs:
            if self._hopeless(job, now):
                job.fail(self._given_up(job, now))
        self._jobs = [job for job in self._jobs if not job.future.done()]
        for job in self._jobs:
            job.promised = job.promised or self._fits(job, now)
        by_deadline = sorted(self._jobs, key=lambda job: (not job.promised, job.deadline))
        # What fits into a call is alike, or the longer ones of many small requests would wait for all the others.
        by_work = sorted(by_deadline, key=lambda job: (not job.promised, self._calls(job)))
        taken: list[tuple[Job, int]] = []
        n_texts, most = self._options.batch_texts, _PASSING * self._call
        if self._short_of_time(by_deadline, now):
            self._earned = min(self._earned, most)
            passing = _fill(taken, by_work, self._earned, max(1, int(n_texts * _PASSING)), waits=most)
            self._earned -= self._cost(passing, len(taken))
        else:
            by_deadline, passing = by_work, 0.0
        n_passing = len(taken)
        rest = _fill(taken, by_deadline, self._call - passing, n_texts, at_least=1)
        earned = self._cost(rest, len(taken) - n_passing) * _PASSING / (1 - _PASSING)
        self._earned = min(self._earned + earned, most)
        self._jobs = [job for job in self._jobs if job.n_left]
        return taken

    @property
    def _call(self) -> float:
        return max(_LEAST_CALL, self._pace.a_s * _CALL_S)

    def _calls(self, job: Job) -> float:
        """Give how many calls a request still takes, at least one."""
        return max(job.work / self._call, job.n_left / self._options.batch_texts, 1.0)

    def _live(self) -> Iterator[Job]:
        return (job for job in self._jobs if not job.future.done())

    def _cost(self, work: float, n_texts: int) -> float:
        """Give what so much work in so many texts costs, in characters, with its share of what each call costs.

        A call is full when it has work enough or texts enough; both shares are counted, which is a little too much.
        """
        return work * (1 + A_CALL / self._call) + n_texts * A_CALL / self._options.batch_texts

    def _cost_left(self, job: Job) -> float:
        return self._cost(job.work, job.n_left)

    def _seconds(self, *, promised_alone: bool = False) -> float:
        """Give how long all that waits should take, or the promised requests of it."""
        jobs = (job for job in self._live() if job.promised or not promised_alone)
        return self._pace.seconds(sum(map(self._cost_left, jobs)))

    def _own_seconds(self, job: Job) -> float:
        """Give how long the whole of a request should take with nothing beside it."""
        return self._pace.seconds(self._cost(job.whole, len(job.asked)))

    def _fits(self, job: Job, now: float) -> bool:
        """Whether a request that is not promised yet can be done after all that is."""
        whole_s = self._seconds(promised_alone=True) + self._pace.seconds(self._cost_left(job))
        return whole_s <= self._share(job) * (job.deadline - now)

    def _share(self, job: Job) -> float:
        return _PROMISED_SMALL if job.whole <= self._call else _PROMISED

    def _may_try(self) -> bool:
        """Whether a request may be tried without a promise: little waits, and no other that is tried."""
        tried = any(not job.promised for job in self._live())
        return not tried and self._seconds() <= _TRIAL * self._options.answer_timeout_s

    def _hopeless(self, job: Job, now: float) -> bool:
        judged = now - job.begun >= _TRIAL * self._options.answer_timeout_s
        return judged and self._pace.seconds(self._cost_left(job)) > _DOUBT * (job.deadline - now)

    def _short_of_time(self, by_deadline: Sequence[Job], now: float) -> bool:
        """Whether the promised requests can only be done in time in the order of their deadlines."""
        # One more call in another order, and what may pass at once.
        before_s = (1 + _PASSING) * self._pace.seconds(self._cost(self._call, self._options.batch_texts))
        for job in by_deadline:
            before_s += self._pace.seconds(self._cost_left(job)) / (1 - _PASSING)
            if job.promised and now + before_s > job.deadline - _SPARE * self._options.answer_timeout_s:
                return True
        return False

    def _too_late(self, job: Job) -> TooLate:
        """Say why a request is not taken in."""
        whole_s, may_s = self._seconds() + self._own_seconds(job), self._share(job) * self._options.answer_timeout_s
        if large := self._too_large(job, self._seconds()):
            return large
        message = behind_others(len(job.asked), whole_s, self._share(job), self._options.answer_timeout_s)
        return TooLate(message, _whole(whole_s - may_s))

    def _given_up(self, job: Job, now: float) -> TooLate:
        """Say why a request that was taken in is not done."""
        needed_s = self._pace.seconds(self._cost_left(job))
        before_s = self._seconds() - needed_s
        if large := self._too_large(job, before_s):
            return large
        left_s = max(job.deadline - now, 0.0)
        return TooLate(given_up(len(job.asked), needed_s, left_s, self._options.answer_timeout_s), _whole(before_s))

    def _too_large(self, job: Job, before_s: float) -> TooLate | None:
        """Say that a request would not be done in time even with nothing beside it, if so."""
        own_s, share, limit_s = self._own_seconds(job), self._share(job), self._options.answer_timeout_s
        if own_s <= share * limit_s:
            return None
        message = too_large(len(job.asked), own_s, share, limit_s)
        if self._pace.measured:
            return TooLate(message, None)
        return TooLate(f"{message}, or try again, as the speed is not measured yet", _whole(before_s))


def _fill(
    taken: list[tuple[Job, int]],
    order: Sequence[Job],
    most: float,
    most_texts: int,
    *,
    at_least: int = 0,
    waits: float = 0.0,
) -> float:
    """Add texts to a call, of each request until its next would be beyond ``most``; give their work.

    ``at_least`` so many are added whatever their work: a text that is more than a call cannot be divided. Behind one
    that has no room and no more than the work ``waits`` none is added, so that its turn comes.
    """
    work, n = 0.0, 0
    for job in order:
        while job.n_left and len(taken) < most_texts:
            size = work_of(job.asked[job.n_taken].text)
            if work + size > most and n >= at_least:
                if size <= waits:
                    return work
                break
            taken.append((job, job.n_taken))
            work, n = work + size, n + 1
            job.work, job.n_taken = job.work - size, job.n_taken + 1
    return work


def _whole(seconds: float) -> int:
    return min(max(math.ceil(seconds), 1), _MAX_RETRY_S)
