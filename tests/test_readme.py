"""Every bash and python block of the README runs as it stands, with the shipped model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tiny
from doc_blocks import Run, blocks_of, make_checkout

README = (tiny.REPOSITORY / "README.md").read_text("utf-8")
BLOCKS = blocks_of(tiny.REPOSITORY / "README.md")
PYTHON = [block for block in BLOCKS if block.language == "python"]
BASH = [block.commands for block in BLOCKS if block.language == "bash"]
COMMANDS = [command for commands in BASH for command in commands]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like the repository, in which the blocks may write."""
    return make_checkout(tmp_path, monkeypatch)


def test_there_is_something_to_run() -> None:
    assert len(PYTHON) >= 1
    assert len([command for command in COMMANDS if command.startswith("cxnlp ")]) >= 4
    assert {block.language for block in BLOCKS} <= {"bash", "python", "text", "toml"}
    assert all(block.mark == "" for block in BLOCKS)  # nothing is left out
    assert len(README.splitlines()) <= 160


@pytest.mark.parametrize("commands", [commands for commands in BASH if commands], ids=lambda commands: commands[0])
def test_commands(commands: list[str], checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in commands:
        assert Run(capsys).command(command).strip()


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_python(number: int, checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(capsys)
    run.block(PYTHON[number])
    assert run.printed.strip()


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", README):
        assert target.startswith("https://") or (tiny.REPOSITORY / target).exists(), target
