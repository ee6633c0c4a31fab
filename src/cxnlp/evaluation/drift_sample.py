"""What is compared of a scored file: counts of labels, languages and flags, and measures of its texts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cxnlp.inference.prediction import Prediction, has_score
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
class ScoredRow:
    """One row of a scored file."""

    prediction: Prediction | None
    """Its labels; None if it has none."""
    flags: tuple[str, ...] = ()
    text: str | None = None
    """What was scored; None if the file does not hold it."""
    scores: tuple[float | None, ...] = ()
    """From −1 to 1, of each facet that has one, in the order of the taxonomy."""
    unread: bool = False
    """Whether it says something that is not a label of the taxonomy."""


@dataclass(frozen=True)
class Sample:
    """A scored file, counted."""

    path: str
    tally: Tally = field(repr=False)
    numbers: dict[str, Floats] = field(repr=False)
    """Measure to its values, of the reviews that have one: ``words`` (of a text), ``unknown`` (the share of its pieces
    that the tokenizer does not know), ``pieces`` (for each word), ``confidence``, and the scores, by column."""
    n_unread: int = 0
    """Rows without labels that the taxonomy knows, although something was said of them; left out of the labels."""


class Gatherer:
    """Counts a scored file row by row; texts are cut in pieces a thousand at a time."""

    def __init__(self, path: str, taxonomy: Taxonomy, tokenizer: TextTokenizer) -> None:
        self._path = path
        self._tally = Tally(taxonomy)
        self._tokenizer = tokenizer
        self._numbers: dict[str, list[float]] = {}
        self._texts: list[str] = []
        self._n_unread = 0
        ids = (tokenizer.tokenizer.token_to_id(piece) for piece in _UNKNOWN_PIECES)
        self._unknown = next((found for found in ids if found is not None), None)
        self._scores = [facet.name for facet in taxonomy.answers if has_score(facet)]

    def add(self, row: ScoredRow) -> None:
        """Count one row."""
        self._tally.add(row.prediction, row.flags, damaged=False)
        self._n_unread += row.unread
        if row.prediction is None:
            return
        self._note(CONFIDENCE, row.prediction.confidence)
        for name, score in zip(self._scores, row.scores, strict=False):
            if score is not None:
                self._note(f"{name}_score", score)
        if row.text is not None:
            self._texts.append(row.text)
            if len(self._texts) >= _TEXTS_AT_ONCE:
                self._measure()

    def sample(self) -> Sample:
        """Give what was counted."""
        self._measure()
        numbers = {name: np.asarray(values, np.float64) for name, values in self._numbers.items()}
        numbers = {name: values[~np.isnan(values)] for name, values in numbers.items()}
        return Sample(self._path, self._tally, numbers, self._n_unread)

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
