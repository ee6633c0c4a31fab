"""All outcomes of a run as one table: each seed, their mean and spread, the baseline, and what others reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import mean, stdev
from typing import Any

from cxnlp.benchmark.encoder import EncoderNote
from cxnlp.benchmark.read import Divided
from cxnlp.benchmark.spec import Benchmark
from cxnlp.benchmark.store import BASELINE, Store


def gather(
    name: str,
    benchmark: Benchmark,
    encoder: EncoderNote,
    divided: Mapping[str, Divided],
    store: Store,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Give what ``results.json`` holds. Figures lie between 0 and 1; those of others are as they gave them, × 100."""
    titles = [figure.title for figure in benchmark.figures]
    parts: dict[str, Any] = {}
    for part, one in divided.items():
        seeds = [done for seed in range(1, benchmark.seeds + 1) if (done := store.read(part, seed))]
        parts[part] = {
            "reviews": {"train": len(one.train), "dev": len(one.dev), "test": len(one.test)},
            "left_out": dict(one.left_out),
            "figures": {title: summary([done["figures"][title]["value"] for done in seeds]) for title in titles},
            "seeds": seeds,
            "baseline": store.read(part, BASELINE),
            "published": benchmark.published_rows(part),
        }
    return {
        "name": name,
        "title": benchmark.title,
        "encoder": {"name": encoder.name, "learnt_from": dict(encoder.learnt_from), "knows": encoder.knows(name)},
        "settings": dict(settings),
        "parts": parts,
    }


def summary(values: Sequence[float]) -> dict[str, float | int | None]:
    """Give the mean of the seeds, and their standard deviation (n - 1) where there are at least two."""
    spread = round(stdev(values), 6) if len(values) > 1 else None
    return {"mean": round(mean(values), 6), "sd": spread, "n": len(values)}
