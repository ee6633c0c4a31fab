"""Read the files of a suite. It is refused whole if one line is wrong: a rate without that case would be another."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cxnlp.data import Problem, json_lines
from cxnlp.errors import DataError
from cxnlp.evaluation.checklist.cases import Case, case_from_record
from cxnlp.taxonomy import Taxonomy

_SHOWN_PROBLEMS = 20
_SUFFIXES = (".jsonl", ".toml")
_TOML_CASE = re.compile(r"^[ \t]*\[\[[ \t]*case[ \t]*\]\]", re.MULTILINE)


def read_suite(paths: Sequence[Path], taxonomy: Taxonomy) -> list[Case]:
    """Read JSON lines (one case each) or TOML (tables ``[[case]]``), or every such file of a folder, by name.

    Raises:
        DataError: a file cannot be read, a case is wrong, an id occurs twice, or there is no case at all.
    """
    cases: list[Case] = []
    problems: list[Problem] = []
    places: dict[str, str] = {}
    for path in [file for given in paths for file in _files(given)]:
        for number, record in _records(path):
            if isinstance(record, Problem):
                problems.append(record)
                continue
            try:
                case = case_from_record(record, taxonomy)
                if case.id in places:
                    raise DataError(f"id {case.id[:40]!r} is that of {places[case.id]} too; give each case its own")
            except DataError as error:
                problems.append(Problem(str(path), number, str(error)))
                continue
            places[case.id] = f"{path}, line {number}"
            cases.append(case)
    if problems:
        shown = "\n  ".join(map(str, problems[:_SHOWN_PROBLEMS]))
        more = len(problems) - _SHOWN_PROBLEMS
        raise DataError(f"wrong cases: {len(problems)}\n  {shown}" + (f"\n  and {more} more" if more > 0 else ""))
    if not cases:
        raise DataError(f"no case in {', '.join(map(str, paths)) or 'no file'}; expected one object a line")
    return cases


def _files(given: Path) -> list[Path]:
    if given.is_dir():
        return sorted(file for file in given.iterdir() if file.suffix in _SUFFIXES)
    if given.suffix not in _SUFFIXES:
        raise DataError(f"{given}: expected a folder, or a file that ends in {' or '.join(_SUFFIXES)}")
    return [given]


def _records(path: Path) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    if path.suffix == ".jsonl":
        yield from json_lines(path)
        return
    try:
        text = path.read_text("utf-8-sig")
        cases = tomllib.loads(text).get("case", [])
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a TOML file") from error
    except ValueError as error:  # no TOML (it says the line), or no UTF-8
        raise DataError(f"{path}: is not TOML ({error}); expected tables [[case]] in UTF-8") from error
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise DataError(f'{path}: "case" is no list of tables; begin each case with [[case]]')
    # tomllib tells no line, so the headings are looked for; where a text holds one too, the case's number must do.
    lines = [text.count("\n", 0, found.start()) + 1 for found in _TOML_CASE.finditer(text)]
    if len(lines) != len(cases):
        lines = list(range(1, len(cases) + 1))
    yield from zip(lines, cases, strict=True)
