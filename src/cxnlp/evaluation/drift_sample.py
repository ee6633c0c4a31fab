"""What is compared of a scored file: counts of labels, languages and flags, and measures of its texts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cxnlp.data.read import Problem
from cxnlp.data.tables import ReadingOptions
from cxnlp.inference.scored import ScoredRow, Status, open_scored
from cxnlp.inference.tally import Tally
from cxnlp.taxonomy import Taxonomy
from cxnlp.text import TextTokenizer, clean

Floats = npt.NDArray[np.float64]

WORDS = "words"
UNKNOWN = "unknown"
PIECES = "pieces"
CONFIDENCE = "confidence"
_UNKNOWN_PIECES = ("<unk>", "[UNK]")
_TEXTS_AT_ONCE = 1024


@dataclass(frozen=True)
class Sample:
    """A scored file, counted."""

    path: str
    tally: Tally = field(repr=False)
    numbers: dict[str, Floats] = field(repr=False)
    """Measure to its values, of the reviews that have one: ``words`` (of a text), ``unknown`` (the share of its pieces
    that the tokenizer does not know), ``pieces`` (for each word), ``confidence``, and the scores, by column."""
    n_unread: int = 0
    """Rows without labels that the taxonomy knows, although something was said of them; left out of the labels. Their
    flags count."""
    problems: Sequence[Problem] = ()
    """What is wrong with rows, those without labels of the taxonomy, and those that are broken and count nowhere, among
    them."""


class Gatherer:
    """Counts a scored file row by row; texts are cut in pieces a thousand at a time."""

    def __init__(self, path: str, taxonomy: Taxonomy, tokenizer: TextTokenizer) -> None:
        self._path = path
        self._tally = Tally(taxonomy)
        self._tokenizer = tokenizer
        self._numbers: dict[str, list[float]] = {}
        self._texts: list[str] = []
        self._n_unread = 0
        self._problems: list[Problem] = []
        ids = (tokenizer.tokenizer.token_to_id(piece) for piece in _UNKNOWN_PIECES)
        self._unknown = next((found for found in ids if found is not None), None)

    def add(self, row: ScoredRow) -> None:
        """Count one row."""
        self._problems += [row.problem] if row.problem else []
        if row.status is Status.BROKEN:  # of whose flags nothing is known
            return
        said = row.prediction if row.status is Status.LABELLED else None
        self._tally.add(said, row.flags, damaged=False)
        self._n_unread += row.status is Status.UNKNOWN
        if said is None:
            return
        self._note(CONFIDENCE, said.confidence)
        for name, score in row.scores.items():
            self._note(f"{name}_score", score)
        if row.text is not None:
            self._texts.append(row.text)
            if len(self._texts) >= _TEXTS_AT_ONCE:
                self._measure()

    def sample(self) -> Sample:
        """Give what was counted."""
        self._measure()
        numbers = {name: np.asarray(values, np.float64) for name, values in self._numbers.items()}
        return Sample(self._path, self._tally, numbers, self._n_unread, self._problems)

    def _note(self, measure: str, value: float) -> None:
        self._numbers.setdefault(measure, []).append(value)

    def _measure(self) -> None:
        for text, ids in zip(self._texts, self._tokenizer.encode(self._texts), strict=True):
            words = len(clean(text).split())
            if not words or not ids:
                continue
            self._note(WORDS, words)
            self._note(PIECES, len(ids) / words)
            if self._unknown is not None:
                self._note(UNKNOWN, Counter(ids)[self._unknown] / len(ids))
        self._texts.clear()


def read_sample(path: Path, taxonomy: Taxonomy, tokenizer: TextTokenizer, options: ReadingOptions) -> Sample:
    """Count a scored file of any kind.

    Args:
        path: the file.
        taxonomy: of the model that scored it.
        tokenizer: of that model, for the pieces of the texts.
        options: the column of the text, where the guess is wrong.

    Raises:
        DataError: it cannot be read, has not the columns of a scored file, or no row has labels of this taxonomy.
    """
    gatherer = Gatherer(str(path), taxonomy, tokenizer)
    for row in open_scored(path, taxonomy, options).rows():
        gatherer.add(row)
    return gatherer.sample()
