"""Where the bytes of a file of reviews come from: a file, a ``.gz`` of one, or standard input."""

from __future__ import annotations

import gzip
import io
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from cxnlp.errors import DataError

STANDARD = Path("-")
"""Standard input or output."""
_KINDS = {
    **dict.fromkeys((".csv", ".tsv", ".txt"), "delimited"),
    **dict.fromkeys((".jsonl", ".ndjson"), "jsonl"),
    ".json": "json",
    **dict.fromkeys((".xlsx", ".xlsm"), "xlsx"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
}
SUFFIXES = tuple(_KINDS)

_GZIP = b"\x1f\x8b"
_OLE = b"\xd0\xcf\x11\xe0"
_BLOCK_BYTES = 1 << 20


class _View(io.RawIOBase):
    """One reader of a file that several share: it has a place of its own."""

    def __init__(self, shared: BinaryIO) -> None:
        self._shared = shared
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place}.get(whence)
        self._place = offset + start if start is not None else self._shared.seek(offset, whence)
        return self._place

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        self._shared.seek(self._place)
        block = self._shared.read(len(buffer))
        buffer[: len(block)] = block
        self._place += len(block)
        return len(block)


@dataclass(frozen=True)
class Source:
    """Bytes that can be read from the beginning as often as needed."""

    path: Path
    """As it was given, for messages; ``-`` is standard input."""
    kind: str
    """``delimited``, ``jsonl``, ``json``, ``xlsx`` or ``parquet``."""
    gzipped: bool = False
    spooled: BinaryIO | None = None
    """What came from standard input, in a file without a name, which is gone when the program ends, however it ends."""

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open the bytes, unpacked.

        Raises:
            DataError: the file cannot be read, or is a ``.gz`` that is damaged or cut off.
        """
        try:
            with self._raw() as raw:
                yield cast(BinaryIO, gzip.GzipFile(fileobj=raw)) if self.gzipped else raw
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise DataError(f"{self.path}: the gzip file is damaged or cut off; copy it again") from error
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror}); give a file of reviews") from error

    def _raw(self) -> BinaryIO:
        return self.path.open("rb") if self.spooled is None else io.BufferedReader(_View(self.spooled))


def unpacked(path: Path) -> Path:
    """Give a name without its ``.gz``."""
    return path.with_suffix("") if path.suffix.lower() == ".gz" else path


def kind_by_name(path: Path) -> str | None:
    """Give the kind of a file, packed or not, by its name; None if that does not tell it."""
    return _KINDS.get(unpacked(path).suffix.lower())


def open_source(path: Path) -> Source:
    """Find out what a file is: by its name, or by its first bytes where it has none.

    Standard input (``-``) is copied to a temporary file, since it is read more than once.

    Raises:
        DataError: no such file, a folder, empty, or of an unknown kind.
    """
    if path == STANDARD:
        return _from_stdin(sys.stdin.buffer)
    try:
        _check_file(path)
        gzipped = unpacked(path) != path
        kind = kind_by_name(path)
        if kind is None and not gzipped:
            expected = f"expected one of {', '.join(SUFFIXES)}, or .gz of the text ones"
            raise DataError(f"{path}: unknown kind of file {path.suffix or '(no extension)'!r}, {expected}")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a file of reviews") from error
    source = Source(path, kind or "delimited", gzipped)
    return _checked(source, guess=kind is None)


def _from_stdin(stream: BinaryIO) -> Source:
    try:
        spooled = cast(BinaryIO, tempfile.TemporaryFile(prefix="cxnlp-"))  # noqa: SIM115 - lives as long as the source
        size = 0
        while block := stream.read(_BLOCK_BYTES):
            spooled.write(block)
            size += len(block)
        spooled.flush()
    except OSError as error:
        raise DataError(
            f"{STANDARD}: standard input cannot be kept in the folder of temporary files ({error.strerror}); "
            "free some space there, or set TMPDIR to another folder"
        ) from error
    if not size:
        raise DataError(f"{STANDARD}: standard input is empty; expected a header and rows, or one JSON object a line")
    spooled.seek(0)
    return _checked(Source(STANDARD, "delimited", spooled.read(2) == _GZIP, spooled), guess=True)


def _checked(source: Source, *, guess: bool) -> Source:
    with source.open() as file:
        head = file.read(_BLOCK_BYTES)
    if not head:
        raise DataError(f"{source.path}: the file is empty; expected a header and rows, or one JSON object a line")
    if guess:
        source = Source(source.path, _guess(head), source.gzipped, source.spooled)
    if source.kind == "json" and _is_lines(head):
        source = Source(source.path, "jsonl", source.gzipped, source.spooled)
    if source.gzipped and source.kind in ("xlsx", "parquet"):
        raise DataError(f"{source.path}: a {source.kind} file is packed already; unpack the .gz and give what is in it")
    return source


def _guess(head: bytes) -> str:
    if head.startswith((b"PK\x03\x04", _OLE)):
        return "xlsx"
    if head.startswith(b"PAR1"):
        return "parquet"
    start = head.lstrip(b"\xef\xbb\xbf\xff\xfe\0 \t\r\n")[:1]
    return "json" if start in (b"{", b"[") else "delimited"


def _is_lines(head: bytes) -> bool:
    """Say whether what is called JSON is one object a line: the first line is a whole object."""
    import json

    first = next((line for line in head.removeprefix(b"\xef\xbb\xbf").splitlines() if line.strip()), b"")
    if not first.lstrip().startswith(b"{"):
        return False
    try:
        record = json.loads(first)
    except (ValueError, RecursionError):
        return False
    # One object on one line may hold the list of reviews.
    return not any(isinstance(value, list) and value and isinstance(value[0], dict) for value in record.values())


def _check_file(path: Path) -> None:
    kinds = "CSV, XLSX, JSON, JSONL or Parquet"
    if path.is_dir():
        raise DataError(f"{path}: is a folder; give a file of reviews ({kinds})")
    if not path.exists():
        raise DataError(f"{path}: no such file; give a file of reviews ({kinds})")
    if not path.is_file():
        raise DataError(f"{path}: not a plain file, and it is read more than once; save it to a file or give it as -")
