"""Folders made whole: what a killed run leaves, what an error leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cxnlp.data.write_folder import atomic_folder
from cxnlp.errors import DataError

KILLED = """
import os, signal, sys
from pathlib import Path
from cxnlp.data import write_folder

folder, when = Path(sys.argv[1]), sys.argv[2]
rename = os.replace

def dies(source, target):
    rename(source, target)
    if when == "between":
        os.kill(os.getpid(), signal.SIGKILL)

write_folder.os.replace = dies
with write_folder.atomic_folder(folder) as work:
    (work / "a").write_text("new")
    if when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
"""


def _contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.iterdir()}


def _write(folder: Path, **files: str) -> None:
    with atomic_folder(folder) as work:
        for name, text in files.items():
            (work / name).write_text(text, "utf-8")
        assert not folder.exists() or "new" not in _contents(folder).values()


def test_it_appears_whole_and_replaces_what_was_there(tmp_path: Path) -> None:
    _write(tmp_path / "made", a="first", b="first")
    _write(tmp_path / "made", a="new")
    assert _contents(tmp_path / "made") == {"a": "new"}
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    _write(tmp_path / "made", a="first")
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "made") as work:
        (work / "a").write_text("half", "utf-8")
        raise KeyboardInterrupt
    assert _contents(tmp_path / "made") == {"a": "first"}
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_what_comes_out_may_be_read_by_those_whom_the_user_lets(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        _write(tmp_path / "made", a="x")
    finally:
        os.umask(before)
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o755


def test_of_two_runs_the_second_is_refused(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "made") as work:
        (work / "a").write_text("first", "utf-8")
        with pytest.raises(DataError, match=r"made: another run \(process \d+\) is writing it"):
            _write(tmp_path / "made", a="second")
    assert _contents(tmp_path / "made") == {"a": "first"}
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path) -> None:
    _write(tmp_path / "made", a="first")
    (tmp_path / "current").symlink_to("made", target_is_directory=True)
    for text in ("second", "third"):
        _write(tmp_path / "current", a=text)
    assert (tmp_path / "current").is_symlink() and _contents(tmp_path / "made") == {"a": "third"}
    assert {path.name for path in tmp_path.iterdir()} == {"made", "current"}


@pytest.mark.parametrize("when", ["before", "between"])
def test_a_killed_run_is_mended_by_the_next(tmp_path: Path, when: str) -> None:
    folder = tmp_path / "made"
    _write(folder, a="first")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(folder), when], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) > 1, "something was left beside it"
    with pytest.raises(ValueError, match="stop"), atomic_folder(folder):
        assert _contents(folder) == {"a": "first"}, "the old folder is back"
        raise ValueError("stop")
    assert _contents(folder) == {"a": "first"}
    _write(folder, a="new")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
