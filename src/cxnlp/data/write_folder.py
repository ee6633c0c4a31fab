"""Folders that appear under their name only when everything in them is written."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cxnlp.data.lock import Lock


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Give an empty hidden folder beside ``folder``, which takes its name when the ``with`` block ends well.

    A folder that had the name before is replaced, also where a link leads there. On any error, and on Ctrl-C, the
    hidden folder is removed, and what lay under the name is as it was. What a killed run left is removed by the next.

    Raises:
        DataError: another run is writing the same folder.
        OSError: the folder's own folder is missing or read-only, or the disk is full.
    """
    folder = folder.resolve()
    work, old = (folder.with_name(f".{folder.name}.cxnlp-{part}") for part in ("part", "old"))
    lock = Lock(folder.with_name(f".{folder.name}.cxnlp-lock"), folder)
    try:
        _mend(folder, old)
        if work.exists():
            shutil.rmtree(work)
        work.mkdir()
        yield work
        _swap(work, folder, old)
    finally:
        with contextlib.suppress(OSError):
            if work.exists():
                shutil.rmtree(work)
        lock.release()


def _mend(folder: Path, old: Path) -> None:
    """Undo what a run that was killed between the two renamings of :func:`_swap`, or just after them, left."""
    if old.exists() and folder.exists():
        shutil.rmtree(old)
    elif old.exists():
        os.replace(old, folder)


def _swap(work: Path, folder: Path, old: Path) -> None:
    if not folder.exists():
        os.replace(work, folder)
        return
    os.replace(folder, old)
    try:
        os.replace(work, folder)
    except OSError:
        os.replace(old, folder)
        raise
    shutil.rmtree(old)
