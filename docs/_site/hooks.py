"""What the site adds to the pages: files of the repository that they link to, and the commands' own help.

The pages are written to be read on a code host as well, where ``../data/README.md`` leads somewhere. The site holds
only ``docs/``, so each linked file outside is put into it under ``repository/``, and the links are turned there.
"""

from __future__ import annotations

import argparse
import os
import posixpath
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files, InclusionLevel
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = "repository"
COMMANDS = "reference/commands.md"
_MAX_BYTES = 1_000_000
_LINKED = InclusionLevel.NOT_IN_NAV  # reached by links only
_WIDTH = "100"
_LINK = re.compile(r"(?<!!)\]\((?!\w+:|#|/)([^)#\s]+)(#[^)\s]*)?\)")
_SHIM = "assets/iframe-worker.js"


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Name the shim of the offline search before the offline plugin names one on another host."""
    config.extra["polyfills"] = [_SHIM]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page of commands, and every file of the repository that a page links to."""
    files.append(File.generated(config, COMMANDS, content=commands_page()))
    pages = [(f"docs/{file.src_uri}", file.content_string) for file in files.documentation_pages()]
    wanted = [target for place, text in pages for target in _outside(place, text)]
    done: set[str] = set()
    while wanted:
        target = wanted.pop()
        if target in done:
            continue
        done.add(target)
        file = _outside_file(target, config)
        files.append(file)
        if file.is_documentation_page():
            wanted += _outside(target, file.content_string)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn the links that lead out of ``docs/``."""
    place = _place_of(page.file.src_uri)
    here = posixpath.dirname(page.file.src_uri)

    def turned(match: re.Match[str]) -> str:
        target = _resolved(place, match[1])
        uri = target.removeprefix("docs/") if target.startswith("docs/") else _uri_of(target)
        return f"]({posixpath.relpath(uri, here or '.')}{match[2] or ''})"

    return _LINK.sub(turned, markdown)


def commands_page() -> str:
    """Give the help of every command, from the parser itself."""
    sys.path.insert(0, str(ROOT / "src"))
    from cxnlp.cli.main import build_parser

    before = {name: os.environ.get(name) for name in ("COLUMNS", "NO_COLOR")}
    os.environ.update(COLUMNS=_WIDTH, NO_COLOR="1")
    try:
        parts = [
            f"## {parser.prog}\n\n```text\n{parser.format_help().rstrip()}\n```\n" for parser in _leaves(build_parser())
        ]
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return "# Commands\n\nAs `cxnlp COMMAND --help` prints it.\n\n" + "\n".join(parts)


def _leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    yield parser
    for action in below:
        for one in action.choices.values():
            yield from _leaves(one)


def _place_of(uri: str) -> str:
    """Give where a page of the site lies in the repository."""
    if not uri.startswith(f"{OUTSIDE}/"):
        return f"docs/{uri}"
    return uri.removeprefix(f"{OUTSIDE}/").removesuffix("/_contents.md")


def _resolved(place: str, link: str) -> str:
    base = place if (ROOT / place).is_dir() else posixpath.dirname(place)
    return posixpath.normpath(posixpath.join(base, link))


def _outside(place: str, text: str) -> Iterator[str]:
    for match in _LINK.finditer(text):
        target = _resolved(place, match[1])
        if not target.startswith("docs/"):
            yield target


def _uri_of(target: str) -> str:
    return f"{OUTSIDE}/{target}/_contents.md" if (ROOT / target).is_dir() else f"{OUTSIDE}/{target}"


def _outside_file(target: str, config: MkDocsConfig) -> File:
    """Give a linked file, or for a folder a page that lists what is in it.

    Raises:
        FileNotFoundError: the link leads nowhere, or out of the repository.
        ValueError: the file is too large to be put into the site.
    """
    path = ROOT / target
    if target.startswith("..") or not path.exists():
        raise FileNotFoundError(f"a page links to {target}, which is not in the repository")
    if path.is_dir():
        names = sorted(one.name for one in path.iterdir() if one.is_file() and not one.name.startswith("."))
        listed = "\n".join(f"- [{name}]({name})" for name in names)
        return File.generated(config, _uri_of(target), content=f"# {target}\n\n{listed}\n", inclusion=_LINKED)
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(
            f"a page links to {target}, which is larger than {_MAX_BYTES:,} bytes; link to its folder's README"
        )
    return File.generated(config, _uri_of(target), abs_src_path=str(path), inclusion=_LINKED)
