"""The files that ``cxnlp score`` writes, of any kind, read back row by row: the one reader of all who count them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from cxnlp.data.columns import NoTextColumnError
from cxnlp.data.json_rows import BROKEN_LINE, NOT_TEXT
from cxnlp.data.raw import Raw
from cxnlp.data.read import Problem
from cxnlp.data.safe import APOSTROPHE, unmarked
from cxnlp.data.source import STANDARD, open_source
from cxnlp.data.tables import Meaning, ReadingOptions, Row, Table, open_raw, open_table, read_rows
from cxnlp.errors import DataError
from cxnlp.inference.cells import PREFIX
from cxnlp.inference.prediction import Prediction
from cxnlp.inference.scored_cells import LabelReader, Ranges
from cxnlp.taxonomy import Taxonomy

_OTHER_MODEL = "if another model scored the file, name it with --model, or its taxonomy with --taxonomy"


class Status(StrEnum):
    """What a row of a scored file is good for."""

    LABELLED = "labelled"
    NOT_SCORED = "not_scored"
    """There was nothing to read when it was scored, or the model failed on it: it has no labels."""
    UNKNOWN = "unknown"
    """It has what is no label of the taxonomy or no confidence from 0 to 1, or lacks a label or probability."""
    BROKEN = "broken"
    """It cannot be read."""


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """One row: what was scored, and what was said of it."""

    source: Row
    """Its line, its cells as they were before a CSV result marked some, and what the customer gave."""
    status: Status
    text: str | None = None
    """What was scored, with the title; None if the file does not hold it, and of a broken line."""
    prediction: Prediction | None = None
    """Its labels (main label first), probabilities (empty in tables), confidence, language and flags; None without a
    confidence that can be read. Of an unknown row it has only the facets that can be read."""
    flags: tuple[str, ...] = ()
    """As scoring gave them."""
    scores: Mapping[str, float] = field(default_factory=dict)
    """Facet to score, from −1 to 1."""
    evidence: Ranges = field(default_factory=dict)
    """Touchpoint to where in the text the sentence stands that speaks of it; empty where the file does not say."""
    problem: Problem | None = None
    """What is wrong with the row, for people; it never holds text of the file."""

    @property
    def line(self) -> int:
        """The line or row of the file."""
        return self.source.line


@dataclass(frozen=True)
class ScoredTable:
    """A scored file, open."""

    table: Table
    reader: LabelReader
    with_text: bool = True
    """Whether it holds the texts."""

    def rows(self, *, any_labels: bool = False) -> Iterator[ScoredRow]:
        """Yield every row, also those that were not scored and those that cannot be read.

        Raises:
            DataError: the file cannot be read, or of all its labelled rows none can be used, unless ``any_labels`` will
                do.
        """
        counts: Counter[Status] = Counter()
        first: ScoredRow | None = None
        for row in plain_rows(self.table):
            found = self._row(row)
            counts[found.status] += 1
            if found.status is Status.UNKNOWN and (first is None or (found.prediction and not first.prediction)):
                first = found
            yield found
        if first and not any_labels and not counts[Status.LABELLED]:
            raise self._useless(first, counts[Status.UNKNOWN])

    def at(self, lines: Collection[int]) -> dict[int, ScoredRow]:
        """Read some rows again; give line to row.

        Raises:
            DataError: the file cannot be read.
        """
        wanted = frozenset(lines)
        return {row.line: self._row(row) for row in plain_rows(self.table) if row.line in wanted}

    def _useless(self, row: ScoredRow, n_rows: int) -> DataError:
        """Say that none of the labelled rows can be used; ``row`` is one of them."""
        what, todo = "a confidence that can be read", "give the file as cxnlp score wrote it, or score it anew"
        if row.prediction:
            what, todo = f"labels of the taxonomy {self.reader.taxonomy.name!r}", _OTHER_MODEL
        reason = row.problem.reason if row.problem else ""
        return DataError(
            f"{self.table.path}: none of the {n_rows:,} labelled rows has {what} (line {row.line}: {reason}); {todo}"
        )

    def _row(self, row: Row) -> ScoredRow:
        if row.broken:
            return ScoredRow(row, Status.BROKEN, problem=self._problem(row, row.problem))
        cells = row.fields
        flags, (confidence, damaged) = self.reader.flags(cells), self.reader.confidence(cells)
        text = row.text if self.with_text and BROKEN_LINE not in flags else None
        # That a text is none, or a line was broken, was said when it was scored.
        wrong = [row.problem] if set(row.flags) - {NOT_TEXT} else []
        wrong += ["a confidence that is no number from 0 to 1"] if damaged else []
        if confidence is None:
            status = Status.UNKNOWN if damaged else Status.NOT_SCORED
            return ScoredRow(row, status, text, None, flags, problem=self._problem(row, *wrong))
        labels, facet = self.reader.labels(cells)
        probabilities, missing = self.reader.probabilities(cells)
        wrong += [f"no label of the taxonomy in {facet!r}"] if facet else []
        wrong += [f"no probability of {missing!r}"] if missing else []
        return ScoredRow(
            row,
            Status.UNKNOWN if facet or missing else Status.LABELLED,
            text,
            Prediction(self.reader.taxonomy, labels, probabilities, confidence, flags, self.reader.language(cells)),
            flags,
            self.reader.scores(cells),
            self.reader.evidence(cells, text or ""),
            self._problem(row, *wrong),
        )

    def _problem(self, row: Row, *wrong: str) -> Problem | None:
        return Problem(str(self.table.path), row.line, "; ".join(wrong)) if wrong else None


def plain_rows(table: Table) -> Iterator[Row]:
    """Yield the rows of a table, without the marks that a CSV result has before what a spreadsheet would compute.

    Raises:
        DataError: the file cannot be read.
    """
    if table.kind != "delimited":
        yield from read_rows(table)
        return
    meaning = Meaning({role: name for role, name in table.roles.items() if role in ("text", "title")}, None)
    for row in read_rows(table):
        marked = {
            name: unmarked(cell)
            for name, cell in row.fields.items()
            if isinstance(cell, str) and cell.startswith(APOSTROPHE)
        }
        if marked:
            cells = {**row.fields, **marked}
            yield replace(row, fields=cells, text=meaning.row(Raw(row.line, cells)).text)
        else:
            yield row


def open_scored(
    path: Path,
    taxonomy: Taxonomy,
    options: ReadingOptions = ReadingOptions(),  # noqa: B008 - it is frozen
    needed: Sequence[str] | None = None,
) -> ScoredTable:
    """Open a scored file, with its texts or without.

    Args:
        path: the file; ``-`` is standard input.
        taxonomy: of the model that scored it.
        options: how it is read; ``text_column=""`` says that it holds no texts. Every row is read: those that are left
            out of surveys were left out when they were scored.
        needed: names of facets, and ``flags``, without which it is no use; all of them if None.

    Raises:
        DataError: it cannot be read, is no scored file, or was scored with another taxonomy.
    """
    options = replace(options, keep_unfinished=True)
    if options.text_column == "":
        return as_scored(_without_text(path, options), taxonomy, needed, with_text=False)
    try:
        return as_scored(open_table(path, options), taxonomy, needed)
    except NoTextColumnError:
        if path == STANDARD:  # read to its end, and gone
            raise
        return as_scored(_without_text(path, options), taxonomy, needed, with_text=False)


def as_scored(
    table: Table, taxonomy: Taxonomy, needed: Sequence[str] | None = None, *, with_text: bool = True
) -> ScoredTable:
    """Give a table as the scored one that it is; see ``open_scored``. One that was not scored has rows without labels.

    Raises:
        DataError: it was scored with another taxonomy, or was not scored although something is ``needed``.
    """
    prefix = _prefix(table.columns, table.kind)
    if prefix is None and (needed or needed is None):
        raise _not_scored(table.path)
    prefix = PREFIX if prefix is None else prefix
    names = [*(facet.name for facet in taxonomy.answers), "flags"] if needed is None else needed
    missing = [prefix + name for name in names if prefix + name not in table.columns]
    if missing:
        raise DataError(
            f"{table.path}: no column {', '.join(missing)}, expected those of the taxonomy {taxonomy.name!r}; "
            f"{_OTHER_MODEL}"
        )
    return ScoredTable(table, LabelReader(taxonomy, table.columns, prefix), with_text)


def scored_prefix(path: Path, options: ReadingOptions) -> str | None:
    """Give what stands before the names of a scored file's columns; None if it is no scored file.

    Raises:
        DataError: it cannot be read.
    """
    raw = open_raw(open_source(path), options)
    return _prefix(raw.columns, raw.source.kind)


def _prefix(columns: Collection[str], kind: str) -> str | None:
    # A result that is scored again may have the columns of another kind of file from the scoring before. A column
    # "confidence" alone may be anybody's.
    order = ("", PREFIX) if kind in ("json", "jsonl") else (PREFIX, "")
    needed = {"": ("confidence", "flags"), PREFIX: (f"{PREFIX}confidence",)}
    return next((prefix for prefix in order if all(name in columns for name in needed[prefix])), None)


def _without_text(path: Path, options: ReadingOptions) -> Table:
    """Open a file that holds no texts: a table has a text column, and this one is never read as such."""
    prefix = PREFIX if path == STANDARD else scored_prefix(path, options)  # which is gone once it is read
    if prefix is None:
        raise _not_scored(path)
    return open_table(path, replace(options, text_column=f"{prefix}confidence", title_column=""))


def _not_scored(path: Path) -> DataError:
    return DataError(
        f"{path}: no column {PREFIX}confidence and the like; expected a file that cxnlp score wrote; score it first"
    )
