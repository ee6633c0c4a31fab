"""One call of the tagger for the texts of many requests; a text that it fails on costs no other."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from cxnlp.inference.labelling import NOT_SCORED, Labeller
from cxnlp.inference.prediction import Prediction, record_keys

MAX_FAILURES = 64
"""Texts in a row that the engine fails on before it, and not they, is held to be broken."""
_log = logging.getLogger("cxnlp.service")


@dataclass(frozen=True)
class Asked:
    """One review of a request."""

    text: str | None
    id: str | None = None
    lang: str | None = None
    """The language that the client declares."""


class Scorer:
    """Turns reviews into the JSON of their records. Used by one thread."""

    def __init__(self, labeller: Labeller, languages: bool = True) -> None:
        self.n_failed_in_row = 0
        self._labeller = labeller
        self._languages = languages
        self._blank = dict.fromkeys(record_keys(labeller.taxonomy))

    @property
    def broken(self) -> bool:
        """Whether the engine has failed on everything for long."""
        return self.n_failed_in_row >= MAX_FAILURES

    def score(self, asked: Sequence[Asked]) -> list[bytes]:
        """Give the record of each review as JSON, in order."""
        return [self._record(*pair) for pair in zip(asked, self._predictions(asked), strict=True)]

    def _predictions(self, asked: Sequence[Asked]) -> list[Prediction | None]:
        try:
            declared = [one.lang or "" for one in asked] if self._languages else None
            made = self._labeller.tag([one.text or "" for one in asked], languages=self._languages, declared=declared)
        except Exception as error:  # noqa: BLE001 - whatever an engine raises; one text must not cost the others
            if len(asked) > 1 and not self.broken:
                half = len(asked) // 2
                return self._predictions(asked[:half]) + self._predictions(asked[half:])
            self.n_failed_in_row += len(asked)
            # Its words might hold the text.
            _log.error("the engine failed on %d texts (%s)", len(asked), type(error).__name__)
            return [None] * len(asked)
        self.n_failed_in_row = 0
        return list(made)

    def _record(self, asked: Asked, prediction: Prediction | None) -> bytes:
        if prediction is not None:
            try:
                return _json({"id": asked.id} | prediction.as_record())
            except ValueError:  # a probability that is not a number
                _log.error("the engine gave no numbers for a text")
        return _json({"id": asked.id} | self._blank | {"flags": [NOT_SCORED]})


def _json(record: dict[str, object]) -> bytes:
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
