"""Chunks of rows to predictions: copies of a text are scored once, and a row that cannot be scored costs no other."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from cxnlp.data.tables import Row
from cxnlp.errors import BackendError, CxnlpError
from cxnlp.inference.failures import Failures
from cxnlp.inference.hooks import Hooks
from cxnlp.inference.packed import Packed, Packer
from cxnlp.inference.prediction import Prediction
from cxnlp.taxonomy import Taxonomy
from cxnlp.text import clean

NOT_SCORED = "not_scored"
"""Flag of a row that the model failed on."""
MAX_REMEMBERED = 16_384
"""Texts whose predictions are remembered: some 10 MB."""
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
        self,
        texts: Sequence[str],
        *,
        languages: bool = True,
        declared: Sequence[str] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Prediction]:
        """Give one prediction per text, in order; ``progress`` gets the number finished since its last call."""


@dataclass(frozen=True)
class Prepared:
    """Rows with what is scored of each."""

    rows: Sequence[Row]
    texts: Sequence[str]
    """Of each row the text, cleaned so that texts of one hash are one text to the model."""
    keys: Sequence[bytes]
    """The hash of each row's text and declared language; empty for a row that has no text to read."""

    @property
    def hash(self) -> bytes:
        """One hash for all texts. Those of single texts are not kept: short ones could be guessed."""
        whole = b"".join(key.ljust(_KEY_BYTES, b"\0") for key in self.keys)
        return hashlib.blake2b(whole, digest_size=_KEY_BYTES).digest()


class ChunkLabeller:
    """Labels the rows of one file, chunk by chunk.

    Remembers the latest texts by hash, so memory is bounded. What it remembers depends on the rows alone and not on
    where a run was cut short: chunks that an earlier run has scored are given to ``remember`` in their turn. Where one
    stream is labelled by several of these, they share ``failures``, so that an engine that fails on all of it is found.
    """

    def __init__(self, labeller: Labeller, hooks: Hooks, failures: Failures | None = None) -> None:
        self.packer = Packer(labeller.taxonomy)
        self.n_duplicates = 0
        """Rows with a text that an earlier row has, whose prediction they share."""
        self._labeller = labeller
        self._hooks = hooks
        self._known: OrderedDict[bytes, Packed | None] = OrderedDict()
        self._failures = failures or Failures()

    def prepare(self, rows: Sequence[Row]) -> Prepared:
        """Find what is scored of each row."""
        # Where places in the text are noted, it is not cleaned.
        texts = [row.text if self._hooks.noter else clean(row.text) for row in rows]
        keys = [b"" if row.broken else _hash(row.language, text) for row, text in zip(rows, texts, strict=True)]
        return Prepared(rows, texts, keys)

    def label(self, chunk: Prepared, progress: Callable[[int], None]) -> list[Packed | None]:
        """Give one prediction per row, in order; None for a row without a text to read, and one that failed."""
        shared, fresh = self._plan(chunk)
        progress(len(chunk.rows) - len(fresh))
        left = len(fresh)

        def report(n: int) -> None:
            nonlocal left
            progress(min(n, left))
            left -= min(n, left)

        wanted = [(chunk.texts[place], chunk.rows[place].language) for place in fresh.values()]
        made = dict(zip(fresh, self._score(wanted, report), strict=True))
        progress(left)
        self._add(made)
        return [shared[i] if i in shared else made[key] if key else None for i, key in enumerate(chunk.keys)]

    def remember(self, chunk: Prepared, packed: Sequence[Packed | None]) -> None:
        """Take the predictions of a chunk that an earlier run has scored."""
        _, fresh = self._plan(chunk)
        self._add({key: packed[place] for key, place in fresh.items()})

    def results(
        self, rows: Sequence[Row], packed: Sequence[Packed | None]
    ) -> Iterator[tuple[Prediction | None, tuple[str, ...]]]:
        """Yield each row's prediction, as the hooks refine it, and its flags; None for a row without one."""
        for row, found in zip(rows, packed, strict=True):
            if found is None:
                yield None, row.flags if row.broken else (*row.flags, NOT_SCORED)
                continue
            prediction = self.packer.unpack(found)
            for refine in self._hooks.refine:
                prediction = refine(row, prediction)
            yield prediction, (*row.flags, *prediction.flags)

    def _plan(self, chunk: Prepared) -> tuple[dict[int, Packed | None], dict[bytes, int]]:
        """Find the rows whose prediction is known, and the first row of each text whose is not."""
        shared: dict[int, Packed | None] = {}
        fresh: dict[bytes, int] = {}
        for place, key in enumerate(chunk.keys):
            if not key:
                continue
            if key in self._known:
                self._known.move_to_end(key)
                shared[place] = self._known[key]
            elif key not in fresh:
                fresh[key] = place
                continue
            self.n_duplicates += bool(chunk.rows[place].text.strip())
        return shared, fresh

    def _add(self, made: dict[bytes, Packed | None]) -> None:
        self._known |= made
        while len(self._known) > MAX_REMEMBERED:
            self._known.popitem(last=False)

    def _score(self, texts: Sequence[tuple[str, str]], progress: Callable[[int], None]) -> list[Packed | None]:
        """Score texts with their declared languages; None for one that the engine fails on."""

        def tag(pairs: Sequence[tuple[str, str]]) -> list[Packed | None]:
            # Of halves nothing is told: what was finished before the failure would count twice.
            return self._tag(pairs, progress if len(pairs) == len(texts) else None)

        made = self._failures.spare(tag, texts, self._fail, passed_on=(CxnlpError,))
        if self._failures.broken:
            raise BackendError(
                f"the engine gave no numbers for {self._failures.in_row} reviews in a row; try another --backend"
            )
        return made

    def _fail(self, n: int, error: Exception) -> None:
        if self._failures.broken:
            kind = type(error).__name__  # its words might hold the text
            raise BackendError(
                f"the engine failed on {self._failures.in_row} reviews in a row ({kind}); "
                "try another --backend or --device"
            ) from error

    def _tag(self, pairs: Sequence[tuple[str, str]], progress: Callable[[int], None] | None) -> list[Packed | None]:
        texts, declared = [text for text, _ in pairs], [language for _, language in pairs]
        predictions = self._labeller.tag(texts, declared=declared, progress=progress)
        if self._hooks.noter is None:
            return [self.packer.pack(prediction) for prediction in predictions]
        notes = [json.dumps(note, separators=(",", ":")) for note in self._hooks.noter.find(texts, predictions)]
        return [self.packer.pack(*pair) for pair in zip(predictions, notes, strict=True)]


def _hash(language: str, text: str) -> bytes:
    whole = f"{language}\0{text}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(whole, digest_size=_KEY_BYTES).digest()
