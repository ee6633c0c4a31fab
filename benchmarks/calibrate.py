"""What `cxnlp calibrate` wins on other reviews than those it learnt from: random halves of labelled ones.

    python benchmarks/calibrate.py labels.jsonl texts.jsonl [--draws 20] [--careful]

Each draw learns from one half and counts on the other: the model as it is, gone on from (as the command does), and
learnt anew from the half alone (--anew). Figures are of all languages together, × 100, as means over the draws; after
them the standard deviation over draws of what going on wins.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from cxnlp import Tagger
from cxnlp.data import read_labels_with_texts
from cxnlp.evaluation import Confidence, evaluate_labels, learn_confidence
from cxnlp.evaluation.confidence import learn_more
from cxnlp.taxonomy import Cutoffs

FIGURES = (
    ("sentiment", "accuracy"), ("touchpoints", "micro_f1"), ("touchpoints", "polarity_f1"), ("phases", "micro_f1"),
    ("phases", "main_accuracy"),
)  # fmt: skip


def main() -> None:
    """Score once, learn from halves, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labels", type=Path)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--model", type=Path, help="folder of a bundle (default: the shipped one)")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--careful", action="store_true", help="of careful reading")
    args = parser.parse_args()
    tagger = Tagger.load(args.model, careful=args.careful)
    taxonomy, manifest = tagger.taxonomy, tagger.manifest
    assert manifest is not None
    known = Confidence.of(manifest.carefully() if args.careful else manifest)
    reviews = read_labels_with_texts(args.labels, args.texts, taxonomy)[0]
    network = Tagger(taxonomy, tagger.tokenizer, tagger.backend, Cutoffs({}), careful=args.careful)
    raw = network.probabilities([review.text for review in reviews])
    found = []
    for seed in range(args.draws):
        order = np.random.default_rng(seed).permutation(len(reviews)).tolist()
        half, other = order[: len(order) // 2], order[len(order) // 2 :]
        some, rest = [reviews[i] for i in half], [reviews[i] for i in other]
        row = []
        for learnt in (
            known, learn_more(taxonomy, raw[half], some, known), learn_confidence(taxonomy, raw[half], some),
        ):  # fmt: skip
            figures = evaluate_labels(taxonomy, rest, learnt.answer(taxonomy, raw[other])[1], resamples=2).figures
            row.append([100 * figures[facet][name]["all"].value for facet, name in FIGURES])
        found.append(row)
    draws = np.array(found)  # (draws, models, figures)
    print("| | " + " | ".join(f"{facet}, {name}" for facet, name in FIGURES) + " |")
    print("| --- |" + " ---: |" * len(FIGURES))
    for name, values in zip(("as it is", "gone on from", "anew"), draws.mean(axis=0), strict=True):
        print(f"| {name} | " + " | ".join(f"{value:.1f}" for value in values) + " |")
    spread = (draws[:, 1] - draws[:, 0]).std(axis=0, ddof=1)
    print("| sd of the gain | " + " | ".join(f"{value:.1f}" for value in spread) + " |")


if __name__ == "__main__":
    main()
