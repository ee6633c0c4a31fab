"""The service as a process of its own: where it listens, clients that misbehave, and how it ends."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

import tiny
from cxnlp.cli.main import build_parser, main

for _package in ("fastapi", "uvicorn", "prometheus_client"):
    pytest.importorskip(_package)

SCRIPT = str(Path(__file__).parent / "serving.py")
BODY = json.dumps({"reviews": [{"text": "Fin butikk"}]}).encode()


class Process:
    """A service with the stand-in for the tagger."""

    def __init__(self, log: Path, *options: str, **variables: str) -> None:
        self.log = log
        with log.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, SCRIPT, "--port", "0", *options], env=tiny.environment(**variables), stderr=file
            )
        until = time.monotonic() + 120
        while not (found := re.search(r"listening on http://\S+:(\d+)\n[\s\S]*startup complete", self.said)):
            assert self.process.poll() is None and time.monotonic() < until, self.said
            time.sleep(0.02)
        self.port = int(found[1])

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8")

    def request(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, dict(headers or {"Content-Type": "application/json"}))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def raw(self, data: bytes) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        made.sendall(data)
        return made

    def count(self, metric: str) -> float:
        text = self.request("GET", "/metrics")[1].decode()
        found = re.search(rf"^{re.escape(metric)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0


@contextmanager
def started(log: Path, *options: str, **variables: str) -> Iterator[Process]:
    made = Process(log, *options, **variables)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.wait(30)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with started(
        tmp_path_factory.mktemp("service") / "log", "--read-timeout-s", "1", "--max-body-bytes", "5000"
    ) as made:
        yield made


def read_all(made: socket.socket) -> bytes:
    found = b""
    while data := made.recv(65_536):
        found += data
    return found


def head(length: int | str, *more: str) -> bytes:
    lines = ["POST /v1/tag HTTP/1.1", "Host: x", "Content-Type: application/json", f"Content-Length: {length}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_it_answers_on_loopback_and_nowhere_else(service: Process) -> None:
    status, answer = service.request("POST", "/v1/tag", BODY)
    assert (status, len(json.loads(answer)["predictions"])) == (200, 1)
    assert "warning" not in service.said
    with pytest.raises(OSError):  # also an address of this machine, but not the one it listens on
        socket.create_connection(("127.0.0.2", service.port), timeout=5)


def test_the_log_holds_no_text_and_no_query(service: Process) -> None:
    body = json.dumps({"reviews": [{"text": "hemmelig tekst"}, {"text": "POISON hemmelig"}]}).encode()
    assert service.request("POST", "/v1/tag?navn=hemmelig", body)[0] == 200
    assert service.request("POST", "/v1/tag", b'{"hemmelig')[0] == 400
    assert "the engine failed on 1 texts (RuntimeError)" in service.said
    assert "POST /v1/tag 200 texts=2" in service.said
    assert "hemmelig" not in service.said and "navn" not in service.said


def test_a_client_that_never_ends_its_headers_is_cut_off(service: Process) -> None:
    with service.raw(b"POST /v1/tag HTTP/1.1\r\nHost: x\r\nX-A: ") as slow:
        began = time.monotonic()
        try:
            for _ in range(100):  # a byte now and then does not win time
                slow.sendall(b"a")
                time.sleep(0.1)
            pytest.fail("it was never cut off")
        except OSError:
            assert time.monotonic() - began < 9
    with service.raw(b"") as silent:
        assert _ends(silent)
    assert service.request("GET", "/healthz")[0] == 200


def _ends(made: socket.socket) -> bool:
    try:
        return made.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_client_that_never_ends_its_body_is_told(service: Process) -> None:
    with service.raw(head(100) + b'{"reviews":') as slow:
        answer = read_all(slow)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in answer.lower()
    assert b'"too_slow"' in answer


def test_a_body_that_is_too_large_is_told_and_the_connection_closed(service: Process) -> None:
    with service.raw(head(6_000) + b" " * 6_000) as large:
        assert read_all(large).startswith(b"HTTP/1.1 413 ")
    chunks = b"".join(b"%x\r\n%s\r\n" % (500, b" " * 500) for _ in range(12)) + b"0\r\n\r\n"
    start = b"POST /v1/tag HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    with service.raw(start + chunks) as chunked:
        assert read_all(chunked).startswith(b"HTTP/1.1 413 ")
    with service.raw(head(10**12)) as boast:  # not a byte of it is waited for
        assert read_all(boast).startswith(b"HTTP/1.1 413 ")
    assert service.request("POST", "/v1/tag", BODY.ljust(5_000))[0] == 200


def test_what_is_not_http_does_no_harm(service: Process) -> None:
    for junk in (b"\x16\x03\x01\x02\x00", b"GET / HTTP/9.9\r\n\r\n", head("-1"), head("abc"), b"A" * 100_000):
        with service.raw(junk) as made, suppress(ConnectionResetError):
            answer = read_all(made)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 40")  # which of them is the parser's choice
    with service.raw(b"GARBAGE\r\n\r\n") as made:
        answer = read_all(made)
        assert answer.startswith(b"HTTP/1.1 400") and b"text/plain" in answer and b"GARBAGE" not in answer
    assert service.request("GET", "/healthz")[0] == 200


def test_a_client_that_dies_takes_its_texts_back(tmp_path: Path) -> None:
    with (
        started(tmp_path / "log", "--batch-wait-ms", "0", CXNLP_TEST_SLEEP_S="1") as slow,
        ThreadPoolExecutor(1) as pool,
    ):
        first = pool.submit(slow.request, "POST", "/v1/tag", BODY)
        _until(lambda: slow.count("cxnlp_requests_in_hand") == 1)
        dying = slow.raw(head(len(BODY)) + BODY)
        _until(lambda: slow.count("cxnlp_requests_in_hand") == 2 or first.done())
        dying.close()
        assert first.result()[0] == 200
        _until(lambda: slow.count('cxnlp_refused_total{error="client_gone"}') == 1)
        assert slow.count("cxnlp_batch_texts_sum") == 1
        assert slow.request("POST", "/v1/tag", BODY)[0] == 200


def _until(what: object) -> None:
    assert callable(what)
    until = time.monotonic() + 20
    while not what():
        assert time.monotonic() < until, "it did not come"
        time.sleep(0.02)


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_answers_what_is_in_hand_and_ends_with_0(which: signal.Signals, tmp_path: Path) -> None:
    options = ("--batch-wait-ms", "0", "--batch-texts", "1")
    with started(tmp_path / "log", *options, CXNLP_TEST_SLEEP_S="0.5") as slow, ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(slow.request, "POST", "/v1/tag", BODY) for _ in range(4)]
        _until(lambda: slow.count("cxnlp_requests_in_hand") == 4)
        slow.process.send_signal(which)
        time.sleep(0.3)
        with pytest.raises(OSError):
            slow.request("GET", "/healthz")
        assert [future.result()[0] for future in answers] == [200] * 4
        assert slow.process.wait(30) == 0
        assert "Traceback" not in slow.said


def test_an_end_that_takes_too_long_is_an_end(tmp_path: Path) -> None:
    with (
        started(tmp_path / "log", "--stop-timeout-s", "1", CXNLP_TEST_SLEEP_S="12") as stuck,
        ThreadPoolExecutor(1) as pool,
    ):
        waiting = pool.submit(stuck.request, "POST", "/v1/tag", BODY)
        _until(lambda: stuck.count("cxnlp_requests_in_hand") == 1)
        stuck.process.terminate()
        assert stuck.process.wait(10) == 0  # before the engine is done
        assert waiting.exception() is not None or waiting.result()[0] >= 500


def test_open_to_other_machines_without_a_key_is_warned_of(tmp_path: Path) -> None:
    with started(tmp_path / "open", "--host", "0.0.0.0") as wide:
        assert "warning: other machines can reach this service, and it asks for no key" in wide.said
        assert wide.request("GET", "/version")[0] == 200
    key = "a-key-of-enough-signs"
    with started(tmp_path / "locked", "--host", "0.0.0.0", CXNLP_API_KEY=key) as locked:
        assert "warning" not in locked.said
        assert locked.request("GET", "/version")[0] == 401
        assert locked.request("GET", "/version", headers={"Authorization": f"Bearer {key}"})[0] == 200
        assert key not in locked.said


def test_an_address_that_is_taken_or_none(service: Process, capsys: pytest.CaptureFixture[str]) -> None:
    taken = ("--port", str(service.port))
    for options in (taken, ("--host", "203.0.113.1"), ("--port", "99999"), ("--max-texts", "0")):
        assert main(["serve", *options]) == 2
        said = capsys.readouterr().err
        assert said.startswith("cxnlp: error: ") and said.count("\n") == 1
        assert options[1] in said


DOCUMENT = (tiny.REPOSITORY / "docs" / "service.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)


def test_the_clients_of_the_document_run(service: Process, capsys: pytest.CaptureFixture[str]) -> None:
    def here(text: str) -> str:
        assert text.count("127.0.0.1:8000/v1/tag") == 1
        return text.replace("127.0.0.1:8000", f"127.0.0.1:{service.port}")

    (python,) = [code for language, code in BLOCKS if language == "python"]
    exec(compile(here(python), "service.md", "exec"), {})
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("1 ") and second == "2 None None ['empty']"
    (curl,) = [code for language, code in BLOCKS if language == "bash" and code.startswith("curl ")]
    if shutil.which("curl"):
        done = subprocess.run(["bash", "-c", here(curl)], capture_output=True, encoding="utf-8", timeout=60, check=True)
        assert json.loads(done.stdout)["predictions"][0]["id"] == "1"


def test_the_document_names_every_option_path_and_default() -> None:
    parser = build_parser()
    args = vars(parser.parse_args(["serve"]))
    table = dict(re.findall(r"^\| `(--[\w-]+)` \| ([\d,]+) \|", DOCUMENT, re.MULTILINE))
    assert len(table) == 11
    for option, default in table.items():
        assert args[option[2:].replace("-", "_")] == float(default.replace(",", ""))
    for name in set(args) - {"command", "run"}:
        assert f"--{name.replace('_', '-')}" in DOCUMENT
    for line in re.findall(r"^(?:ExecStart=/opt/cxnlp/bin/)?cxnlp (serve.*)$", DOCUMENT, re.MULTILINE):
        parser.parse_args(line.split())
