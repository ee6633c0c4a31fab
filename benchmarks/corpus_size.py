"""Is more of the corpus worth writing? What a model learns from an eighth, a quarter, half and all of it.

    python benchmarks/corpus_size.py data/corpus --output runs/corpus-size
    python benchmarks/corpus_size.py data/corpus --output runs/corpus-size --real labels.jsonl texts.jsonl
    python benchmarks/corpus_size.py data/corpus --output runs/corpus-size --encoder runs/encoder --epochs 3

Each share is drawn from the training split, by the hash of the text, and holds the smaller ones; thresholds are set on
the development split of all. Figures are on that split (so a little too good by the thresholds, alike for every share)
and, with --real, on labels and texts of another kind. Models: TF-IDF of words and characters with logistic regression;
with --encoder a network that begins with it, word vectors frozen, for the same number of epochs whatever the share.
Each point is kept as soon as it is measured, and a command that is given again goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxnlp.benchmark.store import Store
from cxnlp.data import Review, hash_fraction, read_labels_with_texts, read_review_files, split_reviews
from cxnlp.evaluation import choose_thresholds, evaluate_labels
from cxnlp.evaluation.tfidf import TfidfScorer
from cxnlp.settings import DataSettings, EncoderSettings, Recipe, TrainingSettings
from cxnlp.taxonomy import Taxonomy, decide, load_taxonomy
from cxnlp.training.dataset import TrainingData
from cxnlp.training.train import prepare_trainer

SHARES = (0.125, 0.25, 0.5, 1.0)
FIGURES = (
    ("sentiment", "accuracy"), ("touchpoints", "micro_f1"), ("touchpoints", "polarity_f1"), ("phases", "micro_f1"),
)  # fmt: skip
Sets = dict[str, Sequence[Review]]


def tfidf(taxonomy: Taxonomy, train: list[Review], dev: list[Review], sets: Sets) -> dict[str, Any]:
    """Train the linear model; give its figures on each set."""
    scorer = TfidfScorer.train(taxonomy, train, dev)
    return {
        name: figures(taxonomy, reviews, scorer.probabilities([one.text for one in reviews]), scorer.thresholds)
        for name, reviews in sets.items()
    }


def network(
    taxonomy: Taxonomy, train: list[Review], dev: list[Review], sets: Sets, encoder: str, epochs: float, folder: Path
) -> dict[str, Any]:
    """Train a network; give its figures on each set, with the weights of the epoch that is best on ``dev``."""
    recipe = Recipe(
        "corpus-size", EncoderSettings(encoder, max_tokens=192, freeze_embeddings=True),
        (DataSettings("share", paths=("in memory",)),),
        training=TrainingSettings(
            epochs=epochs, batch_size=24, learning_rate=1e-4, head_learning_rate=3e-4,
            loss_weights={"sentiment": 1.5, "polarity": 1.5},
        ),
    )  # fmt: skip
    trainer = prepare_trainer(recipe, taxonomy, TrainingData(train, dev, dev, []), folder)
    trainer.train()
    tagger = trainer.tagger()
    thresholds = choose_thresholds(taxonomy, tagger.probabilities([one.text for one in dev]), dev)
    return {
        name: figures(taxonomy, reviews, tagger.probabilities([one.text for one in reviews]), thresholds)
        for name, reviews in sets.items()
    }


def figures(taxonomy: Taxonomy, reviews: Sequence[Review], probs: Any, thresholds: Any) -> dict[str, float]:
    """Give the figures, × 1, as means over the languages."""
    report = evaluate_labels(taxonomy, reviews, decide(taxonomy, probs, thresholds), resamples=2).as_json()["figures"]
    return {f"{facet}.{name}": report[facet][name]["mean"]["value"] for facet, name in FIGURES}


def table(store: Store, names: Sequence[str], counts: dict[float, int]) -> str:
    """Lay out what is measured, × 100, in Markdown."""
    lines = ["| model | share | reviews | " + " | ".join(names) + " |", "| --- | ---: | ---: |" + " --- |" * len(names)]
    for system in ("tfidf", "network"):
        for share, count in counts.items():
            if (point := store.read(f"{system}-{share}", 1)) is not None:
                cells = [" · ".join(f"{100 * value:.1f}" for value in point.get(name, {}).values()) for name in names]
                lines.append(f"| {system} | {share:g} | {count:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path, help="folder of labelled reviews")
    parser.add_argument("--output", type=Path, default=Path("runs/corpus-size"), help="folder of the points")
    parser.add_argument("--shares", nargs="+", type=float, default=list(SHARES))
    parser.add_argument("--real", nargs=2, type=Path, metavar=("LABELS", "TEXTS"), help="a second set to measure on")
    parser.add_argument("--encoder", help="train a network too, from this encoder")
    parser.add_argument("--epochs", type=float, default=3.0)
    args = parser.parse_args()
    taxonomy = load_taxonomy()
    reviews, _ = read_review_files(sorted(args.corpus.glob("*.jsonl")), taxonomy)
    splits = split_reviews(reviews)
    sets: Sets = {"development split": splits["dev"]}
    if args.real:
        sets["real"] = read_labels_with_texts(*args.real, taxonomy)[0]
    drawn = {
        share: [one for one in splits["train"] if hash_fraction(one.text) < share] for share in sorted(args.shares)
    }
    settings = {"corpus": len(reviews), "sets": list(sets), "encoder": args.encoder or "", "epochs": args.epochs}
    store = Store(args.output, settings)
    try:
        for share, train in drawn.items():
            if store.read(f"tfidf-{share}", 1) is None:
                store.write(f"tfidf-{share}", 1, tfidf(taxonomy, train, splits["dev"], sets))
            if args.encoder and store.read(f"network-{share}", 1) is None:
                folder = args.output / "runs" / f"{share:g}"
                found = network(taxonomy, train, splits["dev"], sets, args.encoder, args.epochs, folder)
                store.write(f"network-{share}", 1, found)
            print(f"{share:g} of the training split: measured", file=sys.stderr, flush=True)
        print(table(store, list(sets), {share: len(train) for share, train in drawn.items()}))
    finally:
        store.close()


if __name__ == "__main__":
    main()
