"""Likely label errors in labelled reviews, by a model that was trained without the review in question."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxnlp.data import Problem, Review
from cxnlp.errors import DataError, SettingsError
from cxnlp.evaluation.tfidf import TfidfScorer
from cxnlp.loop.confident import NONE, doubts
from cxnlp.loop.labelled import labelled_lines
from cxnlp.taxonomy import Facet, Kind, Taxonomy, encode_labels
from cxnlp.text import clean, text_hash

FOLDS = 5
Bits = npt.NDArray[np.bool_]
Probs = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LabelledReview:
    """A labelled review and where it stands."""

    path: Path
    line: int
    review: Review


@dataclass(frozen=True)
class LabelError:
    """A label that is likely to be wrong. Nothing is changed because of it."""

    where: LabelledReview
    facet: str
    given: str
    """The label as it stands; of a polarity ``delivery:negative``; empty where a label is likely to be missing."""
    suggested: str
    """The likelier one; empty where a label is likely to be one too many."""
    confidence: float
    """One minus the probability that the model gives to the label as it stands."""


def read_for_errors(paths: Iterable[Path], taxonomy: Taxonomy) -> tuple[list[LabelledReview], list[Problem]]:
    """Read JSONL files of labelled reviews with their lines; broken lines are problems.

    Raises:
        DataError: a file cannot be opened, or none holds a review.
    """
    found: list[LabelledReview] = []
    problems: list[Problem] = []
    for line in labelled_lines(paths, taxonomy):
        if isinstance(line.review, Problem):
            problems.append(line.review)
        elif clean(line.review.text):
            found.append(LabelledReview(line.path, line.line, line.review))
        else:
            problems.append(Problem(str(line.path), line.line, "the text is empty; nothing to judge labels by"))
    if problems and not found:
        raise DataError(f"no labelled review; first problem: {problems[0]}")
    return found, problems


def crossed_probabilities(
    taxonomy: Taxonomy,
    reviews: Sequence[Review],
    folds: int = FOLDS,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Probs:
    """Give the probabilities (n, l) of n reviews, each by a linear model of the other folds.

    The fold is by a hash of the cleaned text, so that copies of a text are always in the same.

    Raises:
        DataError: too few reviews, or none is labelled.
        ExtraError: scikit-learn is not installed.
        SettingsError: fewer than two folds.
    """
    if folds < 2:
        raise SettingsError(f"{folds} folds, expected 2 or more")
    fold = np.array([_fold(review.text, folds, seed) for review in reviews], np.int64)
    out = np.zeros((len(reviews), taxonomy.n_logits), np.float32)
    for number in range(folds):
        held = np.flatnonzero(fold == number)
        rest = [reviews[i] for i in np.flatnonzero(fold != number).tolist()]
        if len(held):
            out[held] = TfidfScorer.train(taxonomy, rest).probabilities([reviews[i].text for i in held.tolist()])
        if progress:
            progress(number + 1)
    return out


def find_label_errors(taxonomy: Taxonomy, found: Sequence[LabelledReview], probs: Probs) -> list[LabelError]:
    """Give the likely errors in n labelled reviews with the probabilities (n, l), the likeliest first.

    Every ``one_of`` facet is one question, every label of an ``any_of`` facet a question of yes and no, and all
    polarities of a facet together are one, asked of each label that is given.

    Raises:
        DataError: no review has a label.
    """
    labels = [one.review.labels for one in found]
    if not any(labels):
        names = ", ".join(facet.name for facet in taxonomy.answers)
        raise DataError(f"none of the {len(found)} reviews has a label; expected at least one of: {names}")
    targets = encode_labels(taxonomy, labels)
    errors: list[LabelError] = []
    for facet in taxonomy.facets:
        where = taxonomy.slices[facet.name]
        block = (probs[:, where], targets.values[:, where] > 0, targets.mask[:, where] > 0)
        errors += {Kind.ONE_OF: _of_one, Kind.ANY_OF: _of_any, Kind.POLARITY: _of_polarity}[facet.kind](
            taxonomy, facet, found, *block
        )
    # Of equal ones the order of the files; Python's sort keeps it.
    return sorted(errors, key=lambda error: -error.confidence)


def _of_one(
    _: Taxonomy, facet: Facet, found: Sequence[LabelledReview], probs: Probs, gold: Bits, known: Bits
) -> Iterator[LabelError]:
    rows = np.flatnonzero(known[:, 0])
    given = gold[rows].argmax(axis=1)
    doubted = doubts(probs[rows], given)
    for row, old, new, sure in zip(rows.tolist(), given, doubted.suggested, doubted.confidence, strict=True):
        if new != NONE:
            yield LabelError(found[row], facet.name, facet.labels[old], facet.labels[new], float(sure))


def _of_any(
    _: Taxonomy, facet: Facet, found: Sequence[LabelledReview], probs: Probs, gold: Bits, known: Bits
) -> Iterator[LabelError]:
    rows = np.flatnonzero(known[:, 0])
    for column, label in enumerate(facet.labels):
        yes = probs[rows, column]
        doubted = doubts(np.stack([1 - yes, yes], axis=1), gold[rows, column].astype(np.int64))
        for row, new, sure in zip(rows.tolist(), doubted.suggested, doubted.confidence, strict=True):
            if new != NONE:
                yield LabelError(found[row], facet.name, "" if new else label, label if new else "", float(sure))


def _of_polarity(
    taxonomy: Taxonomy, facet: Facet, found: Sequence[LabelledReview], probs: Probs, gold: Bits, known: Bits
) -> Iterator[LabelError]:
    assert facet.of is not None
    names, k = taxonomy[facet.of].labels, len(facet.labels)
    asked = np.argwhere(known.reshape(len(known), -1, k)[:, :, 0])  # (m, 2): review and label
    rows, columns = asked[:, 0], asked[:, 1]
    given = gold.reshape(len(gold), -1, k)[rows, columns].argmax(axis=1)
    doubted = doubts(probs.reshape(len(probs), -1, k)[rows, columns], given)
    for row, column, old, new, sure in zip(rows, columns, given, doubted.suggested, doubted.confidence, strict=True):
        if new != NONE:
            label = names[column]
            yield LabelError(
                found[row], facet.name, f"{label}:{facet.labels[old]}", f"{label}:{facet.labels[new]}", float(sure)
            )


def _fold(text: str, folds: int, seed: int) -> int:
    digest = hashlib.blake2b(f"{seed} {text_hash(text)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % folds
