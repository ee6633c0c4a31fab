"""A lock file that the system lets go of when its process dies."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path

from cxnlp.errors import DataError

_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
# Windows locks bytes, and a locked byte cannot be read by others; the process id stands before it.
_LOCKED_BYTE = 1 << 20


class Lock:
    """Held from its making until ``release``; the file holds the process id, for the message to the second one.

    The system's own lock, and not the file, says who holds it: a killed process holds nothing.

    Raises:
        DataError: another run holds it.
        OSError: the file cannot be made.
    """

    def __init__(self, path: Path, what: Path, option: str = "--output") -> None:
        self.path = path
        while True:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                _lock(self._descriptor)
            except OSError as error:
                owner = _owner(self._descriptor)
                os.close(self._descriptor)
                if error.errno not in _TAKEN:
                    raise
                raise DataError(
                    f"{what}: another run{owner} is writing it; wait until it is done, or give another {option}"
                ) from error
            if _is_still(self._descriptor, path):
                break
            os.close(self._descriptor)  # the run that held it ended, and removed the file, just now
        os.truncate(self._descriptor, 0)
        os.write(self._descriptor, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Remove the file and let go."""
        if sys.platform == "win32":
            os.close(self._descriptor)
        with contextlib.suppress(OSError):
            self.path.unlink()
        if sys.platform != "win32":
            os.close(self._descriptor)


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_still(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path))
    except FileNotFoundError:
        return False


def _owner(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    number = os.read(descriptor, 20).strip()
    return f" (process {int(number)})" if number.isdigit() else ""
