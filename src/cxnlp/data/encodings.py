"""Which encoding a file of reviews is in, and its text line by line."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, BytesIO, TextIOWrapper
from typing import BinaryIO, cast

from cxnlp.data.source import Source
from cxnlp.errors import DataError

INVALID_MARK = "\udcff"
"""Stands in a decoded line where bytes could not be decoded; no valid text decodes to it."""
MARK_ERRORS = "cxnlp.mark"
"""Error handler: decodes bad bytes to ``INVALID_MARK``, encodes lone surrogates as U+FFFD."""
LONG_MARK = "\udcfe"
"""Stands in a decoded line that was longer than ``MAX_LINE_CHARS`` and was cut there."""
MAX_LINE_CHARS = 16_000_000

_BLOCK_BYTES = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NAMES = {
    "utf-8": "UTF-8", "utf-8-sig": "UTF-8 with BOM", "utf-16": "UTF-16", "utf-16-le": "UTF-16 without BOM",
    "utf-16-be": "UTF-16 without BOM", "utf-32": "UTF-32", "cp1252": "Windows-1252",
}  # fmt: skip
_NOT_TEXT = ((b"PK\x03\x04", "a ZIP archive or a workbook"), (b"\x1f\x8b", "a gzip archive"), (b"%PDF", "a PDF"))
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def _mark(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeDecodeError):
        return INVALID_MARK, error.end
    if isinstance(error, UnicodeEncodeError):
        return "\ufffd".encode() * (error.end - error.start), error.end  # results are always written in UTF-8
    raise error


codecs.register_error(MARK_ERRORS, _mark)


@dataclass(frozen=True)
class Encoding:
    """How the bytes of a file become text."""

    codec: str

    @property
    def name(self) -> str:
        """The encoding's name for people; empty for files that are not text."""
        return _NAMES.get(self.codec, self.codec)

    @property
    def plain(self) -> bool:
        """Whether it is UTF-8 without a byte order mark."""
        return self.codec == "utf-8"


def find_encoding(source: Source, wanted: str | None = None) -> Encoding:
    """Find the encoding of a whole file: by its byte order mark, as UTF-16 by its NULs, UTF-8, or else Windows-1252.

    A file in which most of the characters beyond ASCII are valid UTF-8 is UTF-8 with some damage. ``wanted`` is taken
    as it is, where Python knows it.

    Raises:
        DataError: it cannot be read, is not text, or ``wanted`` is no encoding.
    """
    with source.open() as file:
        head = file.read(_BLOCK_BYTES)
        _check_head(source, head)
        if wanted is not None:
            return _wanted(wanted, head)
        codec = next((codec for bom, codec in _BOMS if head.startswith(bom)), None) or _utf16_without_bom(head)
        if codec is not None:
            return Encoding(codec)
        file.seek(0)
        valid, invalid = _count_utf8(file)
    return Encoding("utf-8" if not invalid or valid > invalid else "cp1252")


def text_lines(source: Source, encoding: Encoding) -> Iterator[str]:
    """Yield the lines of a file with their line ends as they are (LF, CRLF or CR), bad bytes as ``INVALID_MARK``.

    A line longer than ``MAX_LINE_CHARS`` is cut there and ends in ``LONG_MARK``.

    Raises:
        DataError: the file cannot be read, or not with this encoding.
    """
    try:
        with source.open() as raw, decoded(raw, encoding) as file:
            for number, line in enumerate(_cut_lines(file)):
                # A mark that an encoding set by hand takes for text.
                yield line if number else line.removeprefix("\ufeff")
    except UnicodeError as error:
        raise DataError(
            f"{source.path}: not readable as {encoding.name} ({error.__class__.__name__}); set --encoding"
        ) from error


def _cut_lines(file: TextIOWrapper) -> Iterator[str]:
    pieces = _pieces(file)
    for line in pieces:
        if len(line) > MAX_LINE_CHARS and line[-1] not in "\r\n":
            next((piece for piece in pieces if piece[-1] in "\r\n"), None)  # passes over the rest of it
            line = line[:MAX_LINE_CHARS] + LONG_MARK + "\n"
        yield line


def _pieces(file: TextIOWrapper) -> Iterator[str]:
    """Yield lines, or parts of them of one character more than is allowed; CR LF is never parted."""
    limit = MAX_LINE_CHARS + 1
    carry = ""
    while piece := carry if carry == "\r" else carry + file.readline(limit - len(carry)):
        unsure = piece[-1] == "\r" and (len(piece) >= limit or piece == carry)
        carry = file.read(1) if unsure else ""
        if carry == "\n":
            piece, carry = piece + carry, ""
        yield piece


def decoded(raw: BinaryIO, encoding: Encoding) -> TextIOWrapper:
    """Give the text of opened bytes, its line ends as they are, and bad bytes as ``INVALID_MARK``."""
    return TextIOWrapper(cast(BufferedReader, raw), encoding=encoding.codec, errors=MARK_ERRORS, newline="")


def _check_head(source: Source, head: bytes) -> None:
    for magic, what in _NOT_TEXT:
        if head.startswith(magic):
            raise DataError(
                f"{source.path}: is {what}, expected text; save it as CSV (UTF-8), or give it the ending of "
                "what it is, such as .xlsx"
            )


def _wanted(name: str, head: bytes) -> Encoding:
    try:
        TextIOWrapper(BytesIO(), encoding=name)  # refuses codecs that are not for text, such as base64
        codec = codecs.lookup(name).name
    except (LookupError, UnicodeError, ValueError) as error:
        raise DataError(
            f"unknown encoding {name!r}; use utf-8, utf-16, windows-1252 or another that Python knows"
        ) from error
    marks = [marked for bom, marked in _BOMS if head.startswith(bom)]
    if codec == "utf-8" and "utf-8-sig" in marks:
        codec = "utf-8-sig"
    elif codec == "utf-16" and "utf-16" not in marks:  # which Python reads with a mark only
        codec = _utf16_without_bom(head) or "utf-16-le"
    return Encoding(codec)


def _count_utf8(file: BinaryIO) -> tuple[int, int]:
    """Count the characters beyond ASCII that are valid UTF-8, and the byte sequences that are not."""
    valid = invalid = 0
    decoder = codecs.getincrementaldecoder("utf-8")(MARK_ERRORS)
    block = b" "
    while block:
        block = file.read(_BLOCK_BYTES)
        text = decoder.decode(block, final=not block)
        if not text.isascii():
            bad = text.count(INVALID_MARK)
            invalid += bad
            valid += len(_NOT_ASCII.findall(text)) - bad
    return valid, invalid


def _utf16_without_bom(head: bytes) -> str | None:
    """Name the UTF-16 of which Latin text has a NUL in every other byte, or None."""
    pairs = len(head) // 2
    if not pairs:
        return None
    even, odd = head[: 2 * pairs : 2].count(0) / pairs, head[1 : 2 * pairs : 2].count(0) / pairs
    if odd > 0.4 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.1 else None
