"""Migrate files of labelled reviews into a new folder; the old files are only read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cxnlp.data.migrate import Migration, Migrator, as_todo_record
from cxnlp.data.read import Problem, json_lines
from cxnlp.data.write import refuse
from cxnlp.data.write_folder import atomic_folder
from cxnlp.data.write_lines import JsonLinesWriter
from cxnlp.errors import DataError

TO_LABEL = "to-label.jsonl"
"""The file of records that a person has to complete."""


@dataclass(frozen=True)
class Migrated:
    """What was done to files. Holds no review text."""

    done: Migration
    todo: tuple[Problem, ...]
    """Every facet of a record that a person has to label, and why; where the record stood in the old file."""
    broken: tuple[Problem, ...]
    """Lines that are no record; they are not in the new files."""


def migrate_files(paths: Sequence[Path], migrator: Migrator, folder: Path) -> Migrated:
    """Write each JSONL file, under its own name, to a new folder, and ``to-label.jsonl`` with what a person completes.

    The folder appears when all is written, or not at all.

    Raises:
        DataError: a file cannot be read, two have the same name, or the folder is taken or cannot be written.
    """
    _check_names(paths)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder}: exists already; name a new folder, so that nothing is overwritten")
    if not folder.parent.is_dir():
        raise DataError(f"{folder}: the folder {folder.parent} does not exist; make it first")
    try:
        with atomic_folder(folder) as work:
            return _write_all(paths, migrator, work)
    except OSError as error:
        refuse(folder, error)


def _check_names(paths: Sequence[Path]) -> None:
    names: dict[str, Path] = {TO_LABEL: Path(TO_LABEL)}
    for path in paths:
        if path.name in names:
            other = names[path.name]
            raise DataError(f"{path}: would be written under the name of {other}; expected names that differ")
        names[path.name] = path


def _write_all(paths: Sequence[Path], migrator: Migrator, work: Path) -> Migrated:
    todo: list[Problem] = []
    broken: list[Problem] = []
    with (work / TO_LABEL).open("w", encoding="utf-8", newline="") as open_file:
        to_label = JsonLinesWriter(open_file)
        for path in paths:
            with (work / path.name).open("w", encoding="utf-8", newline="") as file:
                writer = JsonLinesWriter(file)
                for line, record in json_lines(path):
                    if isinstance(record, Problem):
                        broken.append(record)
                        continue
                    made, open_facets = migrator.record(record)
                    writer.write(made)
                    if open_facets:
                        to_label.write(as_todo_record(made, open_facets, path.name, line))
                        todo += [Problem(str(path), line, f"{one.facet}: {one.reason}") for one in open_facets]
    return Migrated(migrator.done, tuple(todo), tuple(broken))
