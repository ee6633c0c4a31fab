"""The documentation: every block of every page runs or says why not, and the site builds strictly."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import tiny
from cxnlp.cli.main import build_parser
from doc_blocks import NOT_RUN, Block, Run, blocks_of, make_checkout

DOCS = tiny.REPOSITORY / "docs"
PAGES = {path.relative_to(DOCS).as_posix(): blocks_of(path) for path in sorted(DOCS.rglob("*.md"))}
LANGUAGES = {"", "bash", "python", "text", "toml", "json", "yaml", "html", "dockerfile", "xml"}


@pytest.mark.parametrize("page", [name for name, blocks in PAGES.items() if any(block.runs for block in blocks)])
def test_the_blocks_of_a_page_run_in_order(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_checkout(tmp_path, monkeypatch)
    run = Run(capsys)
    for block in PAGES[page]:
        run.block(block)


def test_every_block_is_accounted_for() -> None:
    blocks = [block for page in PAGES.values() for block in page]
    assert {block.language for block in blocks} <= LANGUAGES
    code = [block for block in blocks if block.language in ("bash", "python")]
    left = [block for block in code if not block.runs]
    for block in left:
        assert re.fullmatch(r"not run: (needs|takes) \S.*", block.mark), f"{block.page}:{block.line}: say why"
    for block in code:
        known = block.mark == "" or block.mark.startswith(NOT_RUN) or re.fullmatch(r"exit code \d", block.mark)
        assert known, f"{block.page}:{block.line}: no mark {block.mark!r}"
    # A page may not fall silent: most that can be run must be.
    assert len([block for block in code if block.runs]) >= 15
    print(f"{len(code)} blocks of code, {len(left)} not run")


def test_links_between_pages_lead_somewhere() -> None:
    for path in DOCS.rglob("*.md"):
        for target in re.findall(r"\]\((?!\w+:|#)([^)#\s]+)(?:#[^)]*)?\)", path.read_text("utf-8")):
            made = (path.parent / target).resolve() == (DOCS / "reference" / "commands.md").resolve()
            assert made or (path.parent / target).exists(), f"{path.name}: {target}"


# How the runner judges


def _block(code: str, language: str = "bash", mark: str = "") -> Block:
    return Block("page.md", 1, language, code, mark)


def test_the_runner_sees_what_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make_checkout(tmp_path, monkeypatch)
    run = Run(capsys)
    run.block(_block('python -m pip install ".[train]"\npip install "cxnlp[ray]"  # and Java\n'))
    run.block(_block("x = 1\nprint('a', x)\n", "python"))
    run.block(_block("print(x + 1)\n", "python"))
    run.block(_block("2\n", "text", "output"))
    run.block(_block("cxnlp columns none.csv\n", mark="exit code 2"))
    run.block(_block("cxnlp columns none.csv\n", mark="not run: needs a file"))
    run.block(_block("cxnlp columns data/samples/feedback.csv\n"))
    run.block(_block("… review …\n", "text", "output"))
    with pytest.raises(AssertionError):
        run.block(_block("cxnlp columns none.csv\n"))
    with pytest.raises(AssertionError):
        run.block(_block("no such line\n", "text", "output"))
    with pytest.raises(AssertionError, match="cannot run"):
        run.block(_block("rm -r data\n"))
    with pytest.raises(NameError):
        run.block(_block("print(y)\n", "python"))
    with pytest.raises(pytest.skip.Exception, match="no_such_package"):
        run.block(_block("import no_such_package\n", "python"))


def test_marks_and_lines_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny, "REPOSITORY", tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "# A\n\n<!-- not run: needs X -->\n```bash\nrm x\n```\n\n- a\n\n  ```python\n  if 1:\n\n    x = 1\n  ```\n"
    )
    first, second = blocks_of(page)
    assert (first.mark, first.language, first.runs) == ("not run: needs X", "bash", False)
    assert (second.mark, second.code, second.line) == ("", "if 1:\n\n  x = 1\n", 10)


# The site


class _Sources(HTMLParser):
    """Collects what a page loads."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in ("script", "img", "iframe", "source") and given.get("src"):
            self.loaded.append(str(given["src"]))
        if tag == "link" and given.get("rel") not in ("canonical", "next", "prev"):
            self.loaded.append(str(given.get("href")))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings_handlers.python")
    folder = tmp_path_factory.mktemp("site") / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=tiny.REPOSITORY, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) >= len(PAGES)
    for page in pages:
        sources = _Sources()
        sources.feed(page.read_text("utf-8"))
        assert sources.loaded
        for source in sources.loaded:
            assert not re.match(r"(https?:)?//", source), f"{page.name} loads {source}"
            if not source.startswith("data:") and page.name != "404.html":
                assert (page.parent / source.split("?")[0].split("#")[0]).exists(), f"{page.name}: {source}"
    assert (site / "search" / "search_index.js").stat().st_size > 100_000


def test_the_site_holds_the_help_of_every_command(site: Path) -> None:
    page = (site / "reference" / "commands.html").read_text("utf-8")
    (commands,) = [action for action in build_parser()._actions if hasattr(action, "choices") and action.choices]
    for name in commands.choices:
        assert f">cxnlp {name}<" in page, name


def test_the_site_holds_docstrings_and_files_outside_docs(site: Path) -> None:
    assert "Safe to use from several threads" in (site / "reference" / "scoring.html").read_text("utf-8")
    assert (site / "repository" / "data" / "annotation-guidelines.html").exists()
    taxonomy = (site / "taxonomy.html").read_text("utf-8")
    assert 'href="repository/src/cxnlp/taxonomy/default.toml"' in taxonomy
    source = tiny.REPOSITORY / "src" / "cxnlp" / "taxonomy" / "default.toml"
    assert (site / "repository" / "src" / "cxnlp" / "taxonomy" / "default.toml").read_bytes() == source.read_bytes()
