"""Precision and recall of masking personal data, per kind, on the cases in tests/data/personal.jsonl.

A find counts only if its kind, start and end are right. ``first`` are the cases that the rules were made with, ``held``
those that were written afterwards.

    python benchmarks/personal.py [CASES.jsonl]
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from cxnlp.text.personal import KINDS, find_personal

CASES = Path(__file__).resolve().parents[1] / "tests" / "data" / "personal.jsonl"


def main() -> None:
    """Print one table for each part."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else CASES
    cases = [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    for part in dict.fromkeys(case["part"] for case in cases):
        chosen = [case for case in cases if case["part"] == part]
        traps = sum(not case["spans"] for case in chosen)
        print(f"{part}: {len(chosen)} cases, {traps} of them traps")
        print(f"{'':<12}{'right':>7}{'missed':>8}{'wrong':>7}{'recall':>8}{'precision':>11}")
        right, missed, wrong = Counter[str](), Counter[str](), Counter[str]()
        for case in chosen:
            gold = {(start, end, kind) for start, end, kind in case["spans"]}
            found = {(span.start, span.end, span.kind) for span in find_personal(case["text"])}
            for counter, spans in ((right, gold & found), (missed, gold - found), (wrong, found - gold)):
                counter.update(key for _, _, kind in spans for key in (kind, "all"))
        for kind in (*KINDS, "all"):
            r, m, w = right[kind], missed[kind], wrong[kind]
            recall = f"{r / (r + m):.3f}" if r + m else "–"
            precision = f"{r / (r + w):.3f}" if r + w else "–"
            print(f"{kind:<12}{r:>7}{m:>8}{w:>7}{recall:>8}{precision:>11}")
        print()


if __name__ == "__main__":
    main()
