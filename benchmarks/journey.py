"""Size of the page of ``cxnlp report`` and how long it takes to make and to open, on composed scored rows.

    python benchmarks/journey.py [--rows 100000] [--browser /usr/bin/chromium]

Rows are composed by chance: texts of some 230 characters that all differ, three touchpoints at most, ratings, dates of
two years, languages and stores. Nothing in them means anything; only their number and size count. The model is not
asked for evidence (``--no-evidence``), whose cost does not grow with the file. The page is opened in a fresh browser
five times; given is the median from the call until the load event, and until the first cell's reviews are shown.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cxnlp.taxonomy import load_taxonomy

MAX_BYTES = 8_000_000
MAX_OPEN_S = 2.0
_TIMES = 5
_LANGUAGES = ("no", "da", "sv", "en")
_WORDS = (
    "pakken", "kom", "sent", "butikken", "varen", "personalet", "bestilling", "pris", "levering", "igen", "never",
    "again", "great", "service", "ventet", "telefon", "svar", "app", "virket", "ikke", "retur", "penger", "tillbaka",
    "snabb", "venlig", "dyrt", "billig", "kvalitet", "knapp", "lovely",
)  # fmt: skip


def write_scored(path: Path, n_rows: int, seed: int = 1) -> None:
    """Write a CSV file as ``cxnlp score`` does."""
    taxonomy, chance = load_taxonomy(), random.Random(seed)
    touchpoints, phases = taxonomy["touchpoints"].labels, taxonomy["phases"].labels
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([
            "id", "date", "store", "rating", "review", "cx_language", "cx_sentiment", "cx_sentiment_score",
            "cx_touchpoints", "cx_phase", "cx_phases", "cx_stage", "cx_confidence", "cx_flags",
        ])  # fmt: skip
        for i in range(n_rows):
            rating = chance.choices(range(1, 6), (3, 1, 1, 3, 6))[0]
            polarities = ("negative", "neutral", "positive")
            weights = (6 - rating, 1, rating)
            its = chance.sample(touchpoints, chance.choices(range(4), (1, 4, 3, 2))[0])
            labels = "; ".join(f"{label}:{chance.choices(polarities, weights)[0]}" for label in its)
            verdict = ("negative", "negative", "mixed", "positive", "positive")[rating - 1]
            phase = chance.choice(phases)
            text = " ".join(chance.choices(_WORDS, k=34)) + f" {i}."
            score = f"{(rating - 3) / 2.2 + chance.uniform(-0.09, 0.09):.4f}"
            day = f"{2024 + i % 2}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
            flags = "needs_review" if chance.random() < 0.1 else ""
            writer.writerow([
                i, day, f"Store {i % 12}", rating, text, chance.choice(_LANGUAGES), verdict, score, labels, phase,
                phase, "loyalty", f"{chance.uniform(0.4, 1):.4f}", flags,
            ])  # fmt: skip


def make(scored: Path, page: Path) -> tuple[float, float]:
    """Run ``cxnlp report``; give seconds of processor time and the peak of its memory in MiB."""
    command = [sys.executable, "-c", "import sys; from cxnlp.cli.main import main; sys.exit(main())", "report"]
    subprocess.run([*command, str(scored), "--output", str(page), "--no-evidence"], capture_output=True, check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def opened(page: Path, browser: str) -> tuple[float, float]:
    """Open the page; give the medians of seconds to its load event, and to the reviews of its first cell."""
    from playwright.sync_api import sync_playwright

    loads, shows = [], []
    with sync_playwright() as playwright:
        for _ in range(_TIMES):
            chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
            tab = chromium.new_page()
            started = time.perf_counter()
            tab.goto(page.resolve().as_uri(), wait_until="load")
            loads.append(time.perf_counter() - started)
            tab.locator("[data-cell]").first.click()
            tab.locator("#reviews blockquote").first.wait_for()
            shows.append(time.perf_counter() - started)
            chromium.close()
    return statistics.median(loads), statistics.median(shows)


def main() -> int:
    """Measure, print, and exit with 1 if the page is too large or too slow."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000, metavar="N")
    parser.add_argument("--browser", default=shutil.which("chromium") or "/usr/bin/chromium", metavar="FILE")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        scored, page = Path(folder) / "scored.csv", Path(folder) / "report.html"
        write_scored(scored, args.rows)
        seconds, peak = make(scored, page)
        size = page.stat().st_size
        print(
            f"{args.rows:,} rows: page of {size / 1e6:.2f} MB, made in {seconds:.1f} s of processor time, "
            f"peak {peak:.0f} MiB",
            flush=True,
        )
        load, show = opened(page, args.browser)
        print(f"opened in {load:.2f} s, first reviews after {show:.2f} s (medians of {_TIMES})")
        print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0 if size < MAX_BYTES and load < MAX_OPEN_S else 1


if __name__ == "__main__":
    sys.exit(main())
