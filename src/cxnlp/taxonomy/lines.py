"""Where in a TOML text something stands: parsed tables carry no line numbers."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*\[+[\w\s.\"'-]+\]+\s*$")


def line_of(text: str, section: str, word: str, *, key: str = "", nth: int = 1) -> int:
    """Give the line (from 1) where ``word`` stands for the ``nth`` time in the table ``section`` ("" is the top level).

    As a key it is preferred to a value, and a value in quotes to a part of one. With ``key``, lines before that key of
    the section are passed over. Where the word is not found, the line of the section's header is given.
    """
    lines = [line.split("#")[0] for line in text.split("\n")]
    start, end = _section(lines, section)
    if key:
        start = _find(lines, start, end, key, 1) or start
    line = _find(lines, start, end, word, nth)
    if line is None and not section:  # a table where none should be, such as a misspelt one
        headers = [bare if _HEADER.match(bare) else "" for bare in lines]
        line = _find(headers, 0, len(lines), word, nth)
    return (start if line is None else line) + 1


def _section(lines: list[str], section: str) -> tuple[int, int]:
    headers = [i for i, line in enumerate(lines) if _HEADER.match(line)]
    if not section:
        return 0, next(iter(headers), len(lines))
    for i, start in enumerate(headers):
        if re.sub(r"[\s\"'\[\]]", "", lines[start]) == section:
            return start, headers[i + 1] if i + 1 < len(headers) else len(lines)
    # Written as an inline table or with dotted keys: somewhere in the table that holds it.
    parent = section.rpartition(".")[0]
    return _section(lines, parent) if parent else (0, len(lines))


def _find(lines: list[str], start: int, end: int, word: str, nth: int) -> int | None:
    name = re.escape(word)
    for pattern in (rf"^\s*[\"']?{name}[\"']?\s*=", rf"([\"']){name}\1", rf"(?<!\w){name}(?!\w)"):
        places = [i for i in range(start, end) for _ in re.finditer(pattern, lines[i])]
        if word and len(places) >= nth:
            return places[nth - 1]
    return None
