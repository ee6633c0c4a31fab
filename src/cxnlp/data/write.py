"""Files that appear under their name only when they are complete."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from cxnlp.data.encodings import MARK_ERRORS
from cxnlp.errors import DataError

_FULL = "free some space or write to another disk"
_ADVICE = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: "raise the limit on the size of files or write to another disk",
}


def refuse(path: Path, error: OSError) -> NoReturn:
    """Say that a file cannot be written, and what to do."""
    advice = _ADVICE.get(error.errno or 0, "choose a folder that you may write to")
    reason = error.strerror or type(error).__name__
    raise DataError(f"{path}: cannot be written ({reason}); nothing was changed there; {advice}") from error


def refuse_input(path: Path, inputs: Iterable[Path], option: str) -> None:
    """Refuse a name under which lies something that is read, also where a link leads there; of a folder, every file.

    Raises:
        DataError: it is one of the inputs.
    """
    if not path.exists():
        return
    for given in inputs:
        for read in given.iterdir() if given.is_dir() else [given]:
            if read.exists() and path.samefile(read):
                raise DataError(
                    f"{path}: {option} would overwrite {read}, which is read here; expected another file; "
                    "give the result a name of its own"
                )


def refuse_outputs(outputs: Mapping[str, Path], inputs: Sequence[Path]) -> None:
    """Refuse results (option to file) that are read, or that two options name.

    Raises:
        DataError: a file is one of the inputs, or the file of another option.
    """
    taken: dict[str, str] = {}
    for option, path in outputs.items():
        refuse_input(path, inputs, option)
        if (other := taken.setdefault(os.path.realpath(path), option)) != option:
            raise DataError(f"{path}: named by {other} and {option}; expected two files; give each its own name")


def writable_target(path: Path) -> Path:
    """Give the file that a name leads to, through links; refuse a name that cannot be written.

    Raises:
        DataError: it is a folder, its folder is missing, or the name is too long.
    """
    target = Path(os.path.realpath(path))
    if os.path.isdir(target):
        raise DataError(f"{path}: is a folder; give the name of a file in it")
    if not os.path.isdir(target.parent):
        raise DataError(f"{path}: the folder {target.parent} does not exist; make it first")
    try:
        with contextlib.suppress(FileNotFoundError):
            os.stat(target)  # a name that is too long is refused now and not when all is done
    except OSError as error:
        refuse(path, error)
    return target


def put_in_place(temporary: Path, target: Path) -> None:
    """Give a finished file its name in one step, with the permissions of what had it before."""
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    if target.exists():
        shutil.copymode(target, temporary)
    os.replace(temporary, target)


class AtomicFile:
    """A place to write a file in, which takes its name when the ``with`` block ends well.

    ``with AtomicFile(path) as part`` gives a path in a hidden folder beside ``path``, for the file and whatever its
    writer needs along the way. On any error, and on Ctrl-C, the folder is removed, and what lay under the name is as it
    was. A folder that a killed run left is removed by the next one.

    Raises:
        DataError: the folder is missing or read-only, the disk is full, or the name is a folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._target = writable_target(path)
        self._folder = self._target.with_name(f".{self._target.name}.part")

    def __enter__(self) -> Path:
        try:
            self._remove()
            self._folder.mkdir()
        except OSError as error:
            refuse(self.path, error)
        return self._folder / "part"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                put_in_place(self._folder / "part", self._target)
        except OSError as failed:
            refuse(self.path, failed)
        finally:
            with contextlib.suppress(OSError):
                self._remove()
        if isinstance(error, OSError):
            refuse(self.path, error)

    def _remove(self) -> None:
        if self._folder.is_dir():
            shutil.rmtree(self._folder)


class AtomicText:
    """A text file written beside its name and renamed when the ``with`` block ends well.

    On any error, and on Ctrl-C, the unfinished file is removed, and what lay under the name is as it was. Line ends are
    written as given. A lone surrogate, which no encoding can hold, is written as U+FFFD.

    Raises:
        DataError: the folder is missing or read-only, the disk is full, or the name is a folder.
    """

    def __init__(self, path: Path, encoding: str = "utf-8") -> None:
        self.path = path
        self._target = writable_target(path)
        self._temporary = self._target.parent / f".cxnlp-{secrets.token_hex(8)}.part"
        try:
            # Created by hand, since the files of tempfile are closed to the group, which a result should not be.
            descriptor = os.open(self._temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        except OSError as error:
            refuse(path, error)
        self._file = os.fdopen(descriptor, "w", encoding=encoding, errors=MARK_ERRORS, newline="")

    def write(self, text: str) -> int:
        """Add text; give the number of characters (as ``csv.writer`` expects of a file)."""
        try:
            return self._file.write(text)
        except OSError as error:
            refuse(self.path, error)

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
            self._file.close()
            put_in_place(self._temporary, self._target)
        except OSError as error:
            refuse(self.path, error)
