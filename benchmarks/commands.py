"""What is measured from outside, in fresh processes: ``cxnlp score``, and the way to a first prediction."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from workers import Setup

_CLI = "import sys; from cxnlp.cli.main import main; sys.exit(main())"
_FIRST = """
import json, sys, time
begin = time.perf_counter()
import cxnlp
from cxnlp import Tagger
imported = time.perf_counter()
tagger = Tagger.load(sys.argv[1] or None, device="cpu")
loaded = time.perf_counter()
tagger.tag([sys.argv[2]], languages=sys.argv[3] == "yes")
done = time.perf_counter()
print(json.dumps({"import_s": imported - begin, "load_s": loaded - imported, "predict_s": done - loaded,
                  "clock": time.time()}))
"""
FIRST_TEXT = "Pakken kom aldri, men appen er fin"
# Enough reviews that whatever is loaded at the first use is loaded.
FEW = 16


class ScoreCommand:
    """``cxnlp score`` on a file of all reviews and on one of a few."""

    def __init__(self, setup: Setup, texts: Sequence[str], source: Path) -> None:
        self.setup = setup
        self.n_rows = len(texts)
        self.all = write_table(source, texts)
        step = max(1, len(texts) // FEW)
        few = texts[::step][:FEW]
        self.n_few = len(few)
        self.few = write_table(source.with_name("few.csv"), few)

    def seconds(self) -> tuple[float, float]:
        """Give the seconds from start to end of the process, for all reviews and for a few."""
        return self._run(self.all), self._run(self.few)

    def _run(self, source: Path) -> float:
        output = source.with_name(f"scored-{source.name}")
        output.unlink(missing_ok=True)
        model = ["--model", self.setup.model] if self.setup.model else []
        command = [sys.executable, "-c", _CLI, "score", str(source), "--output", str(output), *model]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        elapsed_s = time.perf_counter() - started
        if done.returncode or not output.exists():
            raise RuntimeError(f"cxnlp score failed with exit code {done.returncode}: {done.stderr[-300:]}")
        return elapsed_s


def write_table(path: Path, texts: Sequence[str]) -> Path:
    """Write reviews as a CSV file with an id, as a survey tool would."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "review"])
        writer.writerows([f"r{i}", text] for i, text in enumerate(texts))
    return path


def cold_start(setup: Setup) -> dict[str, float]:
    """Give seconds in fresh processes: Python alone, ``import cxnlp``, and parts of the way to a first prediction."""
    found = {"python": _whole("pass"), "import": _whole("import cxnlp")}
    for name, languages in (("first", "no"), ("first_language", "yes")):
        started = time.time()
        command = [sys.executable, "-c", _FIRST, setup.model or "", FIRST_TEXT, languages]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        record = json.loads(done.stdout)
        found[name] = record.pop("clock") - started
        found.update({f"{name}.{key}": value for key, value in record.items()})
    return found


def _whole(code: str) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - started
