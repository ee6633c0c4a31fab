"""More work than a service can do, for ``service.py --overload``: what is answered, what is refused, and when."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

_PAUSE_S = 0.25


@dataclass(frozen=True)
class Answer:
    """One answer over HTTP."""

    status: int
    body: bytes
    retry_after_s: float
    elapsed_s: float


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> Answer:
    """Send one request over an open connection and read its answer."""
    started = time.perf_counter()
    head = f"POST /v1/tag HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    said = await reader.readuntil(b"\r\n\r\n")
    length, wait = (re.search(rb"\r\n%s: (\d+)" % name, said) for name in (b"content-length", b"retry-after"))
    whole = await reader.readexactly(int(length[1]) if length else 0)
    return Answer(int(said.split()[1]), whole, float(wait[1]) if wait else 0.0, time.perf_counter() - started)


@dataclass
class Seen:
    """What the clients of one size saw."""

    errors: Counter[str] = field(default_factory=Counter)
    answered_s: list[float] = field(default_factory=list)
    refused_s: list[float] = field(default_factory=list)

    def add(self, answer: Answer) -> None:
        """Take in an answer."""
        if answer.status == 200:
            self.answered_s.append(answer.elapsed_s)
        else:
            self.errors[json.loads(answer.body)["error"]] += 1
            self.refused_s.append(answer.elapsed_s)


def long_texts(texts: Sequence[str], n: int, chars: int) -> list[str]:
    """Join reviews to ``n`` texts of ``chars`` characters."""
    whole = " ".join(texts)
    whole *= -(-n * chars // len(whole))
    return [whole[i * chars : (i + 1) * chars] for i in range(n)]


async def _insist(port: int, bodies: Iterator[bytes], seen: Seen, until: float, pause_s: float) -> None:
    """Send request after request until the time is up; after a refusal wait as long as it says."""
    for body in bodies:
        if time.monotonic() >= until:
            break
        # A connection each, since one that waits long is closed.
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        answer = await exchange(reader, writer, body)
        writer.close()
        seen.add(answer)
        await asyncio.sleep(min(answer.retry_after_s or pause_s, max(until - time.monotonic(), 0)))


def overload(port: int, texts: Sequence[str], clients: int, size: int, chars: int, seconds: float) -> None:
    """Have ``clients`` send ``size`` long texts each, beside one of single reviews; print what became of it."""
    reviews = [{"text": text} for text in long_texts(texts, size, chars)]
    large = json.dumps({"reviews": reviews}, ensure_ascii=False).encode()
    small = [json.dumps({"reviews": [{"text": text}]}, ensure_ascii=False).encode() for text in texts]
    seen = {f"{size} texts of {chars} characters": Seen(), "one review": Seen()}
    many, one = seen.values()
    until = time.monotonic() + seconds

    async def run() -> None:
        insisting = [_insist(port, _ever([large]), many, until, 0) for _ in range(clients)]
        await asyncio.gather(*insisting, _insist(port, _ever(small), one, until, _PAUSE_S))

    started = time.perf_counter()
    asyncio.run(run())
    whole_s = time.perf_counter() - started
    print(f"\n{clients} clients with large requests, one with small ones, {whole_s:.0f} s")
    print("\n| request | answered | refused, by reason | p50 | p99 | p50 of a refusal | reviews/s |")
    print("| --- | ---: | --- | ---: | ---: | ---: | ---: |")
    for (name, made), n in zip(seen.items(), (size, 1), strict=True):
        errors = ", ".join(f"{error} {count}" for error, count in sorted(made.errors.items())) or "none"
        times = f"{_at(made.answered_s, 0.5)} | {_at(made.answered_s, 0.99)} | {_at(made.refused_s, 0.5)}"
        print(f"| {name} | {len(made.answered_s)} | {errors} | {times} | {n * len(made.answered_s) / whole_s:.1f} |")


def _ever(bodies: Sequence[bytes]) -> Iterator[bytes]:
    while True:
        yield from bodies


def _at(seconds: Sequence[float], share: float) -> str:
    return f"{sorted(seconds)[int(share * (len(seconds) - 1))]:.2f} s" if seconds else ""
