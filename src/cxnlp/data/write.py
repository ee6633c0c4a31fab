"""Files that appear under their name only when they are complete."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from cxnlp.data.encodings import MARK_ERRORS
from cxnlp.errors import DataError


class AtomicText:
    """A text file written beside its name and renamed when the ``with`` block ends well.

    On any error, and on Ctrl-C, the unfinished file is removed, and what lay under the name is as it was. Line ends are
    written as given. A lone surrogate, which no encoding can hold, is written as U+FFFD.

    Raises:
        DataError: the folder is missing or read-only, the disk is full, or the name is a folder.
    """

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        self.path = path
        # Through a link to the file that it names, which stays a link.
        self._target = Path(os.path.realpath(path))
        folder = self._target.parent
        if os.path.isdir(self._target):
            raise DataError(f"{path}: is a folder; give the name of a file in it")
        if not os.path.isdir(folder):
            raise DataError(f"{path}: the folder {folder} does not exist; make it first")
        self._temporary = folder / f".cxnlp-{secrets.token_hex(8)}.part"
        try:
            with contextlib.suppress(FileNotFoundError):
                os.stat(self._target)  # a name that is too long is refused now and not when all is done
            # Created by hand, since the files of tempfile are closed to the group, which a result should not be.
            descriptor = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except OSError as error:
            self._refuse(error)
        self._file = os.fdopen(descriptor, "w", encoding=encoding, errors=MARK_ERRORS, newline="")

    def write(self, text: str) -> int:
        """Add text; give the number of characters (as ``csv.writer`` expects of a file)."""
        try:
            return self._file.write(text)
        except OSError as error:
            self._refuse(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        finished = False
        try:
            if kind is None:
                self._finish()
                finished = True
        finally:
            if not finished:
                with contextlib.suppress(OSError):  # closing writes out what is left, and fails again on a full disk
                    self._file.close()
                with contextlib.suppress(OSError):
                    self._temporary.unlink(missing_ok=True)

    def _finish(self) -> None:
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            if self._target.exists():
                shutil.copymode(self._target, self._temporary)
            os.replace(self._temporary, self._target)
        except OSError as error:
            self._refuse(error)

    def _refuse(self, error: OSError) -> NoReturn:
        advice = {
            errno.ENOSPC: "free some space or write to another disk",
            errno.EDQUOT: "free some space or write to another disk",
            errno.EFBIG: "raise the limit on the size of files or write to another disk",
        }.get(error.errno or 0, "choose a folder that you may write to")
        raise DataError(
            f"{self.path}: cannot be written ({error.strerror}); nothing was changed there; {advice}"
        ) from error
