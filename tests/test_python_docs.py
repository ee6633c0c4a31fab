"""Every Python block of docs/python.md runs as it stands, with the shipped model."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tiny

TEXT = (tiny.REPOSITORY / "docs" / "python.md").read_text("utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def test_each_door_has_an_example() -> None:
    assert len(BLOCKS) == len(re.findall(r"^## ", TEXT, re.MULTILINE)) == 4


@pytest.mark.parametrize("code", BLOCKS)
def test_blocks(code: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for package in ("pandas", "sklearn", "spacy", "datasets"):
        if re.search(rf"^(?:import|from) \S*{package}", code, re.MULTILINE):
            pytest.importorskip(package)
    monkeypatch.chdir(tiny.REPOSITORY)
    exec(compile(code, "python.md", "exec"), {"__name__": "python"})
    assert capsys.readouterr().out.strip()


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", TEXT):
        assert target.startswith("https://") or (Path(tiny.REPOSITORY) / "docs" / target).exists(), target
