"""How fast ``cxnlp serve`` answers on loopback, beside the plain Tagger in the same run, and whether its memory grows.

    python benchmarks/service.py --data REVIEWS.jsonl
    python benchmarks/service.py --data REVIEWS.jsonl --rounds 0 --requests 100000
    python benchmarks/service.py --data REVIEWS.jsonl --rounds 0 --overload 8

The Tagger and the service sit in processes of their own and sleep while the other is timed. In each round both score
the same reviews, the Tagger all in one call, the service in requests of some clients that each send the next one when
the last is answered. A ratio is the median of the rounds' ratios. The clients take their time from the same processor.
With --overload, clients send more than can be done and come again when they are told to: what is answered in time?
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from machine import load_average, machine
from overload import exchange, overload
from speed import sample
from workers import Setup, Worker

# Clients, and reviews in each of their requests.
LOADS = ((1, 1), (16, 1), (48, 1), (8, 16), (4, 100))
_COMMAND = "import sys; from cxnlp.cli.main import main; sys.exit(main())"
_SHORT_CHARS = 40
_STEPS = 10
ALLOWED = 1.05


class Plain:
    """The Tagger without a service."""

    def __init__(self, setup: Setup) -> None:
        from cxnlp import Tagger

        self._tagger = Tagger.load(setup.model)
        self.tag(["Bra!", "En litt lengre tekst, så alt er lastet."])

    def tag(self, texts: Sequence[str]) -> float:
        """Score texts, make JSON of the answers, and give the processor time of both."""
        started = time.process_time()
        for found in self._tagger.tag(texts):
            json.dumps(found.as_record())
        return time.process_time() - started


@dataclass(frozen=True)
class Service:
    """A running service."""

    port: int
    pid: int

    def memory_mib(self) -> float:
        """Give its resident memory."""
        return self._metric("process_resident_memory_bytes") / 2**20

    def cpu_s(self) -> float:
        """Give the processor time that it has taken."""
        return self._metric("process_cpu_seconds_total")

    def _metric(self, name: str) -> float:
        with urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as answer:
            found = re.search(rf"^{name} (\S+)$", answer.read().decode(), re.MULTILINE)
        if found is None:
            raise SystemExit("service.py: this system says nothing of memory and time of processes")
        return float(found[1])


@contextmanager
def running(model: str | None) -> Iterator[Service]:
    """Start the service on a free port; stop it at the end."""
    command = [sys.executable, "-c", _COMMAND, "serve", "--port", "0", *(["--model", model] if model else [])]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8")
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
                break
        else:
            raise SystemExit("service.py: the service did not start")
        drain = subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
        yield Service(int(found[1]), process.pid)
    finally:
        process.terminate()
        process.wait(60)
    drain.wait(60)


async def client(port: int, requests: Iterator[bytes], seconds: list[float]) -> None:
    """Send requests one after the other over one connection, until there are no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for body in requests:
        answer = await exchange(reader, writer, body)
        if answer.status != 200:
            raise SystemExit(f"service.py: an answer of {answer.status} {json.loads(answer.body)['error']}")
        seconds.append(answer.elapsed_s)
    writer.close()


def drive(port: int, bodies: Iterator[bytes], n_clients: int) -> tuple[float, list[float]]:
    """Have clients send all requests; give the seconds of the whole, and of each request."""
    seconds: list[float] = []

    async def run() -> None:
        await asyncio.gather(*(client(port, bodies, seconds) for _ in range(n_clients)))

    started = time.perf_counter()
    asyncio.run(run())
    return time.perf_counter() - started, seconds


def bodies(texts: Sequence[str], size: int) -> Iterator[bytes]:
    """Yield the bodies of requests of ``size`` reviews each."""
    for start in range(0, len(texts), size):
        reviews = [{"text": text} for text in texts[start : start + size]]
        yield json.dumps({"reviews": reviews}, ensure_ascii=False).encode()


@dataclass(frozen=True)
class Round:
    """What one round took."""

    whole_s: float
    cpu_s: float
    each_s: Sequence[float] = ()


def speed(service: Service, plain: Worker, texts: Sequence[str], rounds: int) -> None:
    """Time both in turns and print a table."""
    tagger: list[Round] = []
    taken: dict[tuple[int, int], list[Round]] = {load: [] for load in LOADS}
    for _ in range(rounds):
        tagger.append(Round(*plain.call("tag", list(texts))))
        for clients, size in LOADS:
            before = service.cpu_s()
            whole_s, each_s = drive(service.port, bodies(texts, size), clients)
            taken[clients, size].append(Round(whole_s, service.cpu_s() - before, each_s))
    n = len(texts)
    rate, cpu = n / statistics.median(r.whole_s for r in tagger), statistics.median(r.cpu_s for r in tagger) / n
    print("\n| | clients | reviews a request | reviews/s | of the Tagger's | p50 | p99 | processor time of a review |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    print(f"| Tagger, one call | | {n} | {rate:.1f} | 1 | | | {1e3 * cpu:.1f} ms |")
    for (clients, size), made in taken.items():
        ratio = statistics.median(a.whole_s / b.whole_s for a, b in zip(tagger, made, strict=True))
        each = sorted(s for r in made for s in r.each_s)
        p50, p99 = (1e3 * each[int(share * (len(each) - 1))] for share in (0.5, 0.99))
        rate, cpu = n / statistics.median(r.whole_s for r in made), statistics.median(r.cpu_s for r in made) / n
        figures = f"{rate:.1f} | {ratio:.2f} | {p50:.0f} ms | {p99:.0f} ms | {1e3 * cpu:.1f} ms"
        print(f"| service | {clients} | {size} | {figures} |")


def memory(service: Service, texts: Sequence[str], n_requests: int) -> bool:
    """Send many requests of one short review; print the memory along the way, and give whether it stayed."""
    short = [json.dumps({"reviews": [{"text": text[:_SHORT_CHARS]}]}, ensure_ascii=False).encode() for text in texts]
    print(f"\n| requests of one review of up to {_SHORT_CHARS} characters | resident memory | requests/s |")
    print("| ---: | ---: | ---: |")
    step, seen = n_requests // _STEPS, []
    for i in range(_STEPS):
        whole, _ = drive(service.port, (short[n % len(short)] for n in range(step)), 32)
        seen.append(service.memory_mib())
        print(f"| {(i + 1) * step:,} | {seen[-1]:.1f} MiB | {step / whole:.0f} |", flush=True)
    ratio = seen[-1] / seen[0]
    print(f"\nratio of the last to the first {ratio:.3f}, allowed {ALLOWED}")
    return ratio <= ALLOWED


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 if memory grew."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE.jsonl", help="reviews, a text in each line")
    parser.add_argument("--rows", type=int, default=400, help="reviews of a round (default: 400)")
    parser.add_argument("--rounds", type=int, default=3, help="0: no timing (default: 3)")
    parser.add_argument("--requests", type=int, default=0, metavar="N", help="also watch the memory over N requests")
    parser.add_argument("--model", metavar="BUNDLE", help="folder of a model (default: the shipped one)")
    group = parser.add_argument_group("overload")
    group.add_argument("--overload", type=int, default=0, metavar="N", help="clients that send large requests")
    group.add_argument("--texts", type=int, default=256, help="reviews in each of them (default: 256)")
    group.add_argument("--chars", type=int, default=1_000, help="characters in each review (default: 1000)")
    group.add_argument("--seconds", type=float, default=120, help="how long (default: 120)")
    args = parser.parse_args(argv)
    texts = sample(args.data, args.rows)
    about = machine()
    print(
        f"{about['processor']}, {about['cores']} cores; Python {about['python']}; load average {load_average()} before"
    )
    print(f"{len(texts)} reviews, {sum(map(len, texts)) / len(texts):.0f} characters on average; {args.rounds} rounds")
    flat = True
    with running(args.model) as service:
        if args.rounds:
            plain = Worker(Plain, Setup(args.model, None, ""))
            speed(service, plain, texts, args.rounds)
            plain.close()
        if args.requests:
            flat = memory(service, texts, args.requests)
        if args.overload:
            overload(service.port, texts, args.overload, args.texts, args.chars, args.seconds)
    print(f"load average {load_average()} after")
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
