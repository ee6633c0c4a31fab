"""From a scored file to the reviews that are worth labelling next, each with its reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.errors import DataError
from cxnlp.evaluation.tfidf import need_sklearn
from cxnlp.loop.choose import Candidates, Choice, Known, choose, first_gains
from cxnlp.loop.labelled import Labelled
from cxnlp.loop.pool import Pool, PoolReview, label_names
from cxnlp.loop.uncertainty import as_ranks, facet_uncertainty, label_uncertainty
from cxnlp.loop.vectors import TextVectors, clusters
from cxnlp.taxonomy import Facet, Kind, Taxonomy, Thresholds
from cxnlp.text import text_hash

MOST = 20_000
"""Reviews that are compared with each other; of more, those that would add most by themselves."""
_SHOWN_LABELS = 3

Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Suggestion:
    """One review to label, and why."""

    review: PoolReview
    reason: str
    """``uncertain``, ``rare label`` or ``rare language``: in what it exceeds other reviews most."""
    facet: str
    """The facet of which the model is least certain, compared with other reviews."""
    doubt: str
    """The labels between which it is, with their probabilities: ``negative 0.45, mixed 0.41``."""
    label: str
    """The label to whose number of reviews it adds most, with its probability: ``touchpoints=chat 0.31``."""
    n_labelled: int
    """Reviews that had that label when this one was chosen, of those labelled before."""
    cluster: int
    """From 1; reviews of one number are alike."""
    cluster_size: int
    copies: int
    """Near copies of it in the file, which are not suggested too."""


@dataclass(frozen=True)
class Suggestions:
    """What is suggested, and what was looked at."""

    chosen: Sequence[Suggestion]
    n_candidates: int
    left_out: Mapping[str, int]
    """Reason to rows."""


def suggest(
    scored: Pool, taxonomy: Taxonomy, thresholds: Thresholds, labelled: Labelled, budget: int, seed: int = 0
) -> Suggestions:
    """Choose at most ``budget`` reviews to label, the most valuable first; the same seed gives the same ones.

    Raises:
        DataError: nothing is left to choose from.
        ExtraError: scikit-learn is not installed.
    """
    need_sklearn("cxnlp suggest")
    rows, left_out = _fresh(scored, labelled)
    if not rows:
        raise DataError(
            f"{scored.source.table.path}: no review to suggest ({_listed(left_out)}); expected scored reviews with a "
            "text that are not labelled"
        )
    pool = _Pool(scored, taxonomy, thresholds, labelled, rows)
    if len(rows) > MOST:
        best = np.sort(np.argsort(-first_gains(pool.candidates, pool.known), kind="stable")[:MOST])
        pool = _Pool(scored, taxonomy, thresholds, labelled, [rows[i] for i in best])
    vectors = TextVectors.of([*(scored.reviews[row].text for row in pool.rows), *labelled.texts])
    groups = clusters(vectors.points(seed)[: len(pool.rows)], budget, seed)
    candidates = pool.clustered(groups)

    def near(row: int) -> Bits | None:
        found = vectors.near(row)
        return None if found[len(pool.rows) :].any() else found[: len(pool.rows)]

    chosen = choose(candidates, pool.known, budget, near=near)
    sizes = np.bincount(groups)
    return Suggestions([pool.explain(one, groups, sizes) for one in chosen], len(rows), left_out)


def _fresh(scored: Pool, labelled: Labelled) -> tuple[list[int], Counter[str]]:
    """Give the rows whose text is neither labelled nor that of an earlier row, and count the others."""
    left_out = Counter(scored.left_out)
    seen: set[str] = set()
    rows = []
    for row, review in enumerate(scored.reviews):
        key = text_hash(review.text)
        if key in labelled.hashes:
            left_out["labelled already"] += 1
        elif key in seen:
            left_out["the same text again"] += 1
        else:
            seen.add(key)
            rows.append(row)
    return rows, left_out


def _listed(left_out: Mapping[str, int]) -> str:
    return ", ".join(f"{n:,} {reason}" for reason, n in left_out.items()) or "no rows"


class _Pool:
    """The rows that can be chosen, as ``choose`` wants them, and in words."""

    def __init__(
        self, scored: Pool, taxonomy: Taxonomy, thresholds: Thresholds, labelled: Labelled, rows: Sequence[int]
    ) -> None:
        self.rows = list(rows)
        self._scored, self._taxonomy, self._thresholds, self._labelled = scored, taxonomy, thresholds, labelled
        self._probs = None if scored.probs is None else scored.probs[self.rows]
        if self._probs is None:  # a table holds the confidence of the first facet only
            self._uncertainty = {taxonomy.answers[0].name: 1 - scored.confidence[self.rows]}
        else:
            self._uncertainty = facet_uncertainty(taxonomy, self._probs, thresholds)
        self._ranks = {name: as_ranks(values) for name, values in self._uncertainty.items()}
        self._names = label_names(taxonomy)
        codes = [scored.reviews[row].language for row in self.rows]
        self._codes = sorted({*codes, *labelled.languages})
        self.candidates = Candidates(
            np.stack(list(self._uncertainty.values()), axis=1),
            scored.labels[self.rows],
            np.zeros(len(self.rows), np.int64),
            np.array([self._codes.index(code) for code in codes], np.int64),
        )
        self.known = Known(
            np.array([labelled.labels.get(name, 0) for name in self._names], np.float64),
            np.array([labelled.languages.get(code, 0) for code in self._codes], np.float64),
        )

    def clustered(self, groups: npt.NDArray[np.int64]) -> Candidates:
        first = self.candidates
        return Candidates(first.uncertainty, first.labels, groups, first.languages)

    def explain(self, one: Choice, groups: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> Suggestion:
        facet = max(self._ranks, key=lambda name: float(self._ranks[name][one.row]))
        name = self._names[one.label]
        return Suggestion(
            self._scored.reviews[self.rows[one.row]],
            one.reason,
            facet,
            self._doubt(one.row, self._taxonomy[facet]),
            f"{name} {self.candidates.labels[one.row, one.label]:.2f}",
            self._labelled.labels.get(name, 0),
            int(groups[one.row]) + 1,
            int(sizes[groups[one.row]]),
            one.copies,
        )

    def _doubt(self, row: int, facet: Facet) -> str:
        """Name the labels between which the model wavers, with their probabilities."""
        if self._probs is None:
            return f"confidence {self._scored.confidence[self.rows[row]]:.2f}"
        block = self._probs[row : row + 1, self._taxonomy.slices[facet.name]]
        names = list(facet.labels)
        if facet.kind is Kind.ANY_OF:
            doubt = label_uncertainty(facet, block, self._thresholds)[0]
            most = [i for i in np.argsort(-doubt, kind="stable")[:_SHOWN_LABELS] if doubt[i] > 0.5]
            most = most or [int(doubt.argmax())]
            limits = [f", given from {self._thresholds[facet.name][names[i]]:.2f}" for i in most]
            return "; ".join(f"{names[i]} {block[0, i]:.2f}{limit}" for i, limit in zip(most, limits, strict=True))
        prefix = ""
        if facet.of is not None:  # of the label whose polarity matters most here
            groups = block.reshape(-1, len(names))
            there = self._probs[row, self._taxonomy.slices[facet.of]]
            ordered = np.sort(groups, axis=1)
            label = int((there * (1 - (ordered[:, -1] - ordered[:, -2]))).argmax())
            prefix, block = f"{self._taxonomy[facet.of].labels[label]}: ", groups[label : label + 1]
        first, second = (int(i) for i in np.argsort(-block[0], kind="stable")[:2])
        return f"{prefix}{names[first]} {block[0, first]:.2f}, {names[second]} {block[0, second]:.2f}"
