"""One call of the tagger for the texts of many requests; a text that it fails on costs no other."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from cxnlp.inference.failures import Failures
from cxnlp.inference.labelling import NOT_SCORED, Labeller
from cxnlp.inference.prediction import Prediction, record_keys

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
        self._failures = Failures()
        self._labeller = labeller
        self._languages = languages
        self._blank = dict.fromkeys(record_keys(labeller.taxonomy))

    @property
    def broken(self) -> bool:
        """Whether the engine has failed on everything for long."""
        return self._failures.broken

    def score(self, asked: Sequence[Asked]) -> list[bytes]:
        """Give the record of each review as JSON, in order."""
        made = self._failures.spare(self._records, asked, _log_failure)
        return [
            _json({"id": one.id} | self._blank | {"flags": [NOT_SCORED]}) if record is None else record
            for one, record in zip(asked, made, strict=True)
        ]

    def _records(self, asked: Sequence[Asked]) -> list[bytes | None]:
        """Tag texts and write their records; None for one whose probabilities are no numbers."""
        declared = [one.lang or "" for one in asked] if self._languages else None
        texts = [one.text or "" for one in asked]
        made = self._labeller.tag(texts, languages=self._languages, declared=declared)
        records = [_record(*pair) for pair in zip(asked, made, strict=True)]
        if n := records.count(None):
            _log.error("the engine gave no numbers for %d texts", n)
        return records


def _record(asked: Asked, prediction: Prediction) -> bytes | None:
    try:
        return _json({"id": asked.id} | prediction.as_record())
    except ValueError:  # a probability that is not a number
        return None


def _log_failure(n: int, error: Exception) -> None:
    _log.error("the engine failed on %d texts (%s)", n, type(error).__name__)  # its words might hold the text


def _json(record: dict[str, object]) -> bytes:
    return json.dumps(record, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
