"""How many labelled reviews a taxonomy of one's own needs: a learning curve on FABSA's twelve aspects, each judged.

    python benchmarks/few_labels.py fabsa.csv --output runs/few-labels
    python benchmarks/few_labels.py fabsa.csv --output runs/few-labels --sizes 5 20 --systems cold --cold runs/encoder

For each size, reviews are drawn from FABSA's training part until every aspect has that many ("all": all of it). A fifth
of them sets the thresholds and is not trained on, for every system alike ("all": the set's own development part). All
are measured on the whole test part. Systems: "warm" goes on from a bundle (default: the shipped model), whose facets
the taxonomy is named after; "cold" from an encoder without labelled reviews behind it (--cold); "tfidf" is TF-IDF of
words and characters with logistic regression. Each point is kept as soon as it is measured, and a command that is given
again goes on where it was. At the end, and with --table alone, the table of what there is is printed.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from cxnlp.benchmark.baseline import baseline_labels
from cxnlp.benchmark.encoder import note_encoder
from cxnlp.benchmark.flat import flat_taxonomy, flatten, nest
from cxnlp.benchmark.read import Divided, read_divided
from cxnlp.benchmark.results import summary
from cxnlp.benchmark.spec import Benchmark, load_benchmark, load_labels
from cxnlp.benchmark.store import Store
from cxnlp.data import Review
from cxnlp.evaluation import choose_cutoffs, evaluate_labels
from cxnlp.settings import DataSettings, EncoderSettings, Recipe, TrainingSettings
from cxnlp.taxonomy import Taxonomy, decide
from cxnlp.taxonomy.load import parse_taxonomy
from cxnlp.training.dataset import TrainingData
from cxnlp.training.train import prepare_trainer

SYSTEMS = ("warm", "tfidf", "cold")
SIZES = ("5", "10", "20", "50", "all")
# Passes over the reviews: some hundred steps where there are few.
EPOCHS = {"5": 30.0, "10": 20.0, "20": 14.0, "50": 8.0, "all": 2.0}
TITLES = {"warm": "warm start", "tfidf": "TF-IDF, logistic regression", "cold": "cold encoder"}


@dataclass(frozen=True)
class Drawn:
    """Labelled reviews of one size and seed, with labels of the flat taxonomy."""

    train: list[Review]
    dev: list[Review]


def like_default(taxonomy: Taxonomy) -> Taxonomy:
    """Name the facets as the default taxonomy does, as a file of ``cxnlp taxonomy new`` has them."""
    source = taxonomy.source.replace("facets.aspects", "facets.touchpoints").replace('"aspects"', '"touchpoints"')
    return parse_taxonomy(source.replace("facets.aspect_polarity", "facets.polarity"), "fabsa")


def draw(divided: Divided, facet: str, labels: Sequence[str], size: str, seed: int) -> Drawn:
    """Draw reviews until every label has ``size`` of them; a label that has fewer has all that there are."""
    if size == "all":
        return Drawn(divided.train, divided.dev)
    order = list(divided.train)
    random.Random(seed).shuffle(order)
    having = {label: [review for review in order if label in review.labels[facet]] for label in labels}
    counts = Counter[str]()
    drawn: dict[str, Review] = {}
    for label in sorted(labels, key=lambda one: len(having[one])):  # the rarest first: they bring others along
        for review in having[label]:
            if counts[label] >= int(size):
                break
            if review.id not in drawn:
                drawn[review.id] = review
                counts.update(review.labels[facet])
    chosen = list(drawn.values())
    random.Random(seed).shuffle(chosen)
    n_dev = max(1, len(chosen) // 5)
    return Drawn(chosen[n_dev:], chosen[:n_dev])


def recipe_of(source: str, size: str, seed: int) -> Recipe:
    """Give the settings of the network: word vectors frozen, fixed epochs, the averaged weights."""
    encoder = EncoderSettings(source, max_tokens=192, freeze_embeddings=True)
    training = TrainingSettings(
        epochs=EPOCHS[size], batch_size=16, learning_rate=1e-4, head_learning_rate=1e-3, token_dropout=0.0,
        averaging=0.2, loss_weights={"polarity": 1.5},
    )  # fmt: skip
    return Recipe("few-labels", encoder, (DataSettings("drawn", paths=("in memory",)),), seed=seed, training=training)


def network_labels(
    taxonomy: Taxonomy, drawn: Drawn, test: Sequence[Review], recipe: Recipe, folder: Path
) -> list[dict[str, Any]]:
    """Train for the recipe's epochs, set thresholds on ``drawn.dev``, and label ``test``."""
    from transformers import EarlyStoppingCallback
    from transformers.trainer_utils import IntervalStrategy, SaveStrategy

    train, dev = ([replace(r, labels=nest(taxonomy, r.labels)) for r in part] for part in (drawn.train, drawn.dev))
    trainer = prepare_trainer(recipe, taxonomy, TrainingData(train, dev, dev, []), folder)
    if trainer.warm:
        print(trainer.warm.message(), file=sys.stderr)
    # A handful of reviews cannot choose an epoch: the number is fixed, and nothing is kept along the way.
    trainer.remove_callback(EarlyStoppingCallback)
    trainer.args.load_best_model_at_end = False
    trainer.args.save_strategy, trainer.args.eval_strategy = SaveStrategy.NO, IntervalStrategy.NO
    trainer.train()
    tagger = trainer.tagger()
    cutoffs = choose_cutoffs(taxonomy, tagger.probabilities([review.text for review in dev]), dev)
    probs = tagger.probabilities([review.text for review in test])
    return [flatten(taxonomy, labels) for labels in decide(taxonomy, probs, cutoffs)]


def figures_of(benchmark: Benchmark, flat: Taxonomy, test: Sequence[Review], found: Sequence[Any]) -> dict[str, float]:
    """Give the benchmark's figures, × 1."""
    report = evaluate_labels(flat, test, found, resamples=2).as_json()["figures"]
    facet = flat.facets[0].name
    return {
        one.title: report[facet + one.facet.removeprefix("aspects")][one.figure]["all"]["value"]
        for one in benchmark.figures
    }


def measure(
    system: str, size: str, seed: int, source: str, benchmark: Benchmark, taxonomy: Taxonomy, divided: Divided,
    folder: Path,
) -> dict[str, Any]:  # fmt: skip
    """Measure one point of the curve."""
    started_s = time.monotonic()
    flat = flat_taxonomy(taxonomy)
    facet = taxonomy.answers[0]
    drawn = draw(divided, facet.name, facet.labels, size, seed)
    if system == "tfidf":
        found = baseline_labels(flat, drawn.train, drawn.dev, divided.test)
    else:
        found = network_labels(taxonomy, drawn, divided.test, recipe_of(source, size, seed), folder)
    return {
        "reviews": len(drawn.train) + len(drawn.dev),
        "seconds": round(time.monotonic() - started_s, 1),
        "figures": figures_of(benchmark, flat, divided.test, found),
    }


def table(store: Store, benchmark: Benchmark, seeds: Sequence[int]) -> str:
    """Lay out what has been measured: mean ± standard deviation over the seeds, × 100."""
    titles = [figure.title for figure in benchmark.figures]
    lines = [f"| a label | reviews | system | draws | {' | '.join(titles)} |"]
    lines.append("| --- | ---: | --- | ---: |" + " ---: |" * len(titles))
    for size in SIZES:
        for system in SYSTEMS:
            points = [point for seed in seeds if (point := store.read(f"{system}-{size}", seed))]
            if points:
                cells = [_cell([point["figures"][title] for point in points]) for title in titles]
                reviews = round(mean(point["reviews"] for point in points))
                lines.append(f"| {size} | {reviews:,} | {TITLES[system]} | {len(points)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    found = summary(values)
    spread = f" ± {100 * found['sd']:.1f}" if found["sd"] is not None else ""
    return f"{100 * (found['mean'] or 0):.1f}{spread}"


def main() -> None:
    """Measure what is asked for and not measured yet, then print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, metavar="fabsa.csv")
    parser.add_argument("--output", type=Path, default=Path("runs/few-labels"), help="folder of the points")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=SIZES)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=SYSTEMS[:2])
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--warm", default="default", help="bundle to go on from (default: the shipped model)")
    parser.add_argument("--cold", help="encoder to begin with, for the system cold")
    parser.add_argument("--table", action="store_true", help="measure nothing, print the table")
    args = parser.parse_args()
    if "cold" in args.systems and not args.cold and not args.table:
        parser.error("--systems cold needs --cold ENCODER")
    benchmark = load_benchmark("fabsa")
    taxonomy = like_default(load_labels(benchmark))
    divided = read_divided(benchmark, taxonomy, args.data, "en")
    warm = note_encoder(args.warm)
    store = Store(args.output, {"warm": warm.name, "digest": warm.digest, "test": len(divided.test)})
    try:
        for size in args.sizes if not args.table else ():
            for seed in args.seeds:
                for system in args.systems:
                    source = args.cold if system == "cold" else warm.source
                    if store.read(f"{system}-{size}", seed) is None:
                        folder = args.output / "runs" / f"{system}-{size}-{seed}"
                        point = measure(system, size, seed, source, benchmark, taxonomy, divided, folder)
                        store.write(f"{system}-{size}", seed, point)
                        print(f"{system}, {size} a label, seed {seed}: {point}", file=sys.stderr, flush=True)
        print(table(store, benchmark, args.seeds))
    finally:
        store.close()


if __name__ == "__main__":
    main()
