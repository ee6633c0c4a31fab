"""Sums of counts for all reviews and for each language, as they are and resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.evaluation.bootstrap import resampled_sums
from cxnlp.evaluation.compare import Comparison
from cxnlp.evaluation.report import ALL, UNKNOWN_LANGUAGE
from cxnlp.taxonomy import Taxonomy

Floats = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Slice:
    """The summed counts of some reviews."""

    counts: Floats
    """(1 + resamples, 3, k): the first row is the sum as it is, the others are sums of resamples."""
    support: int
    """Reviews that count."""


def languages_in_order(taxonomy: Taxonomy, languages: Names) -> list[str]:
    """Give the languages that occur: those of the taxonomy in its order, then others by name, unknown last."""
    known = {language: i for i, language in enumerate(taxonomy.languages)}
    found = {str(language) for language in languages}
    return sorted(found, key=lambda name: (name == UNKNOWN_LANGUAGE, known.get(name, len(known)), name))


def slice_sums(
    comparisons: Sequence[Comparison], languages: Names, order: Sequence[str], resamples: int, seed: int
) -> list[dict[str, Slice]]:
    """Sum every comparison for all reviews and for each language in which it has any; all share the same draws.

    Reviews are drawn within their language: how many there are of each is a choice of whoever made the data, and no
    chance.
    """
    rng = np.random.default_rng(seed)
    columns = np.concatenate([one.counts.reshape(len(languages), -1) for one in comparisons], axis=1)  # (n, c)
    by_language: dict[str, Floats] = {}
    for language in order:
        rows = columns[languages == language]
        as_is = rows.sum(axis=0, dtype=np.float64)
        by_language[language] = np.vstack([as_is, resampled_sums(rows, resamples, rng)])  # (1 + resamples, c)
    every = np.sum(list(by_language.values()), axis=0)
    out = []
    start = 0
    for one in comparisons:
        stop = start + one.counts[0].size
        slices = {ALL: Slice(every[:, start:stop].reshape(-1, 3, len(one.labels)), int(one.counted.sum()))}
        for language, sums in by_language.items():
            if support := int(one.counted[languages == language].sum()):
                slices[language] = Slice(sums[:, start:stop].reshape(-1, 3, len(one.labels)), support)
        out.append(slices)
        start = stop
    return out
