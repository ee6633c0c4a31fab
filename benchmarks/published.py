"""Write the tables of docs/benchmarks.md from results of `cxnlp benchmark`.

    python benchmarks/published.py runs/benchmark/*/results.json

The tables of a benchmark of which no results are given stay as they are. With --check nothing is written; the exit
code says whether the document is what the given results make.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxnlp.benchmark import NAMES, load_benchmark
from cxnlp.benchmark.show import baseline_rows, ours_row, table_of
from cxnlp.data.write import AtomicText

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"


def tables(results: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Give the tables of each benchmark in the results: one a part, rows of others first, the baseline, then ours."""
    out = {}
    for name in NAMES:
        own = [one for one in results if one["name"] == name]
        if not own:
            continue
        benchmark = load_benchmark(name)
        lines: list[str] = []
        for part in benchmark.files:
            baselines = [row for one in own for row in baseline_rows(one, part)][:1]
            if len(benchmark.files) > 1:
                lines += [f"**{part}**", ""]
            ours = [*baselines, *(ours_row(one, part) for one in own)]
            lines += [*table_of(benchmark.published_rows(part), ours), ""]
        out[name] = "\n".join(lines)
    return out


def filled(document: str, results: Sequence[dict[str, Any]]) -> str:
    """Put the tables between their markers, ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``."""
    for name, text in tables(results).items():
        begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
        if not -1 < document.find(begin) < document.find(end):
            raise SystemExit(f"no place for {name}: expected {begin} and {end} in the document")
        before, _, rest = document.partition(begin)
        document = f"{before}{begin}\n{text}{end}{rest.partition(end)[2]}"
    return document


def main() -> int:
    """Read results, write the document."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", nargs="*", type=Path, help="results.json of cxnlp benchmark")
    parser.add_argument("--document", type=Path, default=DOCUMENT, help="the document (default: docs/benchmarks.md)")
    parser.add_argument("--check", action="store_true", help="write nothing; exit code 1 if something would change")
    args = parser.parse_args()
    before = args.document.read_text("utf-8")
    after = filled(before, [json.loads(path.read_text("utf-8")) for path in args.results])
    if args.check:
        return int(before != after)
    with AtomicText(args.document) as file:
        file.write(after)
    print(f"{args.document}: written from {len(args.results)} results", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
