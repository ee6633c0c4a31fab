"""The journal of a run: the predictions of each finished chunk of rows, in order, with a checksum. Holds no text."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import struct
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

from cxnlp.inference.packed import Packed

# Mark, number of the chunk, its rows, bytes of the content; then the checksum of these and the content.
_HEAD = struct.Struct("<4sIIQ")
_MARK = b"cxj1"
_CHECK_BYTES = 16
_FSYNC_EVERY_S = 1.0


@dataclass(frozen=True)
class Chunk:
    """The predictions of consecutive rows; None for a row that has none."""

    packed: tuple[Packed | None, ...]
    texts: bytes
    """Hash over the texts of all its rows, by which a chunk of other texts is told."""
    kinds: Mapping[str, list[str]] = field(default_factory=dict)
    """Column to the kinds of its values."""


class Journal:
    """A file of chunks. Those that it holds are taken first, in order; then new ones are added.

    A chunk that is torn, altered or of other texts ends what the file holds: it is cut off there.
    """

    def __init__(self, path: Path, n_bytes: int) -> None:
        self._file: BinaryIO = path.open("r+b" if path.exists() else "w+b")
        self._n_bytes = n_bytes  # of one row's probabilities
        self._number = 0
        self._synced_s = time.monotonic()
        self.n_rows = 0
        """Rows of the chunks that it held when it was opened."""
        while (found := self._read(self.n_chunks)) is not None:
            self.n_rows += found[0]
            self._number += 1
        self.damaged = self._cut(self._file.tell())
        self.n_held = self._number
        self._number = 0
        self._file.seek(0)

    @property
    def n_chunks(self) -> int:
        """Chunks taken and appended so far."""
        return self._number

    def take(self, n_rows: int, texts: bytes) -> Chunk | None:
        """Give the next chunk if it is there and of these texts; otherwise cut off all from here, and give None."""
        start = self._file.tell()
        if self._number < self.n_held:
            found = self._read(self._number)
            chunk = _decode(found[1], self._n_bytes) if found and found[0] == n_rows else None
            if chunk is not None and chunk.texts == texts and len(chunk.packed) == n_rows:
                self._number += 1
                return chunk
            self.n_held = self._number
        self._file.seek(start)
        self.damaged |= self._cut(start)
        return None

    def append(self, chunk: Chunk) -> None:
        """Write a chunk, so that it is there even if the process is killed next."""
        content = _encode(chunk)
        head = _HEAD.pack(_MARK, self._number, len(chunk.packed), len(content))
        self._file.write(head + _check(head, content) + content)
        self._file.flush()
        self._number += 1
        # A power cut may take what the system has not written out: about a second of work.
        if time.monotonic() - self._synced_s > _FSYNC_EVERY_S:
            os.fsync(self._file.fileno())
            self._synced_s = time.monotonic()

    def replay(self) -> Iterator[Chunk | None]:
        """Yield every chunk from the first; None where one has become unreadable."""
        self._file.seek(0)
        for number in range(self._number):
            found = self._read(number)
            yield _decode(found[1], self._n_bytes) if found else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # closing writes out what is left, and fails again on a full disk
            self._file.close()

    def _read(self, number: int) -> tuple[int, bytes] | None:
        """Read the chunk that begins here: its rows and content; None, and no further, if it is not whole."""
        start = self._file.tell()
        head = self._file.read(_HEAD.size)
        if len(head) == _HEAD.size:
            mark, found, n_rows, size = _HEAD.unpack(head)
            if mark == _MARK and found == number and size <= os.fstat(self._file.fileno()).st_size:
                check, content = self._file.read(_CHECK_BYTES), self._file.read(size)
                if len(content) == size and check == _check(head, content):
                    return n_rows, content
        self._file.seek(start)
        return None

    def _cut(self, place: int) -> bool:
        """Cut off everything from here; give whether there was anything."""
        size = os.fstat(self._file.fileno()).st_size
        if size > place:
            self._file.truncate(place)
        return size > place


def _check(head: bytes, content: bytes) -> bytes:
    return hashlib.blake2b(head + content, digest_size=_CHECK_BYTES).digest()


def _encode(chunk: Chunk) -> bytes:
    found = [packed for packed in chunk.packed if packed is not None]
    table = {
        "texts": chunk.texts.hex(),
        "kinds": chunk.kinds,
        "there": "".join("01"[packed is not None] for packed in chunk.packed),
        "labels": [packed.labels for packed in found],
        "confidence": [packed.confidence for packed in found],
        "language": [packed.language for packed in found],
        "flags": [packed.flags for packed in found],
        "evidence": [packed.evidence for packed in found],
    }
    head = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    return zlib.compress(head + b"".join(packed.probabilities for packed in found), 1)


def _decode(content: bytes, n_bytes: int) -> Chunk:
    head, _, probabilities = zlib.decompress(content).partition(b"\n")
    table = json.loads(head)
    found = iter(
        Packed(labels, probabilities[i * n_bytes : (i + 1) * n_bytes], confidence, language, tuple(flags), evidence)
        for i, (labels, confidence, language, flags, evidence) in enumerate(
            zip(*(table[key] for key in ("labels", "confidence", "language", "flags", "evidence")), strict=True)
        )
    )
    packed = tuple(next(found) if there == "1" else None for there in table["there"])
    return Chunk(packed, bytes.fromhex(table["texts"]), table["kinds"])
