"""Chunks of rows to predictions: copies of a text are scored once, and a row that cannot be scored costs no other."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from cxnlp.data.tables import Row
from cxnlp.errors import BackendError, CxnlpError
from cxnlp.inference.hooks import Hooks
from cxnlp.inference.packed import Packed, Packer
from cxnlp.inference.prediction import Prediction
from cxnlp.taxonomy import Taxonomy
from cxnlp.text import clean

NOT_SCORED = "not_scored"
"""Flag of a row that the model failed on."""
MAX_REMEMBERED = 16_384
"""Texts whose predictions are remembered: some 10 MB."""
_MAX_FAILURES = 64
_KEY_BYTES = 16


class Labeller(Protocol):
    """What scoring needs of a tagger."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The labels that it gives."""

    @property
    def fingerprint(self) -> str:
        """The same for two labellers only if they give the same labels."""

    def tag(
        self, texts: Sequence[str], *, languages: bool = True, progress: Callable[[int], None] | None = None
    ) -> list[Prediction]:
        """Give one prediction per text, in order; ``progress`` gets the number finished since its last call."""


class ChunkLabeller:
    """Labels the rows of one file, chunk by chunk.

    Remembers the latest texts by hash, so memory is bounded. What it remembers depends on the rows alone and not on
    where a run was cut short: chunks that an earlier run has scored are given to ``remember`` in their turn.
    """

    def __init__(self, labeller: Labeller, hooks: Hooks) -> None:
        self.packer = Packer(labeller.taxonomy)
        self.n_duplicates = 0
        """Rows with a text that an earlier row has, whose prediction they share."""
        self._labeller = labeller
        self._hooks = hooks
        self._known: OrderedDict[bytes, Packed | None] = OrderedDict()
        self._failures = 0
        self._empty = self._key(Row(0, {}, ""))

    def texts(self, rows: Sequence[Row]) -> list[str]:
        """Give what is scored of each row: the cleaned text, so that texts of one hash are one text to the model."""
        # Where a hook notes places in the text, the text as it is.
        return [row.text if self._hooks.evidence else clean(row.text) for row in rows]

    def label(
        self, rows: Sequence[Row], texts: Sequence[str], keys: Sequence[bytes], progress: Callable[[int], None]
    ) -> list[Packed | None]:
        """Give one prediction per row, in order; None for a row without a text to read, and one that failed."""
        shared, fresh = self._plan(rows, keys)
        progress(len(rows) - len(fresh))
        left = len(fresh)

        def report(n: int) -> None:
            nonlocal left
            progress(min(n, left))
            left -= min(n, left)

        wanted = [texts[place] for place in fresh.values()]
        made = dict(zip(fresh, self._score(wanted, report), strict=True))
        progress(left)
        self._add(made)
        return [shared[i] if i in shared else made[key] if key else None for i, key in enumerate(keys)]

    def remember(self, rows: Sequence[Row], keys: Sequence[bytes], packed: Sequence[Packed | None]) -> None:
        """Take the predictions of a chunk that an earlier run has scored."""
        _, fresh = self._plan(rows, keys)
        self._add({key: packed[place] for key, place in fresh.items()})

    def keys(self, rows: Sequence[Row], texts: Sequence[str]) -> list[bytes]:
        """Hash each row's text; empty for a row that has none to read."""
        return [b"" if row.broken else _hash(text) for row, text in zip(rows, texts, strict=True)]

    def _key(self, row: Row) -> bytes:
        return _hash(self.texts([row])[0])

    def _plan(self, rows: Sequence[Row], keys: Sequence[bytes]) -> tuple[dict[int, Packed | None], dict[bytes, int]]:
        """Find the rows whose prediction is known, and the first row of each text whose is not."""
        shared: dict[int, Packed | None] = {}
        fresh: dict[bytes, int] = {}
        for place, key in enumerate(keys):
            if not key:
                continue
            if key in self._known:
                self._known.move_to_end(key)
                shared[place] = self._known[key]
            elif key not in fresh:
                fresh[key] = place
                continue
            self.n_duplicates += key != self._empty
        return shared, fresh

    def _add(self, made: dict[bytes, Packed | None]) -> None:
        self._known |= made
        while len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)

    def _score(self, texts: Sequence[str], progress: Callable[[int], None] | None) -> list[Packed | None]:
        """Score texts; where the engine fails, halve them until those that it fails on are found."""
        if not texts:
            return []
        try:
            made = self._tag(texts, progress)
        except CxnlpError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an engine raises; one text must not cost the others
            if len(texts) > 1:
                half = len(texts) // 2
                return self._score(texts[:half], None) + self._score(texts[half:], None)
            self._fail(error)
            return [None]
        self._failures = 0 if any(made) else self._failures + len(made)
        if self._failures >= _MAX_FAILURES:
            raise BackendError(
                f"the engine gave no numbers for {self._failures} reviews in a row; try another --backend"
            )
        return made

    def _fail(self, error: Exception) -> None:
        self._failures += 1
        if self._failures >= _MAX_FAILURES:
            kind = type(error).__name__  # its words might hold the text
            raise BackendError(
                f"the engine failed on {self._failures} reviews in a row ({kind}); try another --backend or --device"
            ) from error

    def _tag(self, texts: Sequence[str], progress: Callable[[int], None] | None) -> list[Packed | None]:
        predictions = self._labeller.tag(texts, progress=progress)
        if self._hooks.evidence is None:
            return [self.packer.pack(prediction) for prediction in predictions]
        notes = [json.dumps(note, separators=(",", ":")) for note in self._hooks.evidence(texts, predictions)]
        return [self.packer.pack(*pair) for pair in zip(predictions, notes, strict=True)]


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_KEY_BYTES).digest()


def hash_of_chunk(keys: Sequence[bytes]) -> bytes:
    """Give one hash for the texts of a chunk. Those of single texts are not kept: short ones could be guessed."""
    return hashlib.blake2b(b"".join(key.ljust(_KEY_BYTES, b"\0") for key in keys), digest_size=_KEY_BYTES).digest()
