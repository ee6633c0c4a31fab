"""Sums of counts for all reviews, for each language, and for any other grouping; as they are and resampled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.data import Review
from cxnlp.errors import ArgumentValueError
from cxnlp.evaluation.bootstrap import resampled_group_sums
from cxnlp.evaluation.compare import Comparison
from cxnlp.evaluation.report import ALL, UNKNOWN_LANGUAGE
from cxnlp.taxonomy import Taxonomy

Floats = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]
Groupings = Mapping[str, Sequence[str]]
"""Name of a grouping, such as ``source``, to the group of every review; an empty name is no group."""


@dataclass(frozen=True)
class Slice:
    """The summed counts of some reviews."""

    counts: Floats
    """(1 + resamples, 3, k): the first row is the sum as it is, the others are sums of resamples."""
    support: int
    """Reviews that count."""


@dataclass(frozen=True)
class Sums:
    """The sums of one comparison."""

    slices: dict[str, Slice]
    """``all``, and every language in which a review counts."""
    by: dict[str, dict[str, Slice]]
    """Grouping to those of its groups in which a review counts."""


def languages_of(reviews: Sequence[Review]) -> Names:
    """Give the language of every review (n,), ``und`` where it is not known."""
    return np.array([review.lang or UNKNOWN_LANGUAGE for review in reviews], np.str_)


def languages_in_order(taxonomy: Taxonomy, languages: Names) -> list[str]:
    """Give the languages that occur: those of the taxonomy in its order, then others by name, unknown last."""
    known = {language: i for i, language in enumerate(taxonomy.languages)}
    found = {str(language) for language in languages}
    return sorted(found, key=lambda name: (name == UNKNOWN_LANGUAGE, known.get(name, len(known)), name))


def slice_sums(
    comparisons: Sequence[Comparison],
    languages: Names,
    order: Sequence[str],
    resamples: int,
    seed: int,
    by: Groupings | None = None,
) -> list[Sums]:
    """Sum every comparison for all reviews, each language and each group in which it has any; all share the same draws.

    Reviews are drawn within their language: how many there are of each is a choice of whoever made the data, and no
    chance. Groups keep the order in which they first occur.

    Raises:
        ArgumentValueError: a grouping has not as many names as there are reviews.
    """
    rng = np.random.default_rng(seed)
    columns = np.concatenate([one.counts.reshape(len(languages), -1) for one in comparisons], axis=1)  # (n, c)
    groups = _groups(by or {}, len(languages))
    by_language: dict[str, Floats] = {}
    by_group = {key: np.zeros((1 + resamples, columns.shape[1])) for key in groups}
    for language in order:
        here = languages == language
        rows = columns[here]
        present = [key for key, bits in groups.items() if bits[here].any()]
        members = [np.ones(len(rows), np.bool_), *(groups[key][here] for key in present)]
        resampled = resampled_group_sums(rows, members, resamples, rng)  # (1 + groups, resamples, c)
        as_is = [rows[bits].sum(axis=0, dtype=np.float64) for bits in members]
        sums = [np.vstack([exact, drawn]) for exact, drawn in zip(as_is, resampled, strict=True)]
        by_language[language] = sums[0]  # (1 + resamples, c)
        for key, found in zip(present, sums[1:], strict=True):
            by_group[key] += found
    every = np.sum(list(by_language.values()), axis=0)
    out = []
    start = 0
    for one in comparisons:
        part = slice(start, start + one.counts[0].size)
        shape = (-1, 3, len(one.labels))
        slices = {ALL: Slice(every[:, part].reshape(shape), int(one.counted.sum()))}
        for language, found in by_language.items():
            if support := int(one.counted[languages == language].sum()):
                slices[language] = Slice(found[:, part].reshape(shape), support)
        grouped: dict[str, dict[str, Slice]] = {name: {} for name in by or {}}
        for (grouping, group), bits in groups.items():
            if support := int(one.counted[bits].sum()):
                grouped[grouping][group] = Slice(by_group[grouping, group][:, part].reshape(shape), support)
        out.append(Sums(slices, grouped))
        start = part.stop
    return out


def _groups(by: Groupings, n: int) -> dict[tuple[str, str], npt.NDArray[np.bool_]]:
    """Give which reviews belong to each (grouping, group): (n,)."""
    out: dict[tuple[str, str], npt.NDArray[np.bool_]] = {}
    for grouping, names in by.items():
        if len(names) != n:
            raise ArgumentValueError(
                f"grouping {grouping!r} names {len(names)} groups for {n} reviews; expected one for each"
            )
        found = np.array(names, np.str_)
        out |= {(grouping, group): np.asarray(found == group) for group in dict.fromkeys(names) if group}
    return out
