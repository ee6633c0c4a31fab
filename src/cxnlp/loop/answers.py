"""What came back from a label tool."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cxnlp.data import Problem
from cxnlp.data.write import AtomicFile
from cxnlp.data.write_lines import JsonLinesWriter
from cxnlp.errors import DataError
from cxnlp.taxonomy import FacetValue


@dataclass(frozen=True)
class Answer:
    """One review as one annotator labelled it; without labels, a review that nobody has labelled yet."""

    id: str
    text: str
    lang: str = ""
    labels: Mapping[str, FacetValue] = field(default_factory=dict)
    annotator: str = ""
    """Who, as the tool names them; empty where it does not."""

    def as_record(self) -> dict[str, Any]:
        """Give it as a line of labelled JSONL; a facet without an answer is left out."""
        record: dict[str, Any] = {"id": self.id}
        if self.lang:
            record["lang"] = self.lang
        record["text"] = self.text
        record |= {name: as_json(value) for name, value in self.labels.items()}
        if self.annotator:
            record["annotator"] = self.annotator
        return record


@dataclass
class Answers:
    """All that was read of a file, what was wrong with other parts of it, and what is worth knowing."""

    answers: list[Answer] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """Sentences on what was left out on purpose."""

    @property
    def annotators(self) -> list[str]:
        """Everybody who labelled anything, in order of appearance."""
        return list(dict.fromkeys(answer.annotator for answer in self.answers if answer.labels))


def as_json(value: FacetValue) -> Any:
    """Give the value of a facet as records have it: a list for labels, null where a polarity is unknown."""
    if isinstance(value, dict):
        return {label: polarity or None for label, polarity in value.items()}
    return list(value) if isinstance(value, tuple) else value


def read_json_list(path: Path, tool: str) -> list[Any]:
    """Read a JSON file that holds one list.

    Raises:
        DataError: it cannot be read, or holds something else.
    """
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a JSON export of {tool}") from error
    except (ValueError, RecursionError) as error:
        where = f" at line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise DataError(f"{path}: not valid JSON{where}; expected a JSON export of {tool}") from error
    if not isinstance(found, list):
        raise DataError(f"{path}: a JSON {type(found).__name__}, expected the list that {tool} exports as JSON")
    return found


def write_records(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write records as JSONL; the file appears whole or not at all.

    Raises:
        DataError: it cannot be written.
    """
    with AtomicFile(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        lines = JsonLinesWriter(file)
        for record in records:
            lines.write(record)


def refuser(answers: Answers, path: Path, place: int, unit: str) -> Callable[[str], None]:
    """Give what notes a problem at one place of a file."""

    def refuse(reason: str) -> None:
        answers.problems.append(Problem(str(path), place, reason, unit))

    return refuse


def put(answers: Answers, answer: Answer, seen: set[tuple[str, str]], refuse: Callable[[str], None]) -> None:
    """Add an answer, unless the same annotator has labelled a review of this id before."""
    if (answer.id, answer.annotator) in seen:
        refuse("an id that stands above already; the first one counts")
        return
    seen.add((answer.id, answer.annotator))
    answers.answers.append(answer)
