"""Data frames of pandas and Polars: a frame in, the same rows with the columns that ``cxnlp score`` adds out."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Protocol, TypeVar, cast

from cxnlp.data.columns import listed, unique_names
from cxnlp.data.formats import recognise
from cxnlp.data.raw import Raw
from cxnlp.data.roles import find_roles
from cxnlp.data.survey import survey
from cxnlp.data.tables import SAMPLE_ROWS, Meaning, ReadingOptions, Row
from cxnlp.errors import DataError, nearest
from cxnlp.inference.arguments import check_choice, check_progress
from cxnlp.inference.cells import cell_columns, number_columns, values
from cxnlp.inference.evidence import SentenceScorer
from cxnlp.inference.frame_kinds import FrameColumns, columns_of
from cxnlp.inference.hooks import UNMASKED, Hooks, make_hooks, masked
from cxnlp.inference.labelling import ChunkLabeller, Labeller

Frame = TypeVar("Frame")
"""``pandas.DataFrame`` or ``polars.DataFrame``."""

# Rows whose predictions are held at a time: their probabilities take far more memory than their texts.
_CHUNK_ROWS = 1_024
_WHERE = "the frame"


class FrameLabeller(Labeller, SentenceScorer, Protocol):
    """What a frame needs of a tagger."""


def tag_frame(
    labeller: FrameLabeller,
    frame: Frame,
    text: Hashable,
    *,
    title: Hashable = None,
    rating: Hashable = None,
    language: Hashable = None,
    evidence: bool = False,
    mask_pii: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Frame:
    """Give the frame with the columns of a scored file; index, order, and all other columns stay.

    Args:
        labeller: a Tagger.
        frame: a ``pandas.DataFrame`` or ``polars.DataFrame`` of n rows; it is not changed.
        text: the column of the texts. A missing text is an empty one.
        title: the column read before the text; None: found as ``cxnlp score`` finds it; ``""``: there is none.
        rating: the column of ratings, for the flag ``rating_conflict``; likewise.
        language: the column of declared languages, for texts too short to tell; likewise.
        evidence: whether to add the sentence behind each touchpoint.
        mask_pii: whether to mask personal data in every text of the frame before anything reads it.
        progress: called with the number of rows finished since the last call.

    Returns:
        A frame of the same kind and n rows. Labels are texts (empty where there was nothing to read), scores float64
        (missing there). A column that has the name of a new one is replaced.

    Raises:
        ArgumentTypeError: ``frame`` is neither kind of frame, or another argument is of another type.
        DataError: there is no column of a name given, or several; the message lists the columns.
        ExtraError: a package that ``evidence`` or ``mask_pii`` needs is not installed.
        BackendError: the model fails on text after text.
    """
    check_choice("evidence", evidence)
    check_choice("mask_pii", mask_pii)
    check_progress(progress)
    columns = columns_of(frame)
    names = unique_names([str(label) for label in columns.labels])
    given = {"text": text, "title": title, "rating": rating, "language": language}
    roles = _roles(columns, names, given)
    hooks = make_hooks(labeller, mask=mask_pii, evidence=evidence)
    rows = _rows(columns, names, roles, hooks)
    added = _scored(labeller, hooks, rows, progress or (lambda n: None))
    kept = [place for place, name in enumerate(names) if name.strip() not in added]
    changed = _changed(columns, names, kept, roles, hooks)
    return cast(Frame, columns.made(kept, changed, added, number_columns(labeller.taxonomy)))


def _roles(columns: FrameColumns, names: Sequence[str], given: Mapping[str, Hashable]) -> dict[str, str]:
    """Give role to name of column: as given, and otherwise by the rules for files."""
    named = {
        role: label if label in (None, "") else names[_place(columns.labels, role, label)]
        for role, label in given.items()
    }
    if named["text"] in (None, ""):
        raise DataError(f"text is {given['text']!r}, expected the column of the texts; {listed(names, _WHERE)}")
    head = [columns.cells(place, SAMPLE_ROWS) for place in range(len(names))]
    sample = [dict(zip(names, cells, strict=True)) for cells in zip(*head, strict=True)]
    column = {role: None if name is None else str(name) for role, name in named.items()}
    options = ReadingOptions(
        text_column=column["text"],
        title_column=column["title"],
        rating_column=column["rating"],
        language_column=column["language"],
    )
    return dict(find_roles(_WHERE, names, sample, recognise(names), options).columns)


def _place(labels: Sequence[Hashable], role: str, wanted: Hashable) -> int:
    found = [place for place, label in enumerate(labels) if label == wanted]
    if len(found) == 1:
        return found[0]
    names = [str(label) for label in labels]
    if found:
        raise DataError(f"{role}: {len(found)} columns are named {wanted!r}, expected one; rename the others")
    near = nearest(wanted, names) if isinstance(wanted, str) else ""
    raise DataError(f"{role}: no column {wanted!r}{near}; {listed(names, _WHERE)}")


def _rows(columns: FrameColumns, names: Sequence[str], roles: Mapping[str, str], hooks: Hooks) -> list[Row]:
    used = {name: columns.cells(names.index(name)) for name in dict.fromkeys(roles.values())}
    body = zip(*used.values(), strict=True)
    raw = [Raw(number, dict(zip(used, cells, strict=True))) for number, cells in enumerate(body, 1)]
    export = recognise(names)
    found = survey(raw, roles, reason=None, edits=False, scale=export.scale, month_first=False)
    meaning = Meaning(roles, found.scale)
    rows = [meaning.row(one) for one in raw]
    if mask := hooks.mask:
        return [Row(r.line, {}, mask(r.text), r.flags, r.problem, r.rating, r.language) for r in rows]
    return rows


def _changed(
    columns: FrameColumns, names: Sequence[str], kept: Sequence[int], roles: Mapping[str, str], hooks: Hooks
) -> dict[int, list[Any]]:
    """Give the columns with something masked in them."""
    if hooks.mask is None:
        return {}
    spared = {roles.get(role) for role in UNMASKED}
    changed = {}
    for place in kept:
        if names[place] not in spared:
            cells = columns.cells(place)
            new = [masked(cell, hooks.mask) for cell in cells]
            if new != cells:
                changed[place] = new
    return changed


def _scored(
    labeller: Labeller, hooks: Hooks, rows: Sequence[Row], progress: Callable[[int], None]
) -> dict[str, list[str | float | None]]:
    taxonomy, labels, noter = labeller.taxonomy, ChunkLabeller(labeller, hooks), hooks.noter
    noted_columns = noter.columns if noter else ()
    out: dict[str, list[str | float | None]] = {name: [] for name in (*cell_columns(taxonomy), *noted_columns)}
    for start in range(0, len(rows), _CHUNK_ROWS):
        chunk = rows[start : start + _CHUNK_ROWS]
        packed = labels.label(labels.prepare(chunk), progress)
        for row, found, (prediction, flags) in zip(chunk, packed, labels.results(chunk, packed), strict=True):
            cells = values(taxonomy, prediction, flags) | dict.fromkeys(noted_columns, "")
            if noter and found and found.noted:
                cells |= noter.cells(row.text, json.loads(found.noted))
            for name, value in cells.items():
                out[name].append(value)
    return out
