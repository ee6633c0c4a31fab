"""Read labelled reviews. One bad line never loses the good ones: it is reported with file and line."""

from __future__ import annotations

import json
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cxnlp.data.columns import find_id_column
from cxnlp.data.review import Review, review_from_record
from cxnlp.data.tables import SUFFIXES, ReadingOptions, open_table, read_rows
from cxnlp.errors import DataError
from cxnlp.taxonomy import Taxonomy

_TABLES = {*SUFFIXES, ".gz"} - {".jsonl", ".ndjson", ".json"}
"""Kinds of files whose columns must be found; JSON has its own names."""


@dataclass(frozen=True)
class Problem:
    """Something wrong with one line of a file. Never holds review text."""

    path: str
    line: int
    reason: str
    unit: str = "line"
    """What ``line`` counts: lines, or the rows of a sheet, the tasks of a list."""

    def __str__(self) -> str:
        return f"{self.path}, {self.unit} {self.line}: {self.reason}"


def refuse_twice(paths: Sequence[Path]) -> None:
    """Refuse a file that is given twice, under whatever name: its reviews would count twice.

    Raises:
        DataError: one is.
    """
    resolved = [path.resolve() for path in paths]
    for i, path in enumerate(resolved):
        if path in resolved[:i]:
            raise DataError(f"{paths[i]}: given twice; give each file once")


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """Yield (line number, object or problem) for every line of a JSONL file that is not blank.

    Raises:
        DataError: the file cannot be opened, or is packed, a table or UTF-16.
    """
    if path.suffix.lower() == ".gz":
        raise DataError(f"{path}: packed, expected JSON lines as they are; unpack it")
    if path.suffix.lower() in _TABLES:
        example = '{"text": "Fin butikk", "sentiment": "positive"}'
        raise DataError(f"{path}: a table, expected JSON lines, one object a line such as {example}; write it so")
    try:
        with path.open("rb") as file:
            if file.read(2) in (BOM_UTF16_LE, BOM_UTF16_BE):
                raise DataError(f"{path}: UTF-16, expected UTF-8; save it as UTF-8")
            file.seek(0)
            for number, raw in enumerate(file, 1):
                if raw.strip():
                    yield number, _parse_line(str(path), number, raw)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give a JSONL file") from error


def _parse_line(path: str, number: int, raw: bytes) -> dict[str, Any] | Problem:
    try:
        record = json.loads(raw.rstrip().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        return Problem(path, number, f"byte {error.start + 1} is not UTF-8; save the file as UTF-8")
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits and deep nesting
        where = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        return Problem(path, number, f"not a JSON object{where}; expected one object a line")
    if not isinstance(record, dict):
        return Problem(path, number, f"a JSON {type(record).__name__}, expected an object")
    return record


def read_reviews(path: Path, taxonomy: Taxonomy, source: str = "") -> tuple[list[Review], list[Problem]]:
    """Read a JSONL file of labelled reviews; give the good ones, and what was wrong with the others.

    Raises:
        DataError: the file cannot be opened.
    """
    reviews: list[Review] = []
    problems: list[Problem] = []
    for number, record in json_lines(path):
        if isinstance(record, Problem):
            problems.append(record)
            continue
        try:
            reviews.append(review_from_record(record, taxonomy, source or path.stem, number))
        except DataError as error:
            problems.append(Problem(str(path), number, str(error)))
    return reviews, problems


def read_review_files(
    paths: Iterable[Path], taxonomy: Taxonomy, source: str = ""
) -> tuple[list[Review], list[Problem]]:
    """Read JSONL files of labelled reviews one after the other, as ``read_reviews`` reads each.

    Raises:
        DataError: a file cannot be opened.
    """
    reviews: list[Review] = []
    problems: list[Problem] = []
    for path in paths:
        found, wrong = read_reviews(path, taxonomy, source)
        reviews += found
        problems += wrong
    return reviews, problems


def read_labels_with_texts(
    labels: Path, texts: Path, taxonomy: Taxonomy, text_column: str | None = None
) -> tuple[list[Review], list[Problem]]:
    """Join labels keyed by ``id`` with the texts of another file; labels without a text are problems.

    ``texts`` is JSONL with ``id`` and ``text``, or a table such as can be scored: its text column is found in the same
    way (or is ``text_column``), and its column of ids is ``id`` or one such as ``review_id``.

    Raises:
        DataError: a file cannot be opened, or the table's columns cannot be found.
    """
    as_table = text_column is not None or texts.suffix.lower() in _TABLES
    by_id = _texts_of_table(texts, text_column) if as_table else _texts_of_jsonl(texts)
    reviews: list[Review] = []
    problems: list[Problem] = []
    for number, record in json_lines(labels):
        if isinstance(record, Problem):
            problems.append(record)
            continue
        if record.get("id") is None:
            problems.append(Problem(str(labels), number, 'no "id", which says whose labels they are'))
            continue
        identity = str(record["id"])
        if identity not in by_id:
            problems.append(Problem(str(labels), number, f"no text with id {identity[:60]!r} in {texts}"))
            continue
        try:
            review = review_from_record({**record, "text": by_id[identity]}, taxonomy, labels.stem, number)
            reviews.append(replace(review, id=identity))
        except DataError as error:
            problems.append(Problem(str(labels), number, str(error)))
    return reviews, problems


def _texts_of_jsonl(path: Path) -> dict[str, str]:
    return {
        str(record["id"]): record["text"]
        for _, record in json_lines(path)
        if isinstance(record, dict) and record.get("id") is not None and isinstance(record.get("text"), str)
    }


def _texts_of_table(path: Path, text_column: str | None) -> dict[str, str]:
    table = open_table(path, ReadingOptions(text_column=text_column))
    column = find_id_column(str(path), table.columns)
    return {str(row.fields[column]).strip(): row.text for row in read_rows(table) if row.fields.get(column) is not None}


def texts_of(path: Path) -> list[str]:
    """Give the texts of a JSONL file, or of a JSON list, of records with a ``text``; records without one are left out.

    Raises:
        DataError: the file cannot be opened, or holds no text at all.
    """
    records = [record for _, record in json_lines(path) if isinstance(record, dict)]
    if not records:  # not one object a line: perhaps one list of objects
        try:
            found = json.loads(path.read_text("utf-8"))
        except (ValueError, RecursionError):
            found = []
        records = [record for record in found if isinstance(record, dict)] if isinstance(found, list) else []
    texts = [record["text"] for record in records if isinstance(record.get("text"), str)]
    if not texts:
        raise DataError(f"{path}: no records with a text; expected JSONL, or a JSON list of objects")
    return texts
