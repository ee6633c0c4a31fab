"""Learning curves: does labelling what `cxnlp suggest` proposes teach more than labelling at random?

    python benchmarks/suggest.py data/corpus/*.jsonl --seeds 10 --json suggest.json

For each seed a pool is drawn from the training split. A few reviews of it are labelled at random; then a linear model
is trained, says how probable the labels of the others are, and more are chosen by each strategy, up to each budget. The
figures are on the development split (``--evaluate train``: on a part of the training split, to tune on).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import t
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion
from sklearn.preprocessing import normalize

from cxnlp.data import Review, hash_fraction, read_review_files, split_reviews
from cxnlp.evaluation.evaluate import scores
from cxnlp.loop.choose import Candidates, Known, Weights, choose, mean_rank
from cxnlp.loop.uncertainty import facet_uncertainty
from cxnlp.loop.vectors import TextVectors, clusters
from cxnlp.taxonomy import Cutoffs, Kind, Taxonomy, decide, default_thresholds, encode_labels, load_taxonomy
from cxnlp.text import clean

FIGURES = (
    "sentiment/accuracy",
    "sentiment/macro_f1",
    "touchpoints/micro_f1",
    "touchpoints/macro_f1",
    "phases/micro_f1",
)
SHOWN = ("sentiment/macro_f1", "touchpoints/micro_f1", "touchpoints/macro_f1")
RANDOM = "random"
_TUNING_SHARE = 0.06
Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Probs = npt.NDArray[np.float32]


@dataclass(frozen=True)
class World:
    """The reviews that pools are drawn from, those that are evaluated on, and the features of both."""

    taxonomy: Taxonomy
    reviews: Sequence[Review]
    gold: Sequence[Review]
    rows: Floats
    """(n, w) of the reviews."""
    gold_rows: Floats
    targets: Bits
    """(n, l) of the reviews."""
    points: Floats
    """(n, w) for the clusters, as `cxnlp suggest` makes them."""
    languages: npt.NDArray[np.int64]
    """(n,) of the reviews."""

    def figures(self, labelled: Ints) -> dict[str, float]:
        """Train on some reviews and compare with gold: all evaluated ones together, thresholds at one half."""
        probs = self.probabilities(labelled, self.gold_rows)
        labels = decide(self.taxonomy, probs, Cutoffs(default_thresholds(self.taxonomy)))
        found = scores(self.taxonomy, self.gold, labels)
        return {name: 100 * found[name] for name in FIGURES}

    def probabilities(self, labelled: Ints, new: Floats) -> Probs:
        """Train on some reviews; give the probabilities (m, l) of new rows (m, w)."""
        rows, targets = self.rows[labelled], self.targets[labelled]
        out = np.zeros((len(new), self.taxonomy.n_logits), np.float32)
        for facet in self.taxonomy.facets:
            where = self.taxonomy.slices[facet.name]
            if facet.kind is Kind.ONE_OF:
                model = _fit(rows, targets[:, where].argmax(axis=1), "lbfgs")
                out[:, where.start + model.classes_] = model.predict_proba(new)
                continue
            for column in range(where.start, where.stop):
                yes = targets[:, column]
                if not yes.any() or yes.all():
                    out[:, column] = (yes.sum() + 1) / (len(yes) + 2)
                else:
                    out[:, column] = _fit(rows, yes, "newton-cholesky").predict_proba(new)[:, 1]
        return out


def _fit(rows: Floats, gold: npt.NDArray[Any], solver: str) -> Any:
    # Balanced, so that one half is a fair threshold however few reviews have the label.
    return LogisticRegression(C=10, solver=solver, class_weight="balanced", max_iter=100, random_state=0).fit(
        rows, gold
    )


@dataclass(frozen=True)
class Pool:
    """What a strategy chooses from: reviews that are not labelled, and what the model says of them."""

    world: World
    left: Ints
    probs: Probs
    labelled: Ints

    @property
    def uncertainty(self) -> Floats:
        """(n, f) of each facet."""
        taxonomy = self.world.taxonomy
        found = facet_uncertainty(taxonomy, self.probs, default_thresholds(taxonomy))
        return np.stack(list(found.values()), axis=1)


Strategy = Callable[[Pool, int, int], Ints]
"""Gives as many rows of ``left`` as the budget (the second) says, with the seed (the third)."""


def at_random(pool: Pool, budget: int, seed: int) -> Ints:
    """Draw by chance."""
    return np.random.default_rng(seed).choice(len(pool.left), budget, replace=False)


def most_uncertain(pool: Pool, budget: int, seed: int) -> Ints:
    """Take those of which the model is least certain, and nothing else."""
    return np.argsort(-mean_rank(pool.uncertainty), kind="stable")[:budget]


def suggested(weights: Weights) -> Strategy:
    """Make the strategy of `cxnlp suggest`."""

    def strategy(pool: Pool, budget: int, seed: int) -> Ints:
        world, n_languages = pool.world, int(pool.world.languages.max()) + 1
        groups = clusters(world.points[pool.left], budget, seed)
        candidates = Candidates(pool.uncertainty, pool.probs.astype(np.float64), groups, world.languages[pool.left])
        known = Known(
            world.targets[pool.labelled].sum(axis=0).astype(np.float64),
            np.bincount(world.languages[pool.labelled], minlength=n_languages).astype(np.float64),
        )
        return np.array([one.row for one in choose(candidates, known, budget, weights)])

    return strategy


def make_world(taxonomy: Taxonomy, reviews: Sequence[Review], gold: Sequence[Review]) -> World:
    """Compute features once: directions of TF-IDF, which need no labels."""
    texts = [clean(review.text) for review in reviews]
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True, token_pattern=r"\w+|[^\w\s]")
    characters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 4), min_df=5, sublinear_tf=True)
    features = FeatureUnion([("words", words), ("characters", characters)])
    rows = features.fit_transform(texts)
    directions = TruncatedSVD(150, n_iter=2, random_state=0).fit(rows)
    made, gold_made = (
        normalize(directions.transform(x)) for x in (rows, features.transform([clean(r.text) for r in gold]))
    )
    names = sorted({review.lang for review in reviews})
    return World(
        taxonomy, reviews, gold, made, gold_made,
        encode_labels(taxonomy, [review.labels for review in reviews]).values > 0,
        TextVectors.of(texts).points(0),
        np.array([names.index(review.lang) for review in reviews]),
    )  # fmt: skip


def curve(world: World, strategy: Strategy, pool: Ints, budgets: Sequence[int], seed: int) -> list[dict[str, float]]:
    """Give the figures at each budget; the first is labelled at random, the same for all strategies."""
    labelled = pool[: budgets[0]]
    out = []
    for budget in budgets:
        if budget > len(labelled):
            left = np.setdiff1d(pool, labelled)
            state = Pool(world, left, world.probabilities(labelled, world.rows[left]), labelled)
            labelled = np.concatenate([labelled, left[strategy(state, budget - len(labelled), seed)]])
        found = world.figures(labelled)
        found["words"] = float(np.mean([len(world.reviews[i].text.split()) for i in labelled]))
        out.append(found)
    return out


def without_polarity(taxonomy: Taxonomy) -> Taxonomy:
    """Leave out the polarities: a linear model of a few hundred reviews does not learn them."""
    facets = tuple(facet for facet in taxonomy.facets if facet.kind is not Kind.POLARITY)
    return Taxonomy(taxonomy.name, taxonomy.version, taxonomy.languages, facets)


def plain(review: Review) -> Review:
    """Leave out the polarities of a review."""
    labels = {name: value if isinstance(value, str) else tuple(value) for name, value in review.labels.items()}
    return replace(review, labels=labels)


def read_worlds(paths: Sequence[Path], n: int, evaluate: str) -> World:
    """Read the corpus; draw the reviews that pools are drawn from, and take those that are evaluated on."""
    taxonomy = load_taxonomy()
    reviews, _ = read_review_files(paths, taxonomy)
    splits = {name: [plain(review) for review in found] for name, found in split_reviews(reviews).items()}
    train = [review for review in splits["train"] if hash_fraction(review.text) >= _TUNING_SHARE]
    tuning = [review for review in splits["train"] if hash_fraction(review.text) < _TUNING_SHARE]
    drawn = np.random.default_rng(0).choice(len(train), min(n, len(train)), replace=False)
    gold = splits["dev"] if evaluate == "dev" else tuning
    return make_world(without_polarity(taxonomy), [train[i] for i in drawn], gold)


def draw_pool(world: World, n: int, seed: int, *, skewed: bool) -> Ints:
    """Draw a pool: with the languages as they come, or in shares that halve from each to the next."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(world.reviews))
    if not skewed:
        return order[:n]
    k = int(world.languages.max()) + 1
    shares = 0.5 ** np.arange(k)
    rows = [
        order[world.languages[order] == language][: round(n * share)]
        for language, share in zip(rng.permutation(k), shares / shares.sum(), strict=True)
    ]
    return rng.permutation(np.concatenate(rows))


def half_width(values: Sequence[float]) -> float:
    """Give half the width of the 95 % interval of a mean over seeds (Student's t)."""
    n = len(values)
    return float(t.ppf(0.975, n - 1)) * float(np.std(values, ddof=1)) / n**0.5 if n > 1 else float("nan")


def table(curves: dict[str, list[list[dict[str, float]]]], budgets: Sequence[int]) -> str:
    """Lay out the figures: of random choice as they are, of the others as differences on the same seed."""
    columns = [*FIGURES, "words"]
    lines = ["| labelled | strategy | " + " | ".join(columns) + " |", "| ---: | --- |" + " ---: |" * len(columns)]
    for place, budget in enumerate(budgets):
        for name, seeds in curves.items():
            cells = []
            for figure in columns:
                values = [seed[place][figure] for seed in seeds]
                if name != RANDOM:
                    values = [a - seed[place][figure] for a, seed in zip(values, curves[RANDOM], strict=True)]
                sign = "" if name == RANDOM else "+"
                cells.append(f"{np.mean(values):{sign}.1f} ± {half_width(values):.1f}")
            if place or name == RANDOM:
                lines.append(f"| {budget} | {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(curves: dict[str, list[list[dict[str, float]]]], budgets: Sequence[int], path: Path) -> None:
    """Draw the mean curves with their intervals, one panel a figure (needs altair and vl-convert-python)."""
    import altair

    rows = []
    for name, seeds in curves.items():
        for place, budget in enumerate(budgets):
            for figure in SHOWN:
                values = [seed[place][figure] for seed in seeds]
                mean, half = float(np.mean(values)), half_width(values)
                row = {"strategy": name, "labelled reviews": budget, "figure": figure, "score": mean}
                rows.append({**row, "low": mean - half, "high": mean + half})
    x = altair.X("labelled reviews:Q", scale=altair.Scale(type="log"), axis=altair.Axis(values=list(budgets)))
    base = altair.Chart(altair.Data(values=rows)).encode(x=x, color=altair.Color("strategy:N", sort=list(curves)))
    line = base.mark_line(point=True).encode(y=altair.Y("score:Q", scale=altair.Scale(zero=False), title="F1 × 100"))
    band = base.mark_errorbar(ticks=True).encode(y=altair.Y("low:Q", title="F1 × 100"), y2="high:Q")
    panels = altair.layer(band, line).properties(width=220, height=200)
    panels.facet(altair.Facet("figure:N", sort=list(SHOWN), title=None)).resolve_scale(y="independent").save(str(path))


def main() -> None:
    """Run the simulation and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path, help="labelled JSONL files")
    parser.add_argument("--evaluate", choices=("dev", "train"), default="dev", help="train: held-out training reviews")
    parser.add_argument("--reviews", type=int, default=5000, help="training reviews that pools are drawn from")
    parser.add_argument("--pool", type=int, default=3000, help="reviews of a pool")
    parser.add_argument("--budgets", type=int, nargs="+", default=[100, 200, 400, 800])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument(
        "--skewed", action="store_true", help="a pool in which each language has half of the one before"
    )
    parser.add_argument("--weights", type=float, nargs=5, metavar="W", help="other Weights, to tune")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--svg", type=Path, metavar="FILE")
    args = parser.parse_args()
    world = read_worlds(args.data, args.reviews, args.evaluate)
    ours = suggested(Weights(*args.weights) if args.weights else Weights())
    strategies = {RANDOM: at_random, "uncertainty only": most_uncertain, "cxnlp suggest": ours}
    curves: dict[str, list[list[dict[str, float]]]] = {name: [] for name in strategies}
    for seed in range(args.seeds):
        pool = draw_pool(world, args.pool, seed, skewed=args.skewed)
        for name, strategy in strategies.items():
            curves[name].append(curve(world, strategy, pool, args.budgets, seed))
        print(f"seed {seed} done", file=sys.stderr, flush=True)
        if args.json:
            args.json.write_text(json.dumps({"budgets": args.budgets, "curves": curves}, indent=1) + "\n", "utf-8")
    print(table(curves, args.budgets))
    if args.svg:
        draw(curves, args.budgets, args.svg)


if __name__ == "__main__":
    main()
