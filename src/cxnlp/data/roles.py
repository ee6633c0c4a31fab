"""Which column has which role: text, title, rating, date, language, id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cxnlp.data.columns import find_text_column, is_id, key, wanted_column
from cxnlp.data.formats import Format
from cxnlp.data.rows import ReadingOptions
from cxnlp.data.values import RECOMMEND, is_rating, number_of
from cxnlp.text.declared import language_of

OWN = "cx_"
"""With this our own columns begin; in an input they are of an earlier scoring, and have no role."""

_NAMES = {
    "title": (
        "reviewtitle", "title", "headline", "reviewheadline", "reviewsubject", "tittel", "titel", "overskrift",
        "rubrik",
    ),
    "rating": (
        "reviewstars", "starrating", "stars", "star", "rating", "reviewrating", "overallrating", "nps", "npsscore",
        "score", "reviewscore", "stjerner", "stjärnor", "antallstjerner", "vurdering", "karakter", "betyg",
        "bedømmelse", "terningkast", "csat", "csatscore", "grade",
    ),
    "date": (
        "reviewdate", "date", "createdat", "created", "createdtime", "createtime", "createddate", "datecreated",
        "submittedat", "submissiondate", "timestamp", "publishedat", "publisheddate", "responsedate", "recordeddate",
        "dato", "datum", "opprettet", "oprettet", "skapad", "tidspunkt", "svardato", "svarsdatum",
    ),
    "language": (
        "reviewlanguage", "language", "lang", "languagecode", "locale", "userlanguage", "språk", "sprog", "spraak",
    ),
}  # fmt: skip
_SHARE = 0.8
"""Of the cells with something in them that must be of a kind for a column to be taken for it."""


@dataclass(frozen=True)
class Roles:
    """Role to column, and why the text column was taken."""

    columns: Mapping[str, str]
    text_reason: str


def find_roles(
    path: str,
    columns: Sequence[str],
    sample: Sequence[Mapping[str, Any]],
    export: Format,
    options: ReadingOptions,
    open_ended: Sequence[str] = (),
) -> Roles:
    """Give each role the column that the user named, else the export's, else one known by its name and its cells.

    An empty name given for the title, rating, date or language says that there is none.

    Raises:
        DataError: a named column is not there, or no column is surely the text.
    """
    by_key = {key(name): name for name in reversed(columns) if not name.startswith(OWN)}
    found: dict[str, str] = {}
    text, reason = _text(path, columns, sample, export, options, open_ended)
    found["text"] = text
    for role, keys in export.roles.items():
        column = next((by_key[k] for k in keys if k in by_key), None)
        if column is not None and column not in found.values() and role != "text":
            found[role] = column
    titled = _may_have_title(text, reason, export, named=options.text_column is not None)
    for role, names in _NAMES.items():
        guessed = role not in found and (titled or role != "title")
        if guessed and (column := _by_name(role, names, by_key, sample, taken=text)):
            found[role] = column
    if export.edits and "link" not in found:  # older exports do not name it
        links = [c for c in columns if any("reviewid=" in str(row.get(c)).lower() for row in sample)]
        found |= {"link": links[0]} if links else {}
    found = _as_named(found, path, columns, options)
    if "id" not in found and len(ids := [n for n in columns if is_id(n)]) == 1:
        found["id"] = ids[0]
    if found.get("title") == text:
        del found["title"]
    return Roles(found, reason)


def _text(
    path: str,
    columns: Sequence[str],
    sample: Sequence[Mapping[str, Any]],
    export: Format,
    options: ReadingOptions,
    open_ended: Sequence[str],
) -> tuple[str, str]:
    if options.text_column is None:
        by_key = {key(name): name for name in reversed(columns)}
        named = next((by_key[k] for k in export.roles.get("text", ()) if k in by_key), None)
        if named is not None:
            return named, f"that of {export.title}"
        if len(open_ended) == 1:
            return open_ended[0], "the one open-ended question"
    candidates = [name for name in open_ended or columns if key(name) not in export.not_text]
    return find_text_column(
        path, columns if options.text_column is not None else candidates, sample, options.text_column
    )


def _as_named(found: Mapping[str, str], path: str, columns: Sequence[str], options: ReadingOptions) -> dict[str, str]:
    """Give the roles with the columns that the user named, and without those that there are none of."""
    named = {
        "title": options.title_column,
        "rating": options.rating_column,
        "date": options.date_column,
        "language": options.language_column,
    }
    wanted = {role: wanted_column(path, columns, name, f"--{role}-column") for role, name in named.items() if name}
    return {role: column for role, column in found.items() if named.get(role) != ""} | wanted


def _may_have_title(text: str, reason: str, export: Format, *, named: bool) -> bool:
    """Say whether a title is looked for: beside the answer to a survey's question a "title" is hardly the answer's."""
    if not named:
        return reason.startswith(("by its name", "that of"))
    survey = bool(export.not_text) or "?" in text
    return not survey and key(text) not in _NAMES["title"]


def _by_name(
    role: str,
    names: Sequence[str],
    by_key: Mapping[str, str],
    sample: Sequence[Mapping[str, Any]],
    *,
    taken: str,
) -> str | None:
    candidates = [by_key[name] for name in names if name in by_key]
    if role == "rating":
        # "How likely are you to recommend us?" is how surveys ask for it.
        asked = [column for k, column in by_key.items() if any(word in k for word in RECOMMEND)]
        candidates += [column for column in asked if column not in candidates]
    return next((c for c in candidates if c != taken and _fits(role, c, sample)), None)


def _fits(role: str, column: str, sample: Sequence[Mapping[str, Any]]) -> bool:
    """Say whether a column's cells are what its name promises."""
    cells = [value for row in sample if (value := row.get(column)) not in (None, "")]
    if role == "rating":
        return bool(cells) and sum(map(is_rating, cells)) >= _SHARE * len(cells)
    if role == "language":
        return bool(cells) and sum(bool(language_of(cell)) for cell in cells) >= _SHARE * len(cells)
    if role == "title":
        return any(isinstance(cell, str) and number_of(cell) is None for cell in cells)
    return bool(cells)
