"""What a run of a benchmark leaves in its folder: its settings, one file for each seed, and the results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxnlp.data.lock import Lock
from cxnlp.data.write import AtomicText
from cxnlp.errors import DataError, SettingsError

_SETTINGS = "settings.json"
_SEEDS = "seeds"
RESULTS = "results.json"
BASELINE = "baseline"


class Store:
    """The folder of results. Each seed's figures lie there from the moment they are known.

    It belongs to its settings from the first ``claim`` or ``write`` on, and not before it is known that they can be
    used: a mistyped encoder leaves it free.

    Raises:
        SettingsError: the folder holds results that other settings or other data gave.
        DataError: another run is at work in it, or it cannot be written.
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any]) -> None:
        self.folder = folder
        self._settings: dict[str, Any] = json.loads(json.dumps(settings))
        (folder / _SEEDS).mkdir(parents=True, exist_ok=True)
        self._lock = Lock(folder / ".lock", folder)
        try:
            self._check()
        except BaseException:
            self._lock.release()
            raise

    def _check(self) -> None:
        path = self.folder / _SETTINGS
        if not path.is_file():
            return
        before, now = _leaves(read_json(path)), _leaves(self._settings)
        changed = [key for key in sorted(before.keys() | now.keys()) if before.get(key) != now.get(key)]
        if changed:
            shown = "; ".join(f"{key} was {before.get(key)!r}, is {now.get(key)!r}" for key in changed[:3])
            more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
            raise SettingsError(
                f"{self.folder} holds results of other settings: {shown}{more}; repeat the command that began them, or "
                "name another --output"
            )

    def claim(self) -> None:
        """Say whose the folder is, before anything lies in it that a run would go on from."""
        if not (path := self.folder / _SETTINGS).is_file():
            _write(path, self._settings)

    def run_folder(self, part: str, seed: int) -> Path:
        """Where the checkpoints and the log of one seed lie."""
        return self.folder / "runs" / f"{part}-{seed}"

    def read(self, part: str, seed: int | str) -> dict[str, Any] | None:
        """Give what one seed (or the baseline) came to, None if it has not been run."""
        path = self._path(part, seed)
        return read_json(path) if path.is_file() else None

    def write(self, part: str, seed: int | str, outcome: Mapping[str, Any]) -> None:
        """Keep what one seed came to."""
        self.claim()
        _write(self._path(part, seed), outcome)

    def finish(self, results: Mapping[str, Any], text: str) -> None:
        """Write all results, as JSON and as Markdown."""
        _write(self.folder / RESULTS, results)
        with AtomicText(self.folder / "results.md") as file:
            file.write(text)

    def close(self) -> None:
        """Let another run use the folder."""
        self._lock.release()

    def _path(self, part: str, seed: int | str) -> Path:
        return self.folder / _SEEDS / f"{part}-{seed}.json"


def read_json(path: Path) -> dict[str, Any]:
    """Read an object that a run wrote.

    Raises:
        DataError: it cannot be read, or is none.
    """
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: not readable ({type(error).__name__}); remove it and run again") from error
    if not isinstance(found, dict):
        raise DataError(f"{path}: holds no JSON object; remove it and run again")
    return found


def _write(path: Path, table: Mapping[str, Any]) -> None:
    with AtomicText(path) as file:
        file.write(json.dumps(table, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


def _leaves(table: Mapping[str, Any], under: str = "") -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{under}{key}"
        out.update(_leaves(value, f"{name}.") if isinstance(value, Mapping) and value else {name: value})
    return out
