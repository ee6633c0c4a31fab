"""The code blocks of README and docs, and how they are run: in order, in a folder that looks like the repository.

An HTML comment on the line before a block, which readers do not see, says what is special about it:
``<!-- not run: needs X -->`` it is left alone; ``<!-- exit code N -->`` its last command ends with N;
``<!-- output -->`` a ``text`` block whose lines the block before it prints, in order (``…`` stands for anything).
"""

from __future__ import annotations

import ast
import glob
import importlib.util
import re
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import tiny
from cxnlp.cli.main import main

_BLOCK = re.compile(
    r"(?:^<!-- (?P<mark>[^\n]*?) -->\n)?^(?P<indent> *)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^ *```$", re.M | re.S
)
# Done by whoever reads this: the package is installed, and the README's tests are these.
_DONE = re.compile(r'(python -m )?pip install "?(\.|cxnlp)(\[[\w,]+\])?"?( *#.*)?|pytest')
_EXTRA = re.compile(r'pip install "cxnlp\[\w+\]"')
NOT_RUN = "not run: "


@dataclass(frozen=True)
class Block:
    """One fenced block."""

    page: str
    line: int
    language: str
    code: str
    mark: str = ""

    @property
    def runs(self) -> bool:
        return self.language in ("bash", "python") and not self.mark.startswith(NOT_RUN)

    @property
    def commands(self) -> list[str]:
        """The commands of a bash block, without those that install the package and run its tests."""
        lines = self.code.replace("\\\n", " ").splitlines()
        parts = [part.strip() for line in lines for part in line.split("&&")]
        return [part for part in parts if part and not part.startswith("#") and not _DONE.fullmatch(part)]


def blocks_of(path: Path) -> list[Block]:
    """Give the blocks of a page."""
    text = path.read_text("utf-8")
    name = path.relative_to(tiny.REPOSITORY).as_posix()
    out = []
    for match in _BLOCK.finditer(text):
        indent = len(match["indent"])
        code = "".join(line[indent:] if line.strip() else line for line in match["code"].splitlines(keepends=True))
        out.append(Block(name, text.count("\n", 0, match.start()) + 1, match["language"], code, match["mark"] or ""))
    return out


def make_checkout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder look like the repository, so that blocks may write there, and go to it."""
    for path in tiny.REPOSITORY.iterdir():
        if not path.name.startswith((".", "scored", "summary.")) and path.name not in ("build", "runs"):
            (folder / path.name).symlink_to(path)
    monkeypatch.chdir(folder)
    return folder


@dataclass
class Run:
    """Runs the blocks of one page after each other; they share their names and the folder."""

    capsys: pytest.CaptureFixture[str]
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "page"})
    printed: str = ""

    def block(self, block: Block) -> None:
        """Run a block, or hold an output against what was printed."""
        if block.mark == "output":
            self._compare(block)
        elif block.runs and block.language == "python":
            self._python(block)
        elif block.runs:
            self._bash(block)

    def command(self, command: str, expected: int = 0) -> str:
        """Run one command line of cxnlp; give what it printed."""
        program, *words = shlex.split(command, comments=True)
        assert program == "cxnlp", f"a line that this test cannot run: {command}"
        arguments = [found for word in words for found in (sorted(glob.glob(word)) or [word])]
        code = main(arguments)
        printed = self.capsys.readouterr()
        if code == 2 and (missing := _EXTRA.search(printed.err)):
            pytest.skip(missing[0])
        assert code == expected, printed.err
        assert printed.out.strip() or printed.err.strip()
        for option in ("--output", "-o", "--summary", "--json", "--markdown", "--html"):
            if option in words:
                assert Path(words[words.index(option) + 1]).stat().st_size > 0
        return printed.out

    def _bash(self, block: Block) -> None:
        wanted = re.fullmatch(r"exit code (\d+)", block.mark)
        commands = block.commands
        self.printed = "".join(
            self.command(command, int(wanted[1]) if wanted and command == commands[-1] else 0) for command in commands
        )

    def _python(self, block: Block) -> None:
        for module in _imported(block.code):
            if importlib.util.find_spec(module) is None:
                pytest.skip(f"{block.page}:{block.line} needs {module}")
        exec(compile("\n" * block.line + block.code, block.page, "exec"), self.names)
        self.printed = self.capsys.readouterr().out

    def _compare(self, block: Block) -> None:
        place = 0
        for line in block.code.splitlines():
            for part in filter(None, (piece.strip() for piece in line.split("…"))):
                found = _folded(self.printed).find(_folded(part), place)
                assert found >= 0, f"{block.page}:{block.line}: not printed, or not there: {part!r}\n{self.printed}"
                place = found + len(_folded(part))


def _folded(text: str) -> str:
    return " ".join(text.split())


def _imported(code: str) -> set[str]:
    """Name the packages that a block imports, but for Python's own."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).split(".")[0])
    return found - set(sys.stdlib_module_names) - {"cxnlp"}
