"""What each reading of careful reading gives: a model's figures with and without lower case and sentences.

    python benchmarks/readings.py data/corpus
    python benchmarks/readings.py data/corpus --real labels.jsonl texts.jsonl

Reviews are those of the development split; scaling, thresholds and the rest are learnt on four fifths of them and
counted on the other, five times over. With --real also on other labels, by what all of the split teaches. Figures are
means over the languages; the text is read once, and joined by other shares.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxnlp import Tagger
from cxnlp.data import Review, read_labels_with_texts, read_review_files, split_reviews
from cxnlp.evaluation import evaluate_labels, learn_confidence
from cxnlp.inference.careful import Readings, join_readings, readings
from cxnlp.taxonomy import Cutoffs, FacetValue, Taxonomy

SHARES = ((0.0, 0.0), (1.0, 0.0), (0.0, 0.3), (1.0, 0.3), (1.0, 0.5))
FIGURES = (
    ("sentiment", "accuracy"), ("touchpoints", "micro_f1"), ("touchpoints", "polarity_f1"), ("phases", "micro_f1"),
    ("phases", "main_accuracy"),
)  # fmt: skip
_FOLDS = 5
Floats = npt.NDArray[np.float32]
Labels = dict[str, FacetValue]


def held_out(taxonomy: Taxonomy, probs: Floats, reviews: Sequence[Review]) -> list[Labels]:
    """Label each review by what the other four fifths teach."""
    found: dict[int, Labels] = {}
    fold = np.arange(len(reviews)) % _FOLDS
    for one in range(_FOLDS):
        rest, held = (np.flatnonzero(rows).tolist() for rows in (fold != one, fold == one))
        learnt = learn_confidence(taxonomy, probs[rest], [reviews[i] for i in rest])
        found |= dict(zip(held, learnt.answer(taxonomy, probs[held])[1], strict=True))
    return [found[i] for i in range(len(reviews))]


def figures(taxonomy: Taxonomy, reviews: Sequence[Review], labels: Sequence[Labels]) -> str:
    """Give the figures × 100."""
    report = evaluate_labels(taxonomy, reviews, labels, resamples=2).figures
    return " · ".join(f"{100 * report[facet][name]['mean'].value:.1f}" for facet, name in FIGURES)


def main() -> None:
    """Read, join, print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder of labelled reviews")
    parser.add_argument("--real", nargs=2, type=Path, metavar=("LABELS", "TEXTS"), help="a second set to measure on")
    parser.add_argument("--model", type=Path, help="folder of a bundle (default: the shipped one)")
    args = parser.parse_args()
    shipped = Tagger.load(args.model)
    taxonomy = shipped.taxonomy
    network = Tagger(taxonomy, shipped.tokenizer, shipped.backend, Cutoffs({}))

    def read(reviews: Sequence[Review]) -> tuple[Readings, Floats]:
        laid = readings([review.text for review in reviews])
        return laid, network.probabilities(laid.texts)

    dev = split_reviews(read_review_files(sorted(args.corpus.glob("*.jsonl")), taxonomy)[0])["dev"]
    laid, probs = read(dev)
    real = read_labels_with_texts(*args.real, taxonomy)[0] if args.real else []
    there = read(real) if real else None
    print(f"{len(laid.texts) / len(dev):.1f} texts a review\n")
    print("| lower case | sentences | development split |" + (" real |" if real else ""))
    print("| ---: | ---: | --- |" + (" --- |" if real else ""))
    for lowered, sentences in SHARES:
        joined = join_readings(taxonomy, probs, laid, lowered, sentences)
        cells = [figures(taxonomy, dev, held_out(taxonomy, joined, dev))]
        if there:
            learnt = learn_confidence(taxonomy, joined, dev)
            other = join_readings(taxonomy, there[1], there[0], lowered, sentences)
            cells.append(figures(taxonomy, real, learnt.answer(taxonomy, other)[1]))
        print(f"| {lowered:g} | {sentences:g} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
