"""Train and measure on a public data set, once for each seed, and keep each outcome as it comes."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cxnlp.benchmark.baseline import NAME, baseline_labels
from cxnlp.benchmark.encoder import note_encoder
from cxnlp.benchmark.flat import Labels, flat_taxonomy, flatten, nest
from cxnlp.benchmark.read import Divided, read_divided
from cxnlp.benchmark.results import gather
from cxnlp.benchmark.show import show_results
from cxnlp.benchmark.spec import Benchmark, load_benchmark, load_labels
from cxnlp.benchmark.store import BASELINE, Store
from cxnlp.data import Review
from cxnlp.data.fingerprint import fingerprint
from cxnlp.errors import SettingsError
from cxnlp.evaluation import choose_cutoffs, evaluate_labels
from cxnlp.settings import DataSettings, Recipe, as_table
from cxnlp.taxonomy import Taxonomy, decide
from cxnlp.training.dataset import TrainingData
from cxnlp.training.train import prepare_trainer, train_network
from cxnlp.version import __version__

Say = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What a user may set otherwise than the benchmark does; None leaves it."""

    encoder: str | None = None
    seeds: int | None = None
    epochs: float | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    max_tokens: int | None = None
    freeze_embeddings: bool = False
    baseline: bool = False

    def apply(self, benchmark: Benchmark) -> Benchmark:
        """Give the benchmark with these put in.

        Raises:
            SettingsError: a value is out of range.
        """
        given = {name: getattr(self, name) for name in ("epochs", "learning_rate", "batch_size")}
        encoder = replace(
            benchmark.encoder,
            source=self.encoder or benchmark.encoder.source,
            freeze_embeddings=self.freeze_embeddings or benchmark.encoder.freeze_embeddings,
        )
        try:
            if self.max_tokens is not None:
                encoder = replace(encoder, max_tokens=self.max_tokens)
            training = replace(benchmark.training, **{k: v for k, v in given.items() if v is not None})
        except ValueError as error:
            raise SettingsError(str(error)) from error
        seeds = benchmark.seeds if self.seeds is None else self.seeds
        if seeds < 1:
            raise SettingsError(f"seeds: is {seeds}, expected at least 1")
        return replace(benchmark, encoder=encoder, training=training, seeds=seeds)


def run_benchmark(name: str, data: Path, output: Path, options: Options, say: Say = lambda line: None) -> str:
    """Train on every part of a benchmark with every seed, measure on its test part, and give the tables as Markdown.

    What an earlier, interrupted run of the same settings has done is kept and not done again. ``output`` takes
    ``results.json``, ``results.md`` and one file for each seed; ``say`` is told what has been done.

    Raises:
        CxnlpError: data, encoder or settings cannot be used, or ``output`` holds results of other ones.
    """
    benchmark = options.apply(load_benchmark(name))
    taxonomy = load_labels(benchmark)
    divided = {part: read_divided(benchmark, taxonomy, data, part) for part in benchmark.files}
    encoder = note_encoder(benchmark.encoder.source)
    settings = {
        "benchmark": name,
        "cxnlp": __version__,
        "encoder": {**as_table(benchmark.encoder), "source": encoder.name, "digest": encoder.digest},
        "training": as_table(benchmark.training),
        "data": {part: _fingerprint(one) for part, one in divided.items()},
    }
    benchmark = replace(benchmark, encoder=replace(benchmark.encoder, source=encoder.source))
    if known := encoder.knows(name):
        say(f"encoder {encoder.name}: has learnt from {known:,} reviews of {name} before")
    store = Store(output, settings)
    try:
        for part, one in divided.items():
            _run_part(name, benchmark, taxonomy, part, one, options.baseline, store, say)
        results = gather(name, benchmark, encoder, divided, store, settings)
        text = show_results(results)
        store.finish(results, text)
    finally:
        store.close()
    return text


def _run_part(
    name: str,
    benchmark: Benchmark,
    taxonomy: Taxonomy,
    part: str,
    divided: Divided,
    baseline: bool,
    store: Store,
    say: Say,
) -> None:
    flat = flat_taxonomy(taxonomy)
    sizes = f"{len(divided.train):,} train, {len(divided.dev):,} dev, {len(divided.test):,} test"
    say(f"{name} {part}: {sizes}; {divided.left_out['train']:,} training reviews left out, whose text is held out")
    for seed in range(1, benchmark.seeds + 1):
        if outcome := store.read(part, seed):
            before = " (done before)"
        else:
            before = ""
            outcome = _run_seed(name, benchmark, taxonomy, part, divided, seed, store)
            store.write(part, seed, outcome)
        # Some gigabytes for large encoders, and of no more use: the figures are kept.
        shutil.rmtree(store.run_folder(part, seed) / "checkpoints", ignore_errors=True)
        say(f"{part}, seed {seed} of {benchmark.seeds}: {_shown(outcome['figures'])}{before}")
    if baseline and store.read(part, BASELINE) is None:
        started_s = time.monotonic()
        found = baseline_labels(flat, divided.train, divided.dev, divided.test)
        figures = _figures(benchmark, flat, divided.test, found)
        store.write(part, BASELINE, {"seconds": round(time.monotonic() - started_s, 1), "figures": figures})
        say(f"{part}, {NAME}: {_shown(figures)}")


def _run_seed(
    name: str, benchmark: Benchmark, taxonomy: Taxonomy, part: str, divided: Divided, seed: int, store: Store
) -> dict[str, Any]:
    """Train once; the best epoch and the thresholds are chosen on the development part alone."""
    started_s = time.monotonic()
    folder = store.run_folder(part, seed)
    in_memory = DataSettings(name, paths=("in memory",))
    recipe = Recipe(name, benchmark.encoder, (in_memory,), seed=seed, training=benchmark.training)
    train, dev = ([_nested(taxonomy, review) for review in reviews] for reviews in (divided.train, divided.dev))
    trainer = prepare_trainer(recipe, taxonomy, TrainingData(train, dev, dev, []), folder)
    store.claim()
    train_network(trainer, folder, resume=True)  # of a seed that was cut short, its whole epochs are kept
    tagger = trainer.tagger()
    cutoffs = choose_cutoffs(taxonomy, tagger.probabilities([review.text for review in dev]), dev)
    probs = tagger.probabilities([review.text for review in divided.test])
    found = [flatten(taxonomy, labels) for labels in decide(taxonomy, probs, cutoffs)]
    best = trainer.state.best_metric
    return {
        "seed": seed,
        "seconds": round(time.monotonic() - started_s, 1),
        "steps": trainer.state.global_step,
        "dev": {benchmark.training.metric: None if best is None else round(float(best), 6)},
        "figures": _figures(benchmark, flat_taxonomy(taxonomy), divided.test, found),
    }


def _nested(taxonomy: Taxonomy, review: Review) -> Review:
    return replace(review, labels=nest(taxonomy, review.labels))


def _figures(
    benchmark: Benchmark, flat: Taxonomy, test: Sequence[Review], found: Sequence[Labels]
) -> dict[str, dict[str, float]]:
    """Give every figure of the benchmark with its bootstrap interval over the test reviews."""
    report = evaluate_labels(flat, test, found).as_json()["figures"]
    out = {}
    for figure in benchmark.figures:
        estimate = report[figure.facet][figure.figure]["all"]
        out[figure.title] = {key: estimate[key] for key in ("value", "low", "high")}
    return out


def _shown(figures: Mapping[str, Mapping[str, float]]) -> str:
    return ", ".join(f"{title} {100 * one['value']:.1f}" for title, one in figures.items())


def _fingerprint(divided: Divided) -> dict[str, Any]:
    parts = {"train": divided.train, "dev": divided.dev, "test": divided.test}
    return {name: f"{len(reviews)} {fingerprint(reviews)[:16]}" for name, reviews in parts.items()}
