"""Negative or positive, by the stars that customers gave: accuracy of a model on reviews that nobody labelled.

python benchmarks/stars.py REVIEWS.jsonl [--model BUNDLE] [--careful]

Reads ``text``, ``lang`` and ``stars`` of each line; 1 and 2 stars are negative, 4 and 5 positive, the rest is left out.
The model decides between its two labels ``negative`` and ``positive`` alone. Stars are no gold: customers contradict
them now and then, so no model reaches 100 %.
"""

from __future__ import annotations

import argparse
import json
import math
from collections import defaultdict
from pathlib import Path

from cxnlp import Tagger

LEAST = 100


def wilson(hits: int, n: int) -> tuple[float, float]:
    """Give the 95 % Wilson interval of a share."""
    z = 1.96
    middle, spread = hits / n + z * z / (2 * n), z * math.sqrt(hits * (n - hits) / n**3 + z * z / (4 * n * n))
    return (middle - spread) / (1 + z * z / n), (middle + spread) / (1 + z * z / n)


def main() -> None:
    """Score the reviews and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reviews", type=Path)
    parser.add_argument("--model", type=Path, help="folder of a bundle (default: the shipped one)")
    parser.add_argument("--careful", action="store_true", help="read each review three times")
    args = parser.parse_args()
    with args.reviews.open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file if line.strip()]
    rows = [row for row in rows if row.get("stars") in (1, 2, 4, 5) and (row.get("text") or "").strip()]
    tagger = Tagger.load(args.model, careful=args.careful)
    start = tagger.taxonomy.slices["sentiment"].start
    labels = tagger.taxonomy["sentiment"].labels
    probs = tagger.probabilities([row["text"] for row in rows])
    positive = probs[:, start + labels.index("positive")] > probs[:, start + labels.index("negative")]
    right: dict[str, list[bool]] = defaultdict(list)
    for row, says in zip(rows, positive, strict=True):
        right[row.get("lang") or "und"].append(bool(says) == (row["stars"] > 3))
    print("| language | reviews | accuracy |\n| --- | ---: | ---: |")
    for language, hits in sorted(right.items()):
        n = len(hits)
        few = "" if n >= LEAST else ", too few to say"
        accuracy, low, high = (f"{100 * share:.1f}" for share in (sum(hits) / n, *wilson(sum(hits), n)))
        print(f"| {language} | {n:,} | {accuracy} [{low}–{high}]{few} |")


if __name__ == "__main__":
    main()
