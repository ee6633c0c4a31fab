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

from cxnlp.benchmark.store import Store
from cxnlp.data import Review, hash_fraction, read_labels_with_texts, read_review_files, split_reviews
from cxnlp.evaluation import Scorer, choose_cutoffs, evaluate_labels
from cxnlp.evaluation.tfidf import TfidfScorer
from cxnlp.settings import DataSettings, EncoderSettings, Recipe, TrainingSettings
from cxnlp.taxonomy import Cutoffs, Taxonomy, decide, load_taxonomy
from cxnlp.training.dataset import TrainingData
from cxnlp.training.train import prepare_trainer

SHARES = (0.125, 0.25, 0.5, 1.0)
FIGURES = (
    ("sentiment", "accuracy"), ("touchpoints", "micro_f1"), ("touchpoints", "polarity_f1"), ("phases", "micro_f1"),
)  # fmt: skip
Sets = dict[str, Sequence[Review]]


def network(
    taxonomy: Taxonomy, train: list[Review], dev: list[Review], encoder: str, epochs: float, folder: Path
) -> tuple[Scorer, Cutoffs]:
    """Train a network, with the weights of the epoch that is best on ``dev``; give it and its thresholds."""
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
    return tagger, choose_cutoffs(taxonomy, tagger.probabilities([one.text for one in dev]), dev)


def figures(scorer: Scorer, cutoffs: Cutoffs, sets: Sets) -> dict[str, dict[str, float]]:
    """Give the figures on each set, × 1, as means over the languages."""
    found = {}
    for set_name, reviews in sets.items():
        labels = decide(scorer.taxonomy, scorer.probabilities([one.text for one in reviews]), cutoffs)
        report = evaluate_labels(scorer.taxonomy, reviews, labels, resamples=2).as_json()["figures"]
        found[set_name] = {f"{facet}.{name}": report[facet][name]["mean"]["value"] for facet, name in FIGURES}
    return found


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
                linear = TfidfScorer.train(taxonomy, train, splits["dev"])
                store.write(f"tfidf-{share}", 1, figures(linear, linear.cutoffs, sets))
            if args.encoder and store.read(f"network-{share}", 1) is None:
                folder = args.output / "runs" / f"{share:g}"
                trained = network(taxonomy, train, splits["dev"], args.encoder, args.epochs, folder)
                store.write(f"network-{share}", 1, figures(*trained, sets))
            print(f"{share:g} of the training split: measured", file=sys.stderr, flush=True)
        print(table(store, list(sets), {share: len(train) for share, train in drawn.items()}))
    finally:
        store.close()


if __name__ == "__main__":
    main()
