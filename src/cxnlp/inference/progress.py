"""The progress of a run: a folder beside the output, by which a run that was cut short goes on. Holds no text."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cxnlp.data.lock import Lock
from cxnlp.data.tables import Table
from cxnlp.data.write import refuse, writable_target
from cxnlp.errors import DataError
from cxnlp.inference.journal import Journal
from cxnlp.inference.options import ScoreOptions
from cxnlp.version import __version__

FORMAT_VERSION = 1
_RUN_FILE, _JOURNAL_FILE, _LOCK_FILE = "run.json", "predictions", "lock"
Identity = Mapping[str, Any]
"""What a run's predictions depend on, by names for people."""


def progress_folder(output: Path) -> Path:
    """Name the folder in which the progress towards an output is kept."""
    target = Path(os.path.realpath(output))
    return target.with_name(f"{target.name}.progress")


def identify(table: Table, fingerprint: str, options: ScoreOptions, hooks: str, chunk_rows: int) -> Identity:
    """Give all that the predictions of a run, and its chunks, depend on. Reads the whole input.

    Raises:
        DataError: the input cannot be read.
    """
    try:
        with table.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            content = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(f"{table.path}: cannot be read ({error.strerror}); give a file of reviews") from error
    scale = table.ratings.scale if table.ratings else None
    return {
        "the input": {"bytes": size, "sha256": content},
        "how the input is read": [
            table.kind, table.encoding.codec, table.delimiter, table.format, table.text_column, dict(table.roles),
            list(table.columns), table.n_rows, scale.name if scale else "",
        ],
        "the model, --careful or --min-precision": fingerprint,
        "the engine": options.engine,
        "--limit, --sample or --seed": [options.limit, options.sample, options.seed],
        "an option": hooks,
        "the version of cxnlp": [__version__, FORMAT_VERSION, chunk_rows],
    }  # fmt: skip


class Progress:
    """The folder, held by one run at a time; ``journal`` holds what an earlier run of the same identity has done.

    ``with`` leaves the folder where there is something to go on with, unless ``done`` was called.

    Raises:
        DataError: another run holds it, or it cannot be written.
    """

    def __init__(
        self, output: Path, identity: Identity, n_bytes: int, note: Callable[[str], None], *, restart: bool = False
    ) -> None:
        self.folder = progress_folder(output)
        self._output = output
        self._done = False
        self._lock = _lock(output)
        try:
            resumed = self._begin(identity, note, restart=restart)
            self.journal = Journal(self.folder / _JOURNAL_FILE, n_bytes)
        except OSError as error:
            self._lock.release()
            refuse(self._output, error)
        if self.journal.damaged:
            note("the last part of the progress was torn or damaged; it is scored again")
        if self.journal.n_rows:
            note(f"going on where an earlier run stopped: {self.journal.n_rows:,} rows are scored already")
        elif resumed:
            note("an earlier run was cut short before the first part of its rows could be kept; starting anew")

    def done(self) -> None:
        """Have the folder removed at the end: the output is there."""
        self._done = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        keep = not self._done and self.journal.n_chunks > 0
        self.journal.__exit__()
        if not keep:
            self._remove(_JOURNAL_FILE, _RUN_FILE)
        self._lock.release()
        if not keep:
            with contextlib.suppress(OSError):  # something of somebody else's lies in it
                self.folder.rmdir()
        if isinstance(error, OSError):
            refuse(self._output, error)

    def _begin(self, identity: Identity, note: Callable[[str], None], *, restart: bool) -> bool:
        """Write down what this run is; give whether an earlier run was the same."""
        path = self.folder / _RUN_FILE
        wanted = json.loads(json.dumps(identity))
        before = _read(path)
        if before == wanted and not restart:
            return True
        if (self.folder / _JOURNAL_FILE).exists():
            if restart:
                note("starting anew, as asked")
            elif before is None:
                note("an earlier run's progress cannot be read; starting anew")
            else:
                changed = [name for name, value in wanted.items() if before.get(name) != value]
                note(f"an earlier run's progress is of another run (changed: {', '.join(changed)}); starting anew")
        self._remove(_JOURNAL_FILE, _RUN_FILE)  # in this order: predictions are never beside another run's identity
        temporary = path.with_suffix(".part")
        temporary.write_text(json.dumps(wanted, indent=1) + "\n", "utf-8")
        os.replace(temporary, path)
        return False

    def _remove(self, *names: str) -> None:
        for name in names:
            (self.folder / name).unlink(missing_ok=True)


@contextlib.contextmanager
def held(output: Path) -> Iterator[None]:
    """Hold an output without keeping any progress.

    Raises:
        DataError: another run holds it, or it cannot be written.
    """
    lock = _lock(output)
    try:
        yield
    finally:
        lock.release()
        with contextlib.suppress(OSError):  # an earlier run's progress lies in it
            progress_folder(output).rmdir()


def _lock(output: Path) -> Lock:
    writable_target(output)
    folder = progress_folder(output)
    try:
        folder.mkdir(exist_ok=True)
        return Lock(folder / _LOCK_FILE, output)
    except OSError as error:
        refuse(output, error)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
