"""How many label errors does `cxnlp data errors` find? Labels of a sample of the corpus are made wrong on purpose.

    python benchmarks/label_errors.py data/corpus/*.jsonl --reviews 2000 --seeds 1
    python benchmarks/label_errors.py data/corpus/*.jsonl --split dev --bundle default --seeds 10

For each seed a sample is drawn from a split (for the shipped model: one that it was not trained on), and in each facet
5 % of its reviews get one wrong label: another one of a ``one_of`` facet; of an ``any_of`` facet a label taken away or
one put in, as often the one as the other; another polarity of one label. Then the likely errors are ranked. Precision
at k is the share of the first k that were made wrong, recall at k the share of those made wrong that are among the
first k. Errors that were in the corpus before count as false alarms, so precision is a lower bound.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxnlp import Tagger
from cxnlp.data import Review, read_review_files, split_reviews
from cxnlp.loop.label_errors import LabelledReview, crossed_probabilities, find_label_errors
from cxnlp.taxonomy import Facet, FacetValue, Kind, Taxonomy, load_taxonomy

Made = tuple[int, str, str, str]
"""Row, facet, the wrong label as it now stands and the right one, as `LabelError` has them."""
Probs = npt.NDArray[np.float32]
ALL = "all"
TOP = (25, 50, 100, 200)


def flip(taxonomy: Taxonomy, reviews: Sequence[Review], share: float, seed: int) -> tuple[list[Review], set[Made]]:
    """Make labels wrong in a share of the reviews, facet by facet; give the reviews and what was made wrong."""
    rng = np.random.default_rng(seed)
    out = list(reviews)
    made: set[Made] = set()
    for facet in taxonomy.facets:
        name = facet.of or facet.name
        taken = {row for row, other, *_ in made if other == facet.of}  # a polarity of a label that is wrong is no error
        able = [i for i, review in enumerate(reviews) if i not in taken and _can(facet, review.labels.get(name))]
        for row in rng.choice(able, round(share * len(able)), replace=False):
            value, given, right = _wrong(facet, taxonomy, out[row].labels[name], rng)
            out[row] = replace(out[row], labels={**out[row].labels, name: value})
            made.add((int(row), facet.name, given, right))
    return out, made


def _can(facet: Facet, value: FacetValue | None) -> bool:
    if value is None:
        return False
    return facet.of is None or (isinstance(value, dict) and any(value.values()))


def _wrong(
    facet: Facet, taxonomy: Taxonomy, value: FacetValue, rng: np.random.Generator
) -> tuple[FacetValue, str, str]:
    """Give the value with one label made wrong, that label as it then stands, and the right one."""
    if isinstance(value, str):
        other = _one([label for label in facet.labels if label != value], rng)
        return other, other, value
    if facet.kind is Kind.POLARITY:
        assert isinstance(value, dict)
        label = _one([label for label, polarity in value.items() if polarity], rng)
        other = _one([polarity for polarity in facet.labels if polarity != value[label]], rng)
        return {**value, label: other}, f"{label}:{other}", f"{label}:{value[label]}"
    present, absent = list(value), [label for label in facet.labels if label not in value]
    least = 2 if facet.main else 1
    if len(present) >= least and (not absent or rng.random() < 0.5):
        gone = _one(present, rng)
        rest = (
            {k: v for k, v in value.items() if k != gone}
            if isinstance(value, dict)
            else tuple(label for label in value if label != gone)
        )
        return rest, "", gone
    more = _one(absent, rng)
    polarity = taxonomy.polarity_of.get(facet.name)
    if isinstance(value, dict) and polarity is not None:
        return {**value, more: _one(list(polarity.labels), rng)}, more, ""
    return (*value, more), more, ""


def _one(names: Sequence[str], rng: np.random.Generator) -> str:
    return names[int(rng.integers(len(names)))]


def measure(taxonomy: Taxonomy, reviews: Sequence[Review], made: set[Made], probs: Probs) -> dict[str, list[bool]]:
    """Give, for each facet and for all together, whether each likely error was made on purpose, the likeliest first."""
    found = [LabelledReview(Path(), row, review) for row, review in enumerate(reviews)]
    errors = find_label_errors(taxonomy, found, probs)
    hits = {facet.name: [] for facet in taxonomy.facets} | {ALL: []}
    for error in errors:
        hit = (error.where.line, error.facet, error.given, error.suggested) in made
        hits[error.facet].append(hit)
        hits[ALL].append(hit)
    return hits


def table(hits: Sequence[dict[str, list[bool]]], made: Sequence[set[Made]]) -> str:
    """Lay out means over seeds: labels made wrong, labels in doubt, precision and recall at k, by facet."""
    head = ["facet", "made wrong", "in doubt", *(f"P@{k}" for k in TOP), *(f"R@{k}" for k in TOP), "recall of all"]
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    for facet in hits[0]:
        n = np.array([sum(facet in (ALL, one[1]) for one in seed) for seed in made])
        found = [np.array(seed[facet], np.bool_) for seed in hits]
        at = {k: np.array([seed[:k].sum() for seed in found]) for k in TOP}
        cells = [f"{n.mean():.0f}", f"{np.mean([len(seed) for seed in found]):.0f}"]
        cells += [f"{100 * np.mean(at[k] / k):.0f} %" for k in TOP]
        cells += [f"{100 * np.mean(at[k] / n):.0f} %" for k in TOP]
        cells.append(f"{100 * np.mean([seed.sum() for seed in found] / n):.0f} %")
        lines.append(f"| {facet} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Make labels wrong, look for them, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path, help="labelled JSONL files")
    parser.add_argument("--split", choices=("train", "dev"), default="train")
    parser.add_argument("--reviews", type=int, default=2000, help="of the sample")
    parser.add_argument("--share", type=float, default=0.05, help="of the reviews, in each facet, with a wrong label")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--bundle", help="judge by this model (default: the shipped one) instead of cross-validation")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    tagger = None if args.bundle is None else Tagger.load(None if args.bundle == "default" else args.bundle)
    taxonomy = tagger.taxonomy if tagger else load_taxonomy()
    reviews = split_reviews(read_review_files(args.data, taxonomy)[0])[args.split]
    known = tagger.probabilities([review.text for review in reviews]) if tagger else None  # of texts, whatever labels
    hits, wrong = [], []
    for seed in range(args.seeds):
        drawn = np.random.default_rng(seed).choice(len(reviews), min(args.reviews, len(reviews)), replace=False)
        flipped, made = flip(taxonomy, [reviews[i] for i in drawn], args.share, seed)
        probs = crossed_probabilities(taxonomy, flipped, seed=seed) if known is None else known[drawn]
        hits.append(measure(taxonomy, flipped, made, probs))
        wrong.append(made)
        print(f"seed {seed} done", file=sys.stderr, flush=True)
    print(table(hits, wrong))
    if args.json:
        seeds = [{"made": len(made), "hits": found} for made, found in zip(wrong, hits, strict=True)]
        args.json.write_text(json.dumps(seeds) + "\n", "utf-8")


if __name__ == "__main__":
    main()
