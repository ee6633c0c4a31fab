"""The service, in this process: answers, its own OpenAPI, limits, back-pressure, keys, and what it never says."""

# ruff: noqa: E402 - what is imported below needs the packages that are asked for first

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

for _package in ("fastapi", "uvicorn", "prometheus_client", "httpx2", "jsonschema"):
    pytest.importorskip(_package)

import jsonschema
from starlette.testclient import TestClient

import tiny
from cxnlp import Tagger
from cxnlp.cli.main import build_parser, main
from cxnlp.errors import SettingsError
from cxnlp.integrations.service import ServiceOptions, create_app, read_keys
from cxnlp.integrations.service.batcher import Batcher, Stopped
from cxnlp.integrations.service.line import Full
from cxnlp.integrations.service.scoring import Asked
from cxnlp.taxonomy import parse_taxonomy
from serving import ServedTagger

KEY = "a-key-of-enough-signs"
JSON = {"Content-Type": "application/json"}


@contextmanager
def served(tagger: Any = None, **limits: Any) -> Iterator[TestClient]:
    with TestClient(create_app(tagger or ServedTagger(), ServiceOptions(**limits), bundle="mine")) as client:
        yield client


def tag(client: TestClient, *texts: str | None) -> Any:
    return client.post("/v1/tag", json={"reviews": [{"text": text} for text in texts]})


def wait_for(what: Any) -> None:
    until = time.monotonic() + 10
    while not what():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.005)


def waiting(client: TestClient) -> int:
    line = next(x for x in client.get("/metrics").text.splitlines() if x.startswith("cxnlp_waiting_texts "))
    return int(float(line.split()[1]))


# Answers


def test_answers_are_the_records_of_the_tagger_in_order() -> None:
    tagger = Tagger.load()
    texts = [row["text"] for row in tiny.records()]
    reviews = [{"text": text, "id": f"no {i}", "lang": "no"} for i, text in enumerate(texts)]
    expected = tagger.tag(texts, declared=["no"] * len(texts))
    with served(tagger, batch_texts=7) as client:
        answer = client.post("/v1/tag", json={"reviews": reviews})
        assert answer.status_code == 200
        found = answer.json()["predictions"]
    assert [one["id"] for one in found] == [f"no {i}" for i in range(len(texts))]
    for one, prediction in zip(found, expected, strict=True):
        record = prediction.as_record()
        assert one["probabilities"] == {
            facet: pytest.approx(values, abs=2e-4) for facet, values in record["probabilities"].items()
        }
        for key in ("language", "sentiment", "touchpoints", "phases", "phase", "stage", "flags"):
            assert one[key] == record[key]
        assert list(one) == ["id", *record]


def test_empty_texts_and_null_are_answered_and_flagged() -> None:
    with served() as client:
        found = tag(client, "Fin butikk", "", None, " \n\t", "\n" * 9_000).json()["predictions"]
        assert tag(client).json() == {"predictions": []}
    assert found[0]["sentiment"] is not None and found[0]["flags"] == []
    for one in found[1:]:
        assert one["flags"] == ["empty"]
        assert {value for key, value in one.items() if key not in ("flags", "language")} == {None}


def test_one_text_that_the_model_fails_on_costs_no_other() -> None:
    texts = [f"tekst {i}" for i in range(20)]
    texts[13] = "POISON"
    with served() as client:
        found = tag(client, *texts).json()["predictions"]
        assert client.get("/healthz").status_code == 200
    assert [i for i, one in enumerate(found) if one["flags"] == ["not_scored"]] == [13]
    assert found[13]["sentiment"] is None
    assert all(one["sentiment"] for i, one in enumerate(found) if i != 13)


def test_an_engine_that_fails_on_everything_is_not_ready_until_it_works_again() -> None:
    tagger = ServedTagger()
    with served(tagger) as client:
        tagger.broken = True
        assert {tuple(one["flags"]) for one in tag(client, *"abcdefgh" * 8).json()["predictions"]} == {("not_scored",)}
        answer = client.get("/healthz")
        assert (answer.status_code, answer.json()) == (503, {"live": True, "ready": False})
        tagger.chunk_sizes.clear()
        tagger.broken = False
        assert tag(client, "a", "b").json()["predictions"][0]["flags"] == []
        assert tagger.chunk_sizes == [2]
        assert client.get("/healthz").json() == {"live": True, "ready": True}


class NoNumbers(ServedTagger):
    """An engine that answers with NaN."""

    def probabilities(self, texts: Any) -> Any:
        return super().probabilities(texts) * float("nan")


def test_an_engine_that_gives_no_numbers_is_found() -> None:
    with served(NoNumbers()) as client:
        assert {tuple(one["flags"]) for one in tag(client, *"abcdefgh" * 8).json()["predictions"]} == {("not_scored",)}
        assert client.get("/healthz").status_code == 503


# The OpenAPI document


OWN = """
name = "own"
[facets.mood]
kind = "one_of"
labels = ["so-so", "1st class", "copy"]
[facets.mood.rollup]
name = "group"
labels = { "so-so" = "low", "1st class" = "high", copy = "high" }
[facets.parts]
kind = "any_of"
labels = ["room service", "json"]
[facets.parts.rollup]
name = "kind_of_part"
labels = { "room service" = "people", json = "things" }
"""


@pytest.mark.parametrize(
    "taxonomy", [None, tiny.toy_taxonomy(), parse_taxonomy(OWN, "own")], ids=["default", "toy", "own"]
)
def test_answers_have_exactly_the_form_that_is_published(taxonomy: Any) -> None:
    texts = [f"tekst {i}" for i in range(40)] + ["", "POISON", "das ist gut"]
    with served(ServedTagger(taxonomy)) as client:
        document = client.get("/openapi.json").json()
        answer = tag(client, *texts).json()
    content = document["paths"]["/v1/tag"]["post"]["responses"]["200"]["content"]["application/json"]
    jsonschema.validate(answer, content["schema"])
    strict = content["schema"]["properties"]["predictions"]["items"]["anyOf"][0]
    for key in answer["predictions"][0]:
        lacking = {k: v for k, v in answer["predictions"][0].items() if k != key}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(lacking, strict)
    first = (taxonomy or ServedTagger().taxonomy).answers[0].name
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(answer["predictions"][0] | {first: "no such label"}, strict)


def test_the_published_limits_are_those_of_the_service_and_the_example_works() -> None:
    with served(max_texts=5, max_chars=60) as client:
        document = client.get("/openapi.json").json()
        content = document["paths"]["/v1/tag"]["post"]["requestBody"]["content"]["application/json"]
        (example,) = content["examples"].values()
        jsonschema.validate(example["value"], content["schema"])
        assert len(client.post("/v1/tag", json=example["value"]).json()["predictions"]) == 3
        reviews = content["schema"]["properties"]["reviews"]
        assert reviews["maxItems"] == 5
        assert reviews["items"]["properties"]["text"]["anyOf"][0]["maxLength"] == 60
        assert tag(client, *["a" * 60] * 5).status_code == 200
        assert tag(client, *["a"] * 6).json()["error"] == "too_many"
        assert tag(client, "a" * 61).json()["where"] == "reviews.0.text"
        for path in ("/docs", "/redoc", "/docs/oauth2-redirect"):  # pages that would load scripts from elsewhere
            assert client.get(path).status_code == 404


def test_fuzzed_from_its_own_document() -> None:
    schemathesis = pytest.importorskip("schemathesis")
    app = create_app(ServedTagger(), ServiceOptions(max_chars=200, max_texts=8, batch_wait_ms=0, api_keys=(KEY,)))
    schema = schemathesis.openapi.from_asgi("/openapi.json", app, headers={"Authorization": f"Bearer {KEY}"})
    statuses: set[int] = set()

    operations = [found.ok() for found in schema.get_all_operations()]
    assert {operation.path for operation in operations} == {"/v1/tag", "/healthz", "/version", "/metrics"}
    mode = schemathesis.GenerationMode
    for operation in operations:
        large = operation.path == "/v1/tag"
        for kind in (mode.POSITIVE, mode.NEGATIVE) if large else (mode.POSITIVE,):

            @given(case=operation.as_strategy(generation_mode=kind))
            @seed(5)
            @settings(
                max_examples=20 if large else 2, deadline=None, database=None, phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )  # fmt: skip
            def fuzz(case: Any) -> None:
                answer = case.call_and_validate(headers={"Authorization": f"Bearer {KEY}"})
                statuses.add(answer.status_code)

            fuzz()
    assert statuses >= {200, 422} and max(statuses) < 500


# What is refused


SECRET = "hemmelig"
BAD = [
    ("{", 400, "invalid_json", "line 1"),
    ("", 400, "invalid_json", "line 1"),
    (f'{{"reviews":[{{"text":"{SECRET} \\ud800"}}]}}', 400, "invalid_json", "line 1"),
    (b'{"reviews":[{"text":"\xff"}]}', 400, "invalid_json", "line 1"),
    (b'{"reviews":[{"text":"\xed\xa0\x80"}]}', 400, "invalid_json", "line 1"),
    ('{"reviews":' + "[" * 5_000, 400, "invalid_json", "line 1"),
    ('{"reviews":[{"text":NaN}]}', 422, "invalid", "reviews.0.text"),
    ("[]", 422, "invalid", "body"),
    (f'"{SECRET}"', 422, "invalid", "body"),
    ("null", 422, "invalid", "body"),
    ("{}", 422, "invalid", "reviews"),
    (f'{{"reviews":"{SECRET}"}}', 422, "invalid", "reviews"),
    (f'{{"reviews":[{{"text":"bra"}},"{SECRET}"]}}', 422, "invalid", "reviews.1"),
    ('{"reviews":[{"text":7}]}', 422, "invalid", "reviews.0.text"),
    ('{"reviews":[{"text":true}]}', 422, "invalid", "reviews.0.text"),
    ('{"reviews":[{"text":["a"]}]}', 422, "invalid", "reviews.0.text"),
    ('{"reviews":[{"id":"1"}]}', 422, "invalid", "reviews.0.text"),
    ('{"reviews":[{"text":"a","id":1}]}', 422, "invalid", "reviews.0.id"),
    ('{"reviews":[{"text":"a","lang":{}}]}', 422, "invalid", "reviews.0.lang"),
    (f'{{"reviews":[{{"text":"a","{SECRET}":1}}]}}', 422, "invalid", "reviews.0"),
    (f'{{"reviews":[],"{SECRET}":1}}', 422, "invalid", "body"),
    (f'{{"reviews":[{{"text":"{SECRET}\\u0000"}}]}}', 422, "invalid", "reviews.0.text"),
    ('{"reviews":[{"text":"' + "\\n" * 10_001 + '"}]}', 422, "too_long", "reviews.0.text"),
    ('{"reviews":[' + '{"text":"a"},' * 256 + '{"text":"a"}]}', 422, "too_many", "reviews"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "error", "where"), BAD)
def test_a_request_of_another_form_is_refused_without_a_word_of_it(
    body: str | bytes, status: int, error: str, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with served() as client:
        answer = client.post("/v1/tag", content=body, headers=JSON)
        assert answer.status_code == status
        problem = answer.json()
        assert problem["error"] == error
        assert problem["where"].startswith(where)
        assert len(problem["message"]) > 10
        assert SECRET not in answer.text + client.get("/metrics").text + caplog.text
        assert f'cxnlp_refused_total{{error="{error}"}} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"Content-Type": "text/plain"}, "not_json"),
        ({"Content-Type": "application/x-www-form-urlencoded"}, "not_json"),
        ({"Content-Type": "application/json; charset=latin-1"}, "not_json"),
        ({}, "not_json"),
        (JSON | {"Content-Encoding": "gzip"}, "packed"),
    ],
)
def test_a_body_that_is_not_declared_as_plain_json(headers: dict[str, str], error: str) -> None:
    with served() as client:
        answer = client.post("/v1/tag", content=b'{"reviews":[]}', headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (415, error)
        accepted = client.post(
            "/v1/tag", content=b'{"reviews":[]}', headers={"Content-Type": 'Application/JSON; charset="UTF-8"'}
        )
        assert accepted.status_code == 200


class Sender:
    """The client's side of ASGI: gives chunks of a body and counts what is taken of it."""

    def __init__(self, chunks: list[bytes], then_gone: bool = False, pause_s: float = 0) -> None:
        self.left = list(chunks)
        self.then_gone = then_gone
        self.pause_s = pause_s
        self.answer = b""
        self.status = 0

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(self.pause_s)
        if self.left:
            chunk = self.left.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(self.left)}
        if self.then_gone:
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.answer += message.get("body", b"")


async def call(app: Any, sender: Sender, headers: dict[str, str] = JSON) -> None:
    pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {
        "type": "http", "http_version": "1.1", "method": "POST", "path": "/v1/tag", "raw_path": b"/v1/tag",
        "query_string": b"", "root_path": "", "scheme": "http", "headers": pairs, "server": ("x", 1), "client": None,
    }  # fmt: skip
    await asyncio.wait_for(app(scope, sender.receive, sender.send), 20)


def test_a_body_that_is_too_large_is_not_read_to_its_end() -> None:
    app = create_app(ServedTagger(), ServiceOptions(max_body_bytes=1_000))
    endless = Sender([b" " * 100] * 1_000)
    asyncio.run(call(app, endless))
    assert (endless.status, json.loads(endless.answer)["error"]) == (413, "body_too_large")
    assert len(endless.left) == 1_000 - 21  # the limit, and as much again so that the client sees the answer
    declared = Sender([b" " * 100] * 1_000)
    asyncio.run(call(app, declared, JSON | {"Content-Length": "100000"}))
    assert (declared.status, len(declared.left)) == (413, 1_000)


def test_the_largest_body_that_is_taken() -> None:
    body = b'{"reviews":[]}'
    with served(max_body_bytes=100) as client:
        assert client.post("/v1/tag", content=body.ljust(100), headers=JSON).status_code == 200
        assert client.post("/v1/tag", content=body.ljust(101), headers=JSON).status_code == 413


def test_a_body_that_comes_too_slowly() -> None:
    sender = Sender([b" "] * 100, pause_s=0.05)
    asyncio.run(call(create_app(ServedTagger(), ServiceOptions(read_timeout_s=0.2)), sender))
    assert (sender.status, json.loads(sender.answer)["error"]) == (408, "too_slow")


def test_a_failure_of_our_own_says_nothing_of_the_text(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError(f"something with {SECRET}")

    caplog.set_level(logging.DEBUG)
    with served() as client:
        monkeypatch.setattr("cxnlp.inference.failures.Failures.spare", fail)
        answer = tag(client, SECRET)
        monkeypatch.undo()
        assert (answer.status_code, answer.json()["error"]) == (500, "internal")
        assert "ValueError in fail" in caplog.text
        assert SECRET not in caplog.text + answer.text
        assert tag(client, "bra").status_code == 200  # the thread lives


# Batches and back-pressure


def test_requests_that_wait_are_scored_together() -> None:
    tagger = ServedTagger()
    with served(tagger, batch_wait_ms=0) as client, ThreadPoolExecutor(12) as pool:
        tagger.gate.clear()
        first = pool.submit(tag, client, "nr 0")
        tagger.entered.wait(10)
        others = [pool.submit(tag, client, f"nr {i}", f"og {i}") for i in range(1, 11)]
        wait_for(lambda: waiting(client) == 20)
        tagger.gate.set()
        answers = [future.result() for future in [first, *others]]
        assert [len(answer.json()["predictions"]) for answer in answers] == [1] + [2] * 10
        assert tagger.chunk_sizes == [1, 20]
        text = client.get("/metrics").text
        assert "cxnlp_batch_texts_sum 21.0" in text and "cxnlp_batch_texts_count 2.0" in text
        alone = tag(client, "nr 4", "og 4").json()
        assert alone == answers[4].json()  # each got its own


def test_the_event_loop_answers_while_the_model_works() -> None:
    tagger = ServedTagger()
    with served(tagger) as client, ThreadPoolExecutor(2) as pool:
        tagger.gate.clear()
        waits = pool.submit(tag, client, "bra")
        tagger.entered.wait(10)
        assert client.get("/healthz").json() == {"live": True, "ready": True}
        assert not waits.done()
        tagger.gate.set()
        assert waits.result().status_code == 200


def test_a_full_queue_is_said_at_once_and_empties() -> None:
    tagger = ServedTagger()
    with served(tagger, max_texts=4, max_waiting_texts=4, batch_wait_ms=0) as client, ThreadPoolExecutor(4) as pool:
        tagger.gate.clear()
        scored = pool.submit(tag, client, "a")
        tagger.entered.wait(10)
        queued = pool.submit(tag, client, "b", "c", "d")
        wait_for(lambda: waiting(client) == 3)
        answer = tag(client, "e", "f")
        assert (answer.status_code, answer.json()["error"]) == (503, "queue_full")
        assert int(answer.headers["Retry-After"]) >= 1
        last = pool.submit(tag, client, "g")  # there is room for one
        wait_for(lambda: waiting(client) == 4)
        # Full before the body is read, so that it does not matter what is in it.
        assert client.post("/v1/tag", content="{", headers=JSON).status_code == 503
        tagger.gate.set()
        assert [f.result().status_code for f in (scored, queued, last)] == [200] * 3
        assert tag(client, "e", "f").status_code == 200
        assert 'cxnlp_refused_total{error="queue_full"} 2.0' in client.get("/metrics").text


def test_requests_in_hand_are_limited() -> None:
    tagger = ServedTagger()
    with served(tagger, max_requests=1) as client, ThreadPoolExecutor(1) as pool:
        tagger.gate.clear()
        first = pool.submit(tag, client, "a")
        tagger.entered.wait(10)
        assert tag(client, "b").status_code == 503
        tagger.gate.set()
        assert first.result().status_code == 200
        assert tag(client, "b").status_code == 200


def test_who_waits_too_long_is_told_and_not_scored() -> None:
    tagger = ServedTagger()
    with served(tagger, answer_timeout_s=0.3, batch_wait_ms=0) as client, ThreadPoolExecutor(1) as pool:
        tagger.gate.clear()
        first = pool.submit(tag, client, "a")
        tagger.entered.wait(10)
        late = tag(client, "b", "c")
        assert (late.status_code, late.json()["error"]) == (503, "timed_out")
        assert "Retry-After" in late.headers
        assert first.result().status_code == 503
        tagger.gate.set()
        wait_for(lambda: waiting(client) == 0)
        assert tag(client, "d").status_code == 200
        assert tagger.chunk_sizes == [1, 1]  # "b" and "c" were never scored


def test_texts_of_a_client_that_has_gone_are_not_scored() -> None:
    tagger = ServedTagger()
    app = create_app(tagger, ServiceOptions(batch_wait_ms=0))
    body = json.dumps({"reviews": [{"text": "nobody waits"}] * 3}).encode()
    with TestClient(app) as client, ThreadPoolExecutor(1) as pool:
        tagger.gate.clear()
        first = pool.submit(tag, client, "a")
        tagger.entered.wait(10)
        asyncio.run(call(app, Sender([body], then_gone=True)))
        tagger.gate.set()
        assert first.result().status_code == 200
        assert tag(client, "b").status_code == 200
        assert tagger.chunk_sizes == [1, 1]
        assert 'cxnlp_refused_total{error="client_gone"} 1.0' in client.get("/metrics").text


def test_a_large_request_does_not_hold_up_the_small_ones_behind_it() -> None:
    batches: list[list[str | None]] = []
    gate = threading.Event()

    def score(asked: Any) -> list[bytes]:
        gate.wait(10)
        batches.append([one.text for one in asked])
        return [str(one.text).encode() for one in asked]

    batcher = Batcher(score, ServiceOptions(batch_texts=10, batch_wait_ms=0), lambda n, s: None)
    batcher.start()
    large = batcher.submit([Asked(f"L{i}") for i in range(30)])
    wait_for(lambda: batcher.n_waiting == 20)
    small = batcher.submit([Asked("S")])
    gate.set()
    assert small.result(10) == [b"S"]
    assert large.result(10) == [f"L{i}".encode() for i in range(30)]
    batcher.close()
    assert [len(batch) for batch in batches] == [10, 10, 10, 1]
    assert "S" in batches[1]


@given(sizes=st.lists(st.integers(1, 40), max_size=12), batch=st.integers(1, 50))
def test_every_text_gets_its_own_answer(sizes: list[int], batch: int) -> None:
    options = ServiceOptions(batch_texts=batch, batch_wait_ms=0, max_texts=40, max_waiting_texts=500)
    seen: list[int] = []
    batcher = Batcher(lambda asked: [str(one.text).encode() for one in asked], options, lambda n, s: seen.append(n))
    batcher.start()
    futures = [batcher.submit([Asked(f"{job}.{i}") for i in range(size)]) for job, size in enumerate(sizes)]
    for job, (future, size) in enumerate(zip(futures, sizes, strict=True)):
        assert future.result(10) == [f"{job}.{i}".encode() for i in range(size)]
    batcher.close()
    assert sum(seen) == sum(sizes) and max(seen, default=0) <= batch
    assert batcher.n_waiting == 0
    with pytest.raises(Stopped):
        batcher.submit([Asked("late")])


def test_the_queue_has_an_end_and_a_close_answers_what_waits() -> None:
    gate = threading.Event()

    def score(asked: Any) -> list[bytes]:
        gate.wait(10)
        return [b"x"] * len(asked)

    batcher = Batcher(score, ServiceOptions(max_texts=3, max_waiting_texts=3, batch_texts=1), lambda n, s: None)
    batcher.start()
    first = batcher.submit([Asked("a")])
    wait_for(lambda: batcher.n_waiting == 0)
    second = batcher.submit([Asked("b")] * 3)
    with pytest.raises(Full):
        batcher.submit([Asked("c")])
    closing = threading.Thread(target=batcher.close)
    closing.start()
    gate.set()
    closing.join(10)
    assert (first.result(0), second.result(0)) == ([b"x"], [b"x"] * 3)


# Keys, headers, counts


def test_a_key_opens_all_but_healthz() -> None:
    other = "another-key-for-the-change"
    with served(api_keys=(KEY, other)) as client:
        assert client.get("/healthz").status_code == 200
        for given_key in (None, "", "wrong", KEY[:-1], KEY + "x", "hémmelig-hémmelig"):
            headers = {} if given_key is None else {"Authorization": f"Bearer {given_key}".encode()}
            for path in ("/version", "/metrics", "/openapi.json"):
                assert client.get(path, headers=headers).status_code == 401
            answer = client.post("/v1/tag", content=b"{", headers=JSON | headers)
            assert (answer.status_code, answer.json()["error"]) == (401, "no_key")
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert KEY not in answer.text
        assert client.get("/version", headers={"Authorization": f"Basic {KEY}"}).status_code == 401
        for right in (KEY, other):
            assert (
                client.post("/v1/tag", json={"reviews": []}, headers={"Authorization": f"Bearer {right}"}).status_code
                == 200
            )
        assert KEY not in repr(ServiceOptions(api_keys=(KEY,)))


def test_where_keys_come_from(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_text(f"{KEY}\n\n  second-key-of-enough-signs \n", "utf-8")
    assert read_keys(file, {}) == (KEY, "second-key-of-enough-signs")
    assert read_keys(None, {"CXNLP_API_KEY": KEY}) == (KEY,)
    assert read_keys(None, {}) == ()
    with pytest.raises(SettingsError, match="give one of the two"):
        read_keys(file, {"CXNLP_API_KEY": KEY})
    with pytest.raises(SettingsError, match="cannot be read"):
        read_keys(tmp_path / "none", {})
    with pytest.raises(SettingsError) as caught:
        read_keys(Path(KEY), {})  # the key where its file is expected
    assert KEY not in str(caught.value)
    with pytest.raises(SettingsError, match="spaces or letters outside ASCII"):
        read_keys(None, {"CXNLP_API_KEY": "æ" * 20})
    for bad in ("", "\n \n", "short", f"{KEY} and more", "æ" * 20):
        file.write_text(bad, "utf-8")
        with pytest.raises(SettingsError) as caught:
            read_keys(file, {})
        assert KEY not in str(caught.value) and "short" not in str(caught.value).replace("too short", "")
    with pytest.raises(
        SettingsError, match="CXNLP_API_KEY is empty; unset it"
    ):  # set but empty is a mistake, and not "no key"
        read_keys(None, {"CXNLP_API_KEY": ""})


def test_every_answer_has_the_headers_that_keep_browsers_out() -> None:
    with served() as client:
        for answer in (client.get("/healthz"), client.get("/nope"), tag(client, "a"), client.get("/v1/tag")):
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
            assert "Server" not in answer.headers
            assert "Access-Control-Allow-Origin" not in answer.headers


def test_version_says_what_answers() -> None:
    tagger = Tagger.load()
    with served(tagger) as client:
        about = client.get("/version").json()
    assert (about["bundle"], about["fingerprint"]) == ("mine", tagger.fingerprint)
    assert about["taxonomy"]["languages"] == list(tagger.taxonomy.languages)
    assert [facet["name"] for facet in about["taxonomy"]["facets"]] == [f.name for f in tagger.taxonomy.facets]


def test_counts_and_log_lines_are_right_and_hold_no_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with served() as client:
        tag(client, SECRET, "b")
        tag(client, "c")
        client.post(f"/v1/tag?text={SECRET}", content="{", headers=JSON)
        client.get(f"/{SECRET}")
        client.request(SECRET.upper(), f"/healthz?{SECRET}")
        text = client.get("/metrics").text
    assert 'cxnlp_requests_total{route="/v1/tag",status="200"} 2.0' in text
    assert 'cxnlp_requests_total{route="/v1/tag",status="400"} 1.0' in text
    assert 'cxnlp_requests_total{route="other",status="404"} 1.0' in text
    assert "cxnlp_texts_total 3.0" in text
    assert 'cxnlp_request_seconds_count{route="/v1/tag"} 3.0' in text
    assert "cxnlp_requests_in_hand 0.0" in text
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("cxnlp", "uvicorn"))]
    assert [line.rsplit(" ms=")[0] for line in ours] == [
        "POST /v1/tag 200 texts=2", "POST /v1/tag 200 texts=1", "POST /v1/tag 400 texts=0", "GET other 404 texts=0",
        "other /healthz 405 texts=0", "GET /metrics 200 texts=0",
    ]  # fmt: skip
    assert SECRET not in (text + "\n".join(ours)).lower()


# Options


def test_options_that_cannot_work_are_refused() -> None:
    for wrong in ({"max_texts": 0}, {"batch_wait_ms": -1}, {"max_body_bytes": 1}, {"stop_timeout_s": 0}):
        with pytest.raises(SettingsError, match=f"--{next(iter(wrong)).replace('_', '-')} is .*, expected"):
            ServiceOptions(**wrong)
    for name in ("batch_wait_ms", "read_timeout_s", "answer_timeout_s", "stop_timeout_s"):
        for value in (float("nan"), float("inf"), -float("inf"), 1e300):
            with pytest.raises(SettingsError, match=f"--{name.replace('_', '-')} is .*, expected"):
                ServiceOptions(**{name: value})
    assert ServiceOptions(stop_timeout_s=0.5).stop_timeout_s == 0.5
    with pytest.raises(SettingsError, match="could then never be answered"):
        ServiceOptions(max_texts=10, max_waiting_texts=9)


def test_a_key_on_the_command_line_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--api-key", KEY], [f"--api-key={KEY}"]):
        with pytest.raises(SystemExit):
            main(["serve", *arguments])
        said = capsys.readouterr().err
        assert "unrecognized arguments: --api-key\n" in said and KEY not in said
    assert main(["serve", "--api-key-file", KEY]) == 2
    said = capsys.readouterr().err
    assert "--api-key-file" in said and KEY not in said


def test_the_command_has_the_defaults_of_the_options() -> None:
    args = vars(build_parser().parse_args(["serve"]))
    options = vars(ServiceOptions())
    same = set(args) & set(options)
    assert len(same) == 11
    assert {name: args[name] for name in same} == {name: options[name] for name in same}
    assert (args["host"], args["no_languages"]) == ("127.0.0.1", False)


def test_without_the_packages_of_the_service(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith("cxnlp.integrations.service")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    assert main(["serve"]) == 2
    assert 'cxnlp serve needs fastapi, which is not installed: pip install "cxnlp[serve]"' in capsys.readouterr().err
