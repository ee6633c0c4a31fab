"""Lines of JSONL to records; a line that is no JSON object keeps its place."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from cxnlp.data.delimited import INVALID_BYTES, NUL_BYTES
from cxnlp.data.encodings import INVALID_MARK, LONG_MARK

BROKEN_LINE = "broken_line"
"""Flag: a line that is not a JSON object; it is not scored."""
NOT_TEXT = "not_text"
"""Flag: the text is a list, an object or a truth value; it is not scored."""

_SHOWN_CHARS = 1000


@dataclass(frozen=True)
class JsonLine:
    """One line: its record, or without one what is wrong with it (``raw`` is then the line itself)."""

    number: int
    record: dict[str, Any] | None
    flags: tuple[str, ...] = ()
    raw: str = ""
    problem: str = ""


def json_rows(lines: Iterable[str]) -> Iterator[JsonLine]:
    """Yield every line that is not blank."""
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _parse(number, line.strip())


def _parse(number: int, line: str) -> JsonLine:
    flags = []
    if INVALID_MARK in line:
        flags.append(INVALID_BYTES)
        line = line.replace(INVALID_MARK, "\ufffd")
    if "\0" in line:
        flags.append(NUL_BYTES)
        line = line.replace("\0", "")
    if line.endswith(LONG_MARK):
        problem = "a line of more than 16 million characters; expected one object a line"
        return JsonLine(number, None, tuple(flags), line[:_SHOWN_CHARS], problem)
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        problem = f"not a JSON object (column {error.colno}); expected one object a line"
    except (ValueError, RecursionError):  # a number of thousands of digits; brackets in brackets without end
        problem = "a JSON value too large to read; expected one object a line"
    else:
        if isinstance(record, dict):
            return JsonLine(number, record, tuple(flags))
        problem = f"a JSON {type(record).__name__}, expected an object"
    return JsonLine(number, None, tuple(flags), line, problem)
