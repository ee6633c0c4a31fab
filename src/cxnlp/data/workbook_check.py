"""What a workbook must be before it is unpacked: whole, not encrypted, and not far larger than it looks."""

from __future__ import annotations

import re
import zipfile
import zlib
from typing import BinaryIO

from cxnlp.data.source import Source
from cxnlp.errors import DataError

MAX_BYTES = 2_000_000_000
"""Of all parts of a workbook together, unpacked."""
MAX_RATIO = 200
"""Unpacked to packed size of a part. Sheets of real reviews are packed to a fifth or a tenth."""
MAX_CELLS = 50_000_000
"""Rows times columns of a sheet, since the library sets room aside for all of them."""

_SMALL_BYTES = 20_000_000
"""Up to this size a part may be packed as well as can be: there is no harm in it."""
_BLOCK_BYTES = 1 << 20
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
# Where a cell or row says which it is: r="C12", r="12". An entity in it, which no program writes, is read too.
_PLACE = re.compile(rb"""\sr\s*=\s*["'](?:([A-Za-z]{0,9})(\d{1,19})|[^"'<>]{0,30}&)""")
_PLACE_BYTES = 40
_ADVICE = "save the sheet as CSV (UTF-8) and give that"


def check_workbook(source: Source) -> None:
    """Refuse what would not be read, or not in the memory of an ordinary machine. Nothing is kept of it.

    Raises:
        DataError: encrypted, an old ``.xls``, no workbook, cut off, damaged, or too large once unpacked.
    """
    with source.open() as file:
        _check_kind(source, file)
        file.seek(0)
        try:
            with zipfile.ZipFile(file) as archive:
                parts = archive.infolist()
                _check_sizes(source, parts)
                for part in parts:
                    _check_part(source, archive, part)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise DataError(
                f"{source.path}: the workbook is cut off or damaged ({type(error).__name__}); copy or export it again"
            ) from error


def _check_kind(source: Source, file: BinaryIO) -> None:
    head = file.read(8)
    if head.startswith(b"PK"):
        return
    if head != _OLE:
        raise DataError(f"{source.path}: is not an XLSX workbook; if it is text, give it a name that ends in .csv")
    # Both an old workbook and a protected new one are in this container; the name of a stream tells them apart.
    tail = b""
    while block := file.read(_BLOCK_BYTES):
        if _ENCRYPTED in tail + block:
            raise DataError(
                f"{source.path}: the workbook is protected by a password; open it in Excel, take the password off "
                "(File, Info, Protect Workbook), and save it"
            )
        tail = block[-len(_ENCRYPTED) :]
    raise DataError(f"{source.path}: is a workbook of the old kind (.xls); save it as .xlsx or as CSV (UTF-8)")


def _check_sizes(source: Source, parts: list[zipfile.ZipInfo]) -> None:
    total = sum(part.file_size for part in parts)
    if total > MAX_BYTES:
        raise DataError(
            f"{source.path}: the workbook is {total / 1e9:,.1f} GB unpacked, expected at most "
            f"{MAX_BYTES / 1e9:,.0f} GB; {_ADVICE}"
        )
    for part in parts:
        if part.file_size > max(_SMALL_BYTES, MAX_RATIO * part.compress_size):
            ratio = part.file_size / max(part.compress_size, 1)
            raise DataError(
                f"{source.path}: a part of the workbook is {ratio:,.0f} times as large unpacked, expected at most "
                f"{MAX_RATIO} times, as with a file made to fill the memory; if you trust it, {_ADVICE}"
            )


def _check_part(source: Source, archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    """Unpack a part to nowhere, which checks its size and sum, and look how far cells in it lie apart.

    Any part may be a sheet, whatever its name.
    """
    n_rows = n_columns = 0
    tail = b""
    with archive.open(part) as file:
        while block := file.read(_BLOCK_BYTES):
            for letters, digits in _PLACE.findall(tail + block):
                n_rows = max(n_rows, int(digits or MAX_CELLS + 1))
                n_columns = max(n_columns, _column(letters), 1)
            if n_rows * n_columns > MAX_CELLS:
                raise DataError(
                    f"{source.path}: a sheet of {n_rows:,} rows and {n_columns:,} columns, expected at most "
                    f"{MAX_CELLS:,} cells; delete what lies far from the reviews, or {_ADVICE}"
                )
            tail = block[-_PLACE_BYTES:]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
