"""The files that ``cxnlp score`` writes, read back: the labels of each row, and its text where that is in them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from cxnlp.data.formats import recognise
from cxnlp.data.json_rows import BROKEN_LINE
from cxnlp.data.raw import Raw, RawTable
from cxnlp.data.roles import find_roles
from cxnlp.data.source import open_source
from cxnlp.data.tables import SAMPLE_ROWS, Meaning, ReadingOptions, open_raw
from cxnlp.data.values import number_of
from cxnlp.errors import DataError
from cxnlp.evaluation.drift_sample import Gatherer, Sample, ScoredRow
from cxnlp.inference.cells import PREFIX, SEPARATOR
from cxnlp.inference.prediction import Prediction, has_score, record_keys
from cxnlp.taxonomy import Facet, FacetValue, Kind, Taxonomy
from cxnlp.text import TextTokenizer

# Languages and flags are shown by their names, so nothing else that a cell holds may pass for one.
_NAME = re.compile(r"[a-z_]{2,30}")


class _Unknown(ValueError):
    """A cell that holds no label of the taxonomy."""


@dataclass(frozen=True)
class _Columns:
    """Where a scored file keeps what was said of a row."""

    prefix: str
    """``cx_`` in tables; empty in JSON lines, whose fields have the plain names."""
    text: Callable[[Raw], str] | None
    """Gives the text that was scored; None if the file does not hold it."""

    def cell(self, row: Mapping[str, Any], name: str) -> Any:
        return row.get(self.prefix + name)


def read_scored(path: Path, taxonomy: Taxonomy, tokenizer: TextTokenizer, options: ReadingOptions) -> Sample:
    """Count a scored file of any kind that ``cxnlp score`` writes.

    Args:
        path: the file.
        taxonomy: of the model that scored it.
        tokenizer: of that model, for the pieces of the texts.
        options: the column of the text, where the guess is wrong.

    Raises:
        DataError: it cannot be read, has not the columns of a scored file, or no row has labels of this taxonomy.
    """
    gatherer = Gatherer(str(path), taxonomy, tokenizer)
    for row in scored_rows(path, taxonomy, options):
        gatherer.add(row)
    sample = gatherer.sample()
    if sample.n_unread and not sample.tally.n_scored:
        raise DataError(
            f"{path}: none of the {sample.n_unread:,} labelled rows has labels of the taxonomy {taxonomy.name!r}; "
            "expected a file scored by this model; give the one that scored it with --model"
        )
    return sample


def scored_rows(path: Path, taxonomy: Taxonomy, options: ReadingOptions) -> Iterator[ScoredRow]:
    """Yield the rows of a scored file; see ``read_scored``.

    Raises:
        DataError: it cannot be read, or has not the columns of a scored file.
    """
    raw = open_raw(open_source(path), options)
    columns = _columns(path, raw, taxonomy, options)
    for row in raw.rows():
        yield _scored(row, columns, taxonomy)


def _columns(path: Path, raw: RawTable, taxonomy: Taxonomy, options: ReadingOptions) -> _Columns:
    """Find the columns of the labels and of the text."""
    wanted = [name for name in record_keys(taxonomy) if name != "probabilities"]
    known = {name.strip() for name in raw.columns}
    prefix = PREFIX if f"{PREFIX}confidence" in known else ""
    missing = [prefix + name for name in wanted if prefix + name not in known]
    if prefix + "confidence" in missing:
        raise DataError(
            f"{path}: no column {PREFIX}confidence and the like; expected a file that cxnlp score wrote; score it first"
        )
    if missing:
        raise DataError(
            f"{path}: no column {', '.join(missing)}, expected those of the taxonomy {taxonomy.name!r}; "
            "give the model that scored it with --model"
        )
    own = {prefix + name for name in wanted}
    return _Columns(prefix, _text_of(path, raw, own, options))


def _text_of(path: Path, raw: RawTable, own: set[str], options: ReadingOptions) -> Callable[[Raw], str] | None:
    """Give what finds the text of a row as ``cxnlp score`` did, with its title; None if there is none."""
    columns = [name for name in raw.columns if name.strip() not in own]
    sample = [row.cells for row in islice(raw.rows(), SAMPLE_ROWS) if BROKEN_LINE not in row.flags]
    try:
        roles = find_roles(str(path), columns, sample, recognise(columns), options)
    except DataError:
        if options.text_column is not None:
            raise
        return None  # a result whose texts were taken out is compared by its labels
    meaning = Meaning({role: roles.columns[role] for role in ("text", "title") if role in roles.columns}, None)
    return lambda row: meaning.row(row).text


def _scored(row: Raw, columns: _Columns, taxonomy: Taxonomy) -> ScoredRow:
    flags = tuple(word for word in _words(columns.cell(row.cells, "flags")) if _NAME.fullmatch(word))
    confidence = number_of(columns.cell(row.cells, "confidence"))
    if confidence is None:  # nothing to read, or a line that was no review
        return ScoredRow(None, flags)
    try:
        labels = {one.name: _value(taxonomy, one, columns.cell(row.cells, one.name)) for one in taxonomy.answers}
    except _Unknown:
        return ScoredRow(None, flags, unread=True)
    code = columns.cell(row.cells, "language")
    language = code if isinstance(code, str) and _NAME.fullmatch(code) else ""
    return ScoredRow(
        Prediction(taxonomy, labels, {}, confidence, flags, language),
        flags,
        columns.text(row) if columns.text else None,
        tuple(number_of(columns.cell(row.cells, f"{one.name}_score")) for one in taxonomy.answers if has_score(one)),
    )


def _value(taxonomy: Taxonomy, facet: Facet, cell: Any) -> FacetValue:
    """Read the labels of one facet, as a cell of text or as JSON has them."""
    if facet.kind is Kind.ONE_OF:
        return _known(facet, cell)
    polarity = taxonomy.polarity_of.get(facet.name)
    if polarity is None:
        return tuple(_known(facet, label) for label in _words(cell))
    pairs = cell.items() if isinstance(cell, dict) else (word.partition(":")[::2] for word in _words(cell))
    return {_known(facet, label): _known(polarity, value) for label, value in pairs}


def _known(facet: Facet, label: Any) -> str:
    if not isinstance(label, str) or label not in facet.labels:
        raise _Unknown
    return label


def _words(cell: Any) -> Iterator[str]:
    """Give the words of a cell: those of a list, or those between the separators of a text."""
    if isinstance(cell, list):
        yield from map(str, cell)
    elif isinstance(cell, str):
        yield from (word for part in cell.split(SEPARATOR.strip()) if (word := part.strip()))
