"""Read each review three times: as it stands, in lower case, and sentence by sentence; and join what was read.

Averaging over views of an input is test-time augmentation (Krizhevsky et al. 2012). What a small network says of a
review turns on chance things such as its capitals; and of several touchpoints it judges each more surely in the
sentence that speaks of it, where no other stands beside it. The shares below were chosen on the development split of
the corpus (docs/experiments.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cxnlp.taxonomy import Kind, Taxonomy, log_odds, log_probabilities, probabilities
from cxnlp.text.sentences import MAX_CHARS, split_sentences

Floats32 = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LOWERED = 1.0
"""What the reading in lower case counts, beside 1 of the text as it stands."""
SENTENCES = 0.3
"""What the sentences count, beside 1 of both together."""
# Of more sentences the first so many are read.
_MAX_SENTENCES = 64


@dataclass(frozen=True)
class Readings:
    """What is read of n reviews, each text once: as they stand, then in lower case, then sentences."""

    texts: Sequence[str]
    owners: Ints
    """(m,) the first review that each text is read of."""
    lowered: Ints
    """(n,) the place of each review in lower case; where that is the same text, its own."""
    speakers: Ints
    """(k,) ascending: the review of each sentence, of reviews that have several."""
    sentences: Ints
    """(k,) the place of that sentence among the texts."""


def readings(texts: Sequence[str]) -> Readings:
    """Lay out what is read.

    Raises:
        ExtraError: spaCy is not installed.
    """
    n = len(texts)
    laid, owners = list(texts), list(range(n))
    places: dict[str, int] = {}

    def place(text: str, row: int) -> int:
        if (known := places.get(text)) is not None:
            return known
        places[text] = len(laid)
        laid.append(text)
        owners.append(row)
        return places[text]

    lowered = [row if (lower := text.lower()) == text else place(lower, row) for row, text in enumerate(texts)]
    cut = [text[:MAX_CHARS] for text in texts]
    pairs: list[tuple[int, int]] = []
    # By rules for any language: those of one would make its probabilities depend on what language is guessed.
    for row, ranges in enumerate(split_sentences(cut, [""] * n) if n else []):
        if len(ranges) > 1:
            pairs += [(row, place(cut[row][start:end], row)) for start, end in ranges[:_MAX_SENTENCES]]
    speakers, sentences = np.array(pairs, np.int64).reshape(-1, 2).T
    return Readings(laid, np.array(owners, np.int64), np.array(lowered, np.int64), speakers, sentences)


def join_readings(
    taxonomy: Taxonomy, probs: Floats32, read: Readings, lowered: float = LOWERED, sentences: float = SENTENCES
) -> Floats32:
    """Join the probabilities (m, l) of all that was read into those of n reviews, (n, l).

    Every question takes the mean of the logits of the text as it stands and, counting ``lowered``, in lower case. A
    label of an ``any_of`` facet without a main one takes also that of the sentence that speaks of it most; a polarity
    also what the sentences say, weighed by the squared probability that they speak of its label. Both count
    ``sentences``.
    """
    logits = _logits(taxonomy, probs)  # (m, l)
    n = len(read.lowered)
    joined = (logits[:n] + lowered * logits[read.lowered]) / (1 + lowered)
    rows, starts = np.unique(read.speakers, return_index=True)
    for row, of in zip(rows, np.split(read.sentences, starts[1:]), strict=False):
        for facet in taxonomy.facets:
            where = taxonomy.slices[facet.name]
            if facet.kind is Kind.ANY_OF and not facet.main:
                said = logits[of, where].max(axis=0)
            elif facet.of is not None:
                spoken = probs[of, taxonomy.slices[facet.of]].astype(np.float64) ** 2  # (sentences, labels)
                shares = spoken / np.maximum(spoken.sum(axis=0), np.finfo(np.float64).tiny)
                choices = probs[of, where].reshape(len(of), spoken.shape[1], -1)
                said = log_probabilities((shares[:, :, None] * choices).sum(axis=0).reshape(-1))
            else:
                continue
            joined[row, where] = (joined[row, where] + sentences * said) / (1 + sentences)
    return probabilities(taxonomy, joined.astype(np.float32))


def _logits(taxonomy: Taxonomy, probs: Floats32) -> Floats:
    out = np.empty(probs.shape, np.float64)
    for facet in taxonomy.facets:
        where = taxonomy.slices[facet.name]
        out[:, where] = (log_odds if facet.kind is Kind.ANY_OF else log_probabilities)(probs[:, where])
    return out
