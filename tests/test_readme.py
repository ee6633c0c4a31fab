"""Every bash and python block of the README runs as it stands, with the shipped model."""

from __future__ import annotations

import glob
import re
import shlex
from pathlib import Path

import pytest

import tiny
from cxnlp.cli.main import main

README = (tiny.REPOSITORY / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PYTHON = [code for language, code in BLOCKS if language == "python"]
COMMANDS = [
    command.strip()
    for language, code in BLOCKS
    if language == "bash"
    for line in code.replace("\\\n", " ").splitlines()
    for command in line.split("&&")
    if command.strip() and not command.strip().startswith("#")
]
# Done by whoever reads this: the package is installed, and these are the tests.
_DONE = re.compile(r'python -m pip install "?\.(\[\w+\])?"?|pytest')


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the repository, in which the blocks may write."""
    for path in tiny.REPOSITORY.iterdir():
        if not path.name.startswith((".", "scored.", "summary.")):
            (tmp_path / path.name).symlink_to(path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_there_is_something_to_run() -> None:
    assert len(PYTHON) >= 1
    assert len([command for command in COMMANDS if command.startswith("cxnlp ")]) >= 4
    assert {language for language, _ in BLOCKS} <= {"bash", "python", "text", "toml"}
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("command", COMMANDS)
def test_commands(command: str, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if _DONE.fullmatch(command):
        return
    program, *words = shlex.split(command)
    assert program == "cxnlp", f"a line that this test cannot run: {command}"
    arguments = [found for word in words for found in (sorted(glob.glob(word)) or [word])]
    assert main(arguments) == 0, capsys.readouterr().err
    printed = capsys.readouterr()
    assert printed.out.strip()
    for option in ("--output", "--summary", "--json"):
        if option in words:
            assert (checkout / words[words.index(option) + 1]).stat().st_size > 0


@pytest.mark.parametrize("code", PYTHON)
def test_python(code: str, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, "README.md", "exec"), {"__name__": "readme"})
    assert capsys.readouterr().out.strip()


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", README):
        assert target.startswith("https://") or (tiny.REPOSITORY / target).exists(), target
