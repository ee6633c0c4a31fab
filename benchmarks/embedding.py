"""What a service pays for a Tagger: seconds to the first prediction, and memory; beside a transformers pipeline.

    python benchmarks/embedding.py [--repeats 3]

The peer is a pipeline on an encoder of the same shape in float32, with random weights, written to a folder first. Each
measurement is a fresh process, and the two take turns. Without identification of languages, which the peer has not.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from commands import FIRST_TEXT
from machine import load_average, machine

_OURS = """
from cxnlp import Tagger
tagger = Tagger.load(device="cpu")
tagger.tag([sys.argv[2]], languages=False)
"""
_PEER = """
from transformers import pipeline
pipeline("text-classification", model=sys.argv[1])([sys.argv[2]])
"""
_AROUND = """
import json, resource, sys, time
{code}
done = time.time()
with open("/proc/self/status") as file:
    kib = dict(line.split()[:2] for line in file if line.startswith("Vm"))  # ru_maxrss would hold the parent's
cpu = resource.getrusage(resource.RUSAGE_SELF)
rss, peak = (int(kib[name]) / 1024 for name in ("VmRSS:", "VmHWM:"))
print(json.dumps({{"clock": done, "cpu_s": cpu.ru_utime + cpu.ru_stime, "mib": rss, "peak_mib": peak}}))
"""
FIGURES = ("seconds", "cpu_s", "mib", "peak_mib")


def write_peer(folder: Path) -> None:
    """Write a stock classifier of the shipped encoder's shape, with its tokenizer."""
    from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedTokenizerFast

    from cxnlp.bundle import read_manifest, shipped_bundle

    settings = dict(read_manifest(shipped_bundle()).encoder)
    config = AutoConfig.for_model(settings.pop("model_type"), **settings)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(shipped_bundle() / "tokenizer.json"), pad_token="<pad>")
    tokenizer.save_pretrained(folder)


def measure(code: str, folder: Path) -> dict[str, float]:
    """Run once in a fresh process."""
    command = [sys.executable, "-W", "ignore", "-c", _AROUND.format(code=code), str(folder), FIRST_TEXT]
    started = time.time()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found | {"seconds": found["clock"] - started}


def main() -> int:
    """Measure in turns and print medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, metavar="N")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        write_peer(Path(name))
        rounds = [(measure(_OURS, Path(name)), measure(_PEER, Path(name))) for _ in range(args.repeats)]
    print(json.dumps(machine()), f"load {load_average()}")
    for figure in FIGURES:
        ours, peer = (statistics.median(pair[i][figure] for pair in rounds) for i in (0, 1))
        print(f"{figure:<9} cxnlp {ours:8.2f}   transformers pipeline {peer:8.2f}   ratio {ours / peer:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
