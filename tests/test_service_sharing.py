"""How a service shares its engine: who is next, what is refused early, and what is dropped. Clocks are made up."""

# ruff: noqa: E402 - what is imported below needs the packages that are asked for first

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

for _package in ("fastapi", "uvicorn", "prometheus_client", "httpx2"):
    pytest.importorskip(_package)

from starlette.testclient import TestClient

from cxnlp.integrations.service import ServiceOptions, create_app
from cxnlp.integrations.service.batcher import Batcher
from cxnlp.integrations.service.late import TooLate
from cxnlp.integrations.service.line import Job, Line
from cxnlp.integrations.service.pace import A_CALL, Pace, work_of
from cxnlp.integrations.service.scoring import Asked
from serving import ServedTagger
from test_service import served, tag, wait_for

LIMIT_S = 30.0
CHARS = 976  # with what a text costs besides, 1,000


class Engine:
    """A line before an engine of a fixed speed, on a clock of its own."""

    def __init__(self, a_s: float, known_a_s: float | None = None, **limits: float) -> None:
        self.pace = Pace()
        self.pace.a_s = a_s if known_a_s is None else known_a_s
        self.line = Line(ServiceOptions(answer_timeout_s=LIMIT_S, **limits), self.pace)  # type: ignore[arg-type]
        self.a_s = a_s
        self.now = 0.0
        self.done: dict[Job, float] = {}
        self.calls: list[list[Job]] = []

    def join(self, n: int, chars: int = CHARS) -> Job:
        return self.line.join([Asked("x" * chars)] * n, self.now)

    def call(self) -> bool:
        """Do one call; give whether there was one."""
        taken = self.line.take(self.now)
        work = sum(work_of(job.asked[place].text) for job, place in taken)
        if taken:
            work += A_CALL
            self.pace.learn(work, work / self.a_s)
        self.now += work / self.a_s
        self.calls.append(list(dict.fromkeys(job for job, _ in taken)))
        for job, place in taken:
            job.answers[place] = b""
            if len(job.answers) == len(job.asked):
                self.done[job] = self.now
        return bool(taken)

    def run(self, until: float = 1e9) -> None:
        while self.now < until and self.call():
            pass


def late_of(engine: Engine, promised: Sequence[Job]) -> list[Job]:
    """Name the promised requests that were late. A promise is a forecast: a load can be made to break one."""
    return [job for job in promised if engine.done.get(job, math.inf) > job.deadline]


def test_equal_requests_are_finished_one_after_the_other() -> None:
    engine = Engine(10_000)
    first, second = engine.join(80), engine.join(80)  # 8 s each
    engine.run()
    assert (engine.done[first], engine.done[second]) == (pytest.approx(8.3, abs=0.5), pytest.approx(16.6, abs=0.5))


def test_what_cannot_be_done_in_time_is_refused_at_once_and_told_when_to_come_again() -> None:
    engine = Engine(10_000)
    engine.join(80)
    engine.join(80)
    with pytest.raises(TooLate) as caught:  # 24 s, and 18 of the 30 are for promises
        engine.join(80)
    assert caught.value.retry_after_s == 7
    assert caught.value.message == (
        "with all that waits before these 80 reviews it would take about 25 s, expected at most 18 s (60 % of the "
        "limit of 30 s); try again"
    )
    small = engine.join(4)
    engine.run(until=7.2)
    assert engine.done[small] < 1.0
    engine.join(80)
    engine.run()
    assert len(engine.done) == 4


def test_a_small_request_passes_a_large_one_and_none_of_the_promised_is_late() -> None:
    engine = Engine(10_000)
    large = engine.join(170)  # 17 s
    waited = []
    while large not in engine.done:
        came, small = engine.now, engine.join(1)
        while small not in engine.done:
            engine.call()
        waited.append(engine.done[small] - came)
    assert engine.done[large] <= LIMIT_S
    assert max(waited) <= 0.63  # the call after the one that runs
    assert len(waited) > 20


def test_a_stream_of_small_requests_does_not_starve_a_large_one() -> None:
    engine = Engine(10_000)
    large = engine.join(170)
    refused = 0
    while large not in engine.done:
        for _ in range(3):  # far more than can be done
            try:
                engine.join(5)
            except TooLate:
                refused += 1
        engine.call()
    assert engine.done[large] <= LIMIT_S
    assert refused > 10


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 3), st.integers(1, 200), st.integers(0, 3_000)), min_size=1, max_size=25))
def test_with_a_pace_that_is_known_what_is_promised_is_in_time(coming: Sequence[tuple[float, int, int]]) -> None:
    engine = Engine(10_000, max_waiting_texts=100_000)
    promised = []
    at = 0.0
    for pause, n, chars in coming:
        at += pause
        engine.run(until=at)
        engine.now = max(engine.now, at)
        try:
            job = engine.join(n, chars)
        except TooLate as late:
            assert late.retry_after_s is None or 1 <= late.retry_after_s <= 60
            continue
        if job.promised:
            promised.append(job)
    engine.run()
    assert len(late_of(engine, promised)) <= 1
    assert engine.line.n_texts == 0 and not engine.line


def test_a_pace_that_is_known_too_low_is_learnt_by_a_request_on_trial() -> None:
    engine = Engine(10_000, known_a_s=500)
    tried = engine.join(200)  # 20 s, held to be 400
    assert not tried.promised
    with pytest.raises(TooLate):
        engine.join(200)
    engine.join(2)  # a small one is promised beside it, and goes first
    engine.run()
    assert engine.done[tried] == pytest.approx(21, abs=1)
    assert engine.pace.a_s == pytest.approx(10_000, rel=0.01)


def test_a_request_that_is_too_large_for_this_engine_is_given_up_soon() -> None:
    engine = Engine(1_000)
    hopeless = engine.join(200)  # 200 s
    small = engine.join(1)
    engine.run()
    assert engine.done.keys() == {small}
    assert engine.now < 8  # a tenth of the limit, and a call
    error = hopeless.future.exception()
    assert isinstance(error, TooLate)
    assert error.message == (
        "these 200 reviews would take about 209 s alone, expected at most 18 s (60 % of the limit of 30 s); send about "
        "17 of them in a request"
    )
    assert error.retry_after_s is None  # it would never be done


def test_texts_of_those_who_have_gone_are_not_counted_and_not_scored() -> None:
    engine = Engine(10_000)
    gone, stays = engine.join(80), engine.join(80)
    engine.call()
    gone.future.cancel()
    assert engine.line.n_texts == 80
    assert engine.join(80).promised  # there is time for it again
    engine.run()
    assert gone not in engine.done and engine.done[stays] == pytest.approx(8.3, abs=0.4)


def test_a_call_is_short_even_with_long_texts() -> None:
    engine = Engine(10_000)
    engine.join(20, chars=10_000)
    engine.call()
    assert engine.now == pytest.approx(1.01, abs=0.01)  # one text, which cannot be divided
    fast = Engine(1_000_000)
    fast.join(256)
    fast.call()
    assert sum(map(len, fast.calls)) == 1 and fast.now == pytest.approx(
        0.064, abs=0.001
    )  # 64 texts, as batch_texts says


def test_among_small_requests_the_longer_ones_do_not_wait_for_all_others() -> None:
    engine = Engine(10_000)
    longer = engine.join(1, chars=2_000)
    for _ in range(4):
        for _ in range(25):  # more than a call
            engine.join(1, chars=100)
        engine.call()
    assert engine.done[longer] <= 0.25  # in the first call


def test_texts_that_are_more_than_a_call_have_their_turn_beside_small_ones() -> None:
    engine = Engine(10_000)
    large = engine.join(17, chars=CHARS * 10)  # 17 s, a second each
    while large not in engine.done:
        engine.join(1, chars=100)
        engine.call()
    assert engine.done[large] <= LIMIT_S


def test_long_requests_that_all_timed_out_before_are_answered_one_by_one() -> None:
    """The real queue and its thread: 8 clients, each with what takes a sixth of the limit."""

    def score(asked: Sequence[Asked]) -> list[bytes]:
        threading.Event().wait(sum(work_of(one.text) for one in asked) / 400_000)
        return [b"x"] * len(asked)

    batcher = Batcher(score, ServiceOptions(answer_timeout_s=3.0, batch_wait_ms=0), lambda n, s: None)
    batcher.start()
    batcher.submit([Asked("x" * 5_000)] * 40).result(10)  # so that the pace is known
    futures, refused = [], 0
    for _ in range(8):
        try:
            futures.append(batcher.submit([Asked("x" * 5_000)] * 40))  # half a second
        except TooLate as late:
            refused += 1
            assert late.retry_after_s >= 1
    assert [len(future.result(3)) for future in futures] == [40] * len(futures)
    assert 2 <= len(futures) <= 4 and refused == 8 - len(futures)
    batcher.close()


def test_over_http_it_is_a_503_of_its_own_name() -> None:
    tagger = ServedTagger()
    tagger.gate.clear()
    with served(tagger, batch_wait_ms=0, answer_timeout_s=20) as client, ThreadPoolExecutor(2) as pool:
        first = pool.submit(tag, client, "a")
        tagger.entered.wait(10)
        long = ["x" * 3_000] * 40  # 120,000 characters at the 4,000 a second that a service begins with
        tried = pool.submit(tag, client, *long)
        wait_for(lambda: "cxnlp_waiting_texts 40.0" in client.get("/metrics").text)
        answer = tag(client, *long)
        assert (answer.status_code, answer.json()["error"]) == (503, "too_late")
        assert answer.json()["message"].startswith(
            "these 40 reviews would take about 32 s alone, expected at most 12 s (60 % of the limit of 20 s); send "
            "about 15 of them in a request, or try again, as the speed is not measured yet"
        )
        assert int(answer.headers["Retry-After"]) == 32
        assert 'cxnlp_refused_total{error="too_late"} 1.0' in client.get("/metrics").text
        tagger.gate.set()
        assert (first.result().status_code, tried.result().status_code) == (200, 200)


def test_head_works_where_get_does() -> None:
    with TestClient(create_app(ServedTagger(), ServiceOptions(api_keys=("a-key-of-enough-signs",)))) as client:
        for path in ("/healthz", "/version", "/metrics", "/openapi.json"):
            key = {"Authorization": "Bearer a-key-of-enough-signs"}
            full, head = client.get(path, headers=key), client.head(path, headers=key)
            assert (head.status_code, head.content) == (full.status_code, b"") == (200, b"")
            assert head.headers["Content-Type"] == full.headers["Content-Type"]
            assert path == "/metrics" or head.headers["Content-Length"] == str(len(full.content))
        assert client.head("/version").status_code == 401
        assert client.head("/nope").status_code == 404
        answer = client.head("/v1/tag")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
        answer = client.delete("/healthz")
        assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")


NO_STRING = "expected a string or null; send it in quotes, or null where there is none"
WORDS = [
    ('[{"text":7}]', f"a number, {NO_STRING}"),
    ('[{"text":true}]', f"true or false, {NO_STRING}"),
    ('[{"id":"1"}]', "no text, expected a string, or null where there is no text; add it"),
    ('"bra"', 'a string, expected a list such as [{"text": "…"}]; see GET /openapi.json'),
    ('["bra"]', 'a string, expected an object such as {"text": "…"}; see GET /openapi.json'),
    ('[{"text":"bra","x":1}]', "a key that is not known, expected no other than text, id and lang; remove it"),
    ('[],"x":1', "a key that is not known, expected no other than reviews; remove it"),
    ('[{"text":"bra\\u0000"}]', "a string with a NUL character, expected one without; remove the character"),
    ('[{"text":"bra bra"}]', "a string of 7 characters, expected at most 5; shorten it"),
    ('[{"text":"a"},{"text":"b"},{"text":"c"}]', "3 reviews, expected at most 2; send several requests"),
]
WHOLE = [
    ("{}", 'no reviews, expected a list such as [{"text": "…"}]; add it'),
    ("[]", 'a list, expected an object such as {"reviews": [{"text": "…"}]}; see GET /openapi.json'),
]


@pytest.mark.parametrize(("body", "message"), [*((f'{{"reviews":{rest}}}', said) for rest, said in WORDS), *WHOLE])
def test_a_422_says_what_came_what_was_expected_and_what_to_do(body: str, message: str) -> None:
    with served(max_chars=5, max_texts=2) as client:
        answer = client.post("/v1/tag", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["message"]) == (422, message)
        assert "bra" not in answer.text
