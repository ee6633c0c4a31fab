"""Peak memory of ``cxnlp score`` on files of 20,000 and 1,000,000 rows: it must not grow with the file.

    python benchmarks/memory.py [--rows 20000 1000000] [--output csv]

The back end is a stand-in that answers at once, so that the million is a matter of minutes; reader, pipeline, journal
and writer are the real ones. Every text occurs once, which is the worst case for what is remembered of texts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[1] / "tests" / "fake_tagger.py"
ALLOWED = 1.15


def peak_mib(folder: Path, n_rows: int, kind: str) -> float:
    """Score a file of so many rows; give the peak of resident memory."""
    source = folder / "in.csv"
    with source.open("w", encoding="utf-8") as file:
        file.write("id,review,shop\n")
        file.writelines(f"{i},Varen nummer {i} kom sent og personalet var hyggelige,Oslo\n" for i in range(n_rows))
    command = [sys.executable, str(SCRIPT), "score", str(source), "-o", str(folder / f"out.{kind}")]
    started = time.perf_counter()
    done = subprocess.run(command, env=os.environ | {"CXNLP_TEST_RSS": "1"}, capture_output=True, text=True, check=True)
    elapsed = time.perf_counter() - started
    size = (folder / f"out.{kind}").stat().st_size / 2**20
    peak = int(done.stderr.rsplit("peak ", 1)[1]) / 1024
    speed = f"{elapsed:.0f} s, {n_rows / elapsed:,.0f} rows/s"
    print(f"{n_rows:>9,} rows: peak {peak:.1f} MiB, {speed}, result {size:.0f} MiB", flush=True)
    return peak


def main() -> int:
    """Measure, print, and exit with 1 if memory grows by more than 15 %."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, nargs=2, default=(20_000, 1_000_000), metavar="N")
    parser.add_argument("--output", default="csv", choices=("csv", "jsonl", "xlsx", "parquet"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        small, large = (peak_mib(Path(folder), n, args.output) for n in args.rows)
    print(f"ratio {large / small:.3f}, allowed {ALLOWED}")
    return 0 if large <= ALLOWED * small else 1


if __name__ == "__main__":
    sys.exit(main())
