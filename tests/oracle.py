"""Labelled reviews made up, a fake model that knows their labels, and files of them."""

from __future__ import annotations

import argparse
import json
import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxnlp.cli import evaluate as command
from cxnlp.data import Review
from cxnlp.taxonomy import Cutoffs, Taxonomy, default_thresholds, encode_labels, load_taxonomy

TAXONOMY = load_taxonomy()
SENTIMENTS = TAXONOMY["sentiment"].labels


def gold_reviews(n: int, seed: int = 0, languages: Sequence[str] = ("no", "da", "sv", "en")) -> list[Review]:
    rng = np.random.default_rng(seed)
    out = []
    for i in range(n):
        names = [name for name in TAXONOMY["touchpoints"].labels if rng.random() < 0.1]
        polarity = {name: TAXONOMY["polarity"].labels[rng.integers(3)] for name in names}
        phases = tuple(rng.permutation(TAXONOMY["phases"].labels)[: rng.integers(1, 3)].tolist())
        labels = {"sentiment": SENTIMENTS[rng.integers(4)], "touchpoints": polarity, "phases": phases}
        out.append(Review(str(i), f"Omtale nummer {i}", languages[i % len(languages)], labels))
    return out


class Oracle:
    """A fake model that knows the gold labels of some reviews and is wrong on the others."""

    taxonomy: Taxonomy = TAXONOMY
    cutoffs = Cutoffs(default_thresholds(TAXONOMY))
    manifest = None

    def __init__(self, reviews: Sequence[Review], wrong: frozenset[str] = frozenset()) -> None:
        values = encode_labels(TAXONOMY, [review.labels for review in reviews]).values
        self.known = {}
        for review, row in zip(reviews, values, strict=True):
            probs = 0.1 + 0.8 * row
            phases = review.labels.get("phases")
            if phases:
                main = TAXONOMY.slices["phases"].start + TAXONOMY["phases"].labels.index(next(iter(phases)))
                probs[main] = 0.95
            self.known[review.text] = probs[::-1] if review.id in wrong else probs

    def probabilities(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> np.ndarray:
        if progress:
            progress(len(texts))
        blank = np.full(TAXONOMY.n_logits, 0.2, np.float32)
        return np.array([self.known.get(text, blank) for text in texts], np.float32)


def write_lines(path: Path, records: Sequence[dict[str, Any] | str]) -> Path:
    lines = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def record(review: Review) -> dict[str, Any]:
    return {"id": review.id, "lang": review.lang, "text": review.text, **review.labels}


class Evaluate:
    """Runs ``cxnlp evaluate`` with fake models in place of bundles."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, model_of: Callable[[str | None], Oracle]) -> None:
        self.calls: list[tuple[str | None, str, str]] = []
        """Path, back end and device of every model that was loaded."""

        def load(path: str | None = None, *, backend: str, device: str, **_: object) -> Oracle:
            self.calls.append((path, backend, device))
            return model_of(path)

        fake = types.ModuleType("cxnlp.inference.tagger")
        fake.Tagger = types.SimpleNamespace(load=load)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "cxnlp.inference.tagger", fake)

    def __call__(self, *argv: object) -> int:
        parser = argparse.ArgumentParser()
        command.add_parser(parser.add_subparsers())
        args = parser.parse_args(["evaluate", *map(str, argv)])
        return int(args.run(args))
