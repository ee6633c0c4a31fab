"""What docs/service.md promises of sharing, held over random loads: no thread, no clock, and a pace that is right."""

# ruff: noqa: E402 - what is imported below needs the packages that are asked for first

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

for _package in ("fastapi", "uvicorn", "prometheus_client", "httpx2"):
    pytest.importorskip(_package)

from cxnlp.integrations.service.late import TooLate
from cxnlp.integrations.service.line import Full, Job
from test_service_sharing import LIMIT_S, Engine, late_of

PACES = st.sampled_from([10_000, 100_000, 1_000_000])
PLACES = st.sampled_from([1, 2, 3, 4, 16, 64])
# When it comes after the last, how many texts of how many characters, and how often so within a moment.
LOADS = st.lists(
    st.tuples(
        st.sampled_from([0.0, 0.01, 0.3, 5.0]), st.sampled_from([1, 5, 60]), st.sampled_from([1, 30, 400, 3_000]),
        st.sampled_from([1, 4, 12]),
    ),
    min_size=1, max_size=8,
)  # fmt: skip


class Refused(Exception):
    """A request that was not taken in."""


def ask(engine: Engine, n: int, chars: int) -> Job:
    try:
        return engine.join(n, chars)
    except (TooLate, Full) as error:
        raise Refused from error


def begin(pace: float, places: int) -> Engine:
    return Engine(pace, batch_texts=places, max_waiting_texts=100_000)


@settings(max_examples=10, deadline=None)
@given(PACES, PLACES, LOADS)
def test_what_is_promised_is_answered_in_time_and_all_ends_once(
    pace: float, places: int, load: Sequence[tuple[float, int, int, int]]
) -> None:
    engine = begin(pace, places)
    asked: list[Job] = []
    n_refused, n_asked, at = 0, 0, 0.0
    for pause, n, chars, times in load:
        at += pause
        engine.run(until=at)
        engine.now = max(engine.now, at)
        for _ in range(times):
            n_asked += 1
            try:
                asked.append(ask(engine, n, chars))
            except Refused:
                n_refused += 1
    promised = [job for job in asked if job.promised]
    engine.run()
    assert len(asked) + n_refused == n_asked
    assert not engine.line and engine.line.n_texts == 0
    for job in asked:
        answered, given_up = len(job.answers) == len(job.asked), job.future.done()
        assert answered != given_up  # one of the two, and never both
    assert len(late_of(engine, promised)) <= 1


def with_a_large_one(pace: float, places: int, chars: int) -> tuple[Engine, Job]:
    """Begin with a request that takes half of the limit."""
    engine = begin(pace, places)
    job = ask(engine, int(0.5 * LIMIT_S * pace / (chars + 24 + 80 / places) / 1.04), chars)
    assert job.promised
    return engine, job


WAYS = [(1_000_000, 64, 3_000), (100_000, 4, 3_000), (10_000, 64, 400), (10_000, 2, 400),
        (10_000, 1, 400), (10_000, 1, 5), (10_000, 4, 5)]  # fmt: skip


@pytest.mark.parametrize(("pace", "places", "chars"), WAYS)
def test_a_stream_of_tiny_reviews_does_not_starve_a_large_request(pace: float, places: int, chars: int) -> None:
    engine, large = with_a_large_one(pace, places, chars)
    engine.now += 8  # soon time is short; until then the least work is first
    tiny: list[Job] = []
    while large not in engine.done:
        assert engine.now <= LIMIT_S
        try:
            while engine.line.n_texts - large.n_left < 70:  # more than a call has places
                tiny.append(ask(engine, 64, 5))
        except Refused:
            pass
        engine.call()
    assert engine.done[large] <= large.deadline
    assert sum(len(job.answers) for job in tiny) > 20


@pytest.mark.parametrize(("pace", "places", "chars"), WAYS)
def test_a_small_request_waits_a_moment_beside_large_ones(pace: float, places: int, chars: int) -> None:
    engine, large = with_a_large_one(pace, places, chars)
    engine.call()
    engine.now += 12  # so that time is short
    waited = []
    while len(waited) < 20 and large not in engine.done:
        came, small = engine.now, ask(engine, 1, 100)
        while small not in engine.done:
            engine.call()
        waited.append(engine.done[small] - came)
        for _ in range(3):
            engine.call()
    assert len(waited) > 5
    assert max(waited) <= 0.5 + 3_000 / pace  # two calls, and the text that goes beyond one
