"""How fast cxnlp scores reviews, beside peers that run the same encoder: one command, one run, the same reviews.

    python benchmarks/speed.py --data REVIEWS.jsonl --write docs/performance.md --json speed.json

Every engine sits in a process of its own and sleeps while another is timed. All take their turn in every round, the
first of one round being the last of the next, so that what else the machine does falls on all of them. Peers that are
not installed (``benchmarks/requirements.txt``) are left out, with the reason. No network is used.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import tables
from commands import ScoreCommand, cold_start, write_table
from engines import CONTESTANTS, Contestant, open_peak
from machine import load_average, machine
from stages import PARTS, SOURCE, open_stages
from workers import EngineEnded, Setup, Worker

SECTIONS = ("score", "stages", "cold", "latency", "lengths", "peak")
LENGTHS = (8, 16, 32, 64, 128, 256, 512)
_LENGTH_TOKENS = 4_096
_LENGTH_ROUNDS = 3
_LATENCY_TEXTS = 100
_WARM_UP_TEXTS = 64
_MIN_COLD_STARTS = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, and write the tables."""
    args = _parser().parse_args(argv)
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", ORT_DISABLE_TELEMETRY="1")
    only = set(args.only.split(",")) if args.only else set()
    if unknown := only - {*SECTIONS, *(c.key for c in CONTESTANTS)}:
        known = ", ".join([*(c.key for c in CONTESTANTS), *SECTIONS])
        print(f"speed.py: --only: unknown {', '.join(sorted(unknown))}; expected some of {known}", file=sys.stderr)
        return 2
    if args.write and not tables.has_markers(args.write.read_text("utf-8")):
        # Refused now, and not after half an hour.
        print(f"speed.py: {args.write}: no lines {tables.BEGIN} and {tables.END} to write between", file=sys.stderr)
        return 2
    texts = sample(args.data, args.rows)
    with tempfile.TemporaryDirectory() as work:
        setup = Setup(args.model, args.encoder, work)
        write_table(Path(work) / SOURCE, texts)
        results = measure(setup, texts, args.repeats, only)
    results["command"] = f"python benchmarks/speed.py --data REVIEWS.jsonl --rows {args.rows} --repeats {args.repeats}"
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    report = tables.report(results)
    print(report)
    if args.write:
        args.write.write_text(tables.between_markers(args.write.read_text("utf-8"), report), "utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, metavar="FILE.jsonl", help="reviews, a text in each line")
    parser.add_argument("--rows", type=int, default=1000, help="reviews to take, spread over the file (default: 1000)")
    parser.add_argument("--repeats", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument(
        "--only",
        metavar="NAME,NAME",
        help="these engines and sections only, such as onnx,torch,cold; a wrong one lists all",
    )
    parser.add_argument("--model", metavar="BUNDLE", help="folder of a model (default: the shipped one)")
    parser.add_argument("--encoder", metavar="FOLDER", help="encoder of the pipeline (default: that of the model)")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="put the tables between the markers of this file")
    parser.add_argument("--json", type=Path, metavar="FILE.json", help="write every single figure")
    return parser


def sample(path: Path, n_rows: int) -> list[str]:
    """Take ``n_rows`` different texts, evenly spread over a JSONL file."""
    with path.open(encoding="utf-8") as file:
        found = (json.loads(line).get("text") for line in file if line.strip())
        texts = list(dict.fromkeys(text for text in found if isinstance(text, str) and text.strip()))
    n = min(n_rows, len(texts))
    return [texts[i * len(texts) // n] for i in range(n)]


def measure(setup: Setup, texts: list[str], repeats: int, only: set[str]) -> dict[str, Any]:
    """Open the engines, run the rounds and give every figure."""
    results: dict[str, Any] = {
        "date": time.strftime("%Y-%m-%d"),
        "machine": machine(),
        "load_before": load_average(),
        "rows": len(texts),
        "characters": sum(map(len, texts)),
        "repeats": repeats,
        "titles": {c.key: c.title for c in CONTESTANTS},
        "left_out": {},
    }
    with ExitStack() as stack:

        def opened(name: str, opener: Callable[[Setup], object]) -> Worker | None:
            _say(f"opening {name}")
            worker = Worker(opener, setup)
            stack.callback(worker.close)
            if worker.refusal:
                results["left_out"][name] = worker.refusal
            return None if worker.refusal else worker

        found = [(c, opened(c.key, c.open)) for c in CONTESTANTS if not only or c.key in only]
        engines = [(contestant, worker) for contestant, worker in found if worker]
        wanted = set(SECTIONS) & only if only else set(SECTIONS)
        stages = opened("stages", open_stages) if wanted & {"stages", "lengths", "peak"} else None
        peak = opened("peak", open_peak) if "peak" in wanted else None
        command = ScoreCommand(setup, texts, Path(setup.work) / "score.csv") if "score" in wanted else None
        _rounds(results, engines, stages if "stages" in wanted else None, peak, command, texts, repeats)
        if stages:
            results["work"] = stages.call("work")[1]
        if "latency" in wanted:
            results["latency"] = _latency(results, engines, texts, repeats)
        if "lengths" in wanted and stages:
            results["lengths"] = _lengths(results, engines, stages, repeats)
    if "cold" in wanted:
        results["cold"] = _cold(setup, max(repeats, _MIN_COLD_STARTS if not only else 1))
    results["load_after"] = load_average()
    return results


def _rounds(
    results: dict[str, Any],
    engines: list[tuple[Contestant, Worker]],
    stages: Worker | None,
    peak: Worker | None,
    command: ScoreCommand | None,
    texts: list[str],
    repeats: int,
) -> None:
    """Time everything once in each round, in an order that turns."""
    turns: list[tuple[str, Callable[[], Any]]] = []
    for contestant, worker in engines:
        if contestant.has_rate:
            with _surviving(results, contestant.key):
                worker.call("score", texts[:: max(1, len(texts) // _WARM_UP_TEXTS)])
            turns.append((contestant.key, _scoring(worker, texts)))
    if command:
        command.seconds()  # brings the files of the package into memory
        turns.append(("score", command.seconds))
        results["score_rows"] = [command.n_rows, command.n_few]
    if stages:
        turns += [(f"stages.{part}", _calling(stages, part)) for part in PARTS]
    if peak:
        turns.append(("peak", lambda: peak.call("rates")[1]))
    figures: dict[str, list[Any]] = {name: [] for name, _ in turns}
    for number in range(repeats):
        start = number * len(turns) // max(1, repeats)
        for name, turn in turns[start:] + turns[:start]:
            _say(f"round {number + 1} of {repeats}: {name}")
            with _surviving(results, name):
                if name not in results["left_out"]:
                    figures[name].append(turn())
    results["rounds"] = {name: values for name, values in figures.items() if name not in results["left_out"]}


@contextmanager
def _surviving(results: dict[str, Any], name: str) -> Iterator[None]:
    """Leave out an engine whose process ended, and go on with the others."""
    try:
        yield
    except EngineEnded as ended:
        _say(f"{name}: {ended}")
        results["left_out"][name] = str(ended)


def _scoring(worker: Worker, texts: list[str]) -> Callable[[], float]:
    return lambda: worker.call("score", texts)[0]


def _calling(worker: Worker, method: str) -> Callable[[], float]:
    return lambda: worker.call(method)[0]


Engines = list[tuple[Contestant, Worker]]


def _latency(results: dict[str, Any], engines: Engines, texts: list[str], repeats: int) -> dict[str, list[float]]:
    """Give the seconds of single reviews, other ones in each round."""
    found: dict[str, list[float]] = {}
    for number in range(repeats):
        some = texts[number :: max(1, len(texts) // _LATENCY_TEXTS)][:_LATENCY_TEXTS]
        for contestant, worker in engines:
            if contestant.has_latency and contestant.key not in results["left_out"]:
                _say(f"latency, round {number + 1} of {repeats}: {contestant.key}")
                with _surviving(results, contestant.key):
                    worker.each(some[:3])
                    found.setdefault(contestant.key, []).extend(worker.each(some))
    return found


def _lengths(results: dict[str, Any], engines: Engines, stages: Worker, repeats: int) -> dict[str, Any]:
    """Give tokens per second of each engine, for texts of each length."""
    found: dict[str, dict[str, list[float]]] = {}
    for tokens in LENGTHS:
        texts, total = stages.call("texts_of", tokens, max(4, _LENGTH_TOKENS // tokens))[1]
        for number in range(min(repeats, _LENGTH_ROUNDS)):
            for contestant, worker in engines:
                if contestant.has_rate and contestant.key not in results["left_out"]:
                    _say(f"{tokens} tokens, round {number + 1}: {contestant.key}")
                    with _surviving(results, contestant.key):
                        rate = total / worker.call("score", texts)[0]
                        found.setdefault(contestant.key, {}).setdefault(str(tokens), []).append(rate)
    return found


def _cold(setup: Setup, repeats: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    cold_start(setup)  # brings the files into memory: what is measured is a start, not a disk
    for number in range(repeats):
        _say(f"cold start {number + 1} of {repeats}")
        for name, value in cold_start(setup).items():
            found.setdefault(name, []).append(value)
    return found


def _say(what: str) -> None:
    print(f"speed.py: {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
