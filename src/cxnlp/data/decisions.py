"""What was decided on a file, as sentences for people."""

from __future__ import annotations

from collections.abc import Sequence

from cxnlp.data.formats import GENERIC, Format
from cxnlp.data.roles import Roles
from cxnlp.data.survey import NUMBERS, Survey
from cxnlp.data.values import STARS, date_of
from cxnlp.text.counted import counted
from cxnlp.text.shorten import shorten

_MAX_NAMED = 12
_NAME_CHARS = 60


def decisions(
    notes: Sequence[str], export: Format, named: bool, roles: Roles, found: Survey, personal: Sequence[str]
) -> tuple[str, ...]:
    """Give one sentence for each decision, in the order in which they were taken."""
    columns = roles.columns
    out = list(notes)
    if export is not GENERIC or named:
        out.append(f"Format: {export.title}{' (as given)' if named else ', known by its columns'}.")
    else:
        out.append("Format: no known export; columns found by their names and cells.")
    out.append(f'Text: column "{_short(columns["text"])}" ({roles.text_reason}).')
    if "title" in columns:
        out.append(f'Title: column "{_short(columns["title"])}", read before the text unless the text begins with it.')
    if "rating" in columns:
        out.append(f'Rating: column "{_short(columns["rating"])}", {_scale(found)}.')
    if "date" in columns:
        out.append(f'Date: column "{_short(columns["date"])}"{_dates(found)}.')
    if "language" in columns:
        out.append(f'Language declared: column "{_short(columns["language"])}".')
    if export.note:
        out.append(export.note)
    if personal:
        more = f" and {len(personal) - _MAX_NAMED} more" if len(personal) > _MAX_NAMED else ""
        listed = ", ".join(map(_short, personal[:_MAX_NAMED]))
        out.append(f"Personal columns not carried to the output: {listed}{more} (--keep-personal carries them).")
    for reason, n in found.left_out.items():
        how = " (--keep-unfinished keeps them)" if reason.endswith("response") else ""
        out.append(f"Left out: {counted(n, 'row')}, {reason}{how}.")
    return tuple(out)


def _scale(found: Survey) -> str:
    if found.scale is None:
        return "in words or on a scale that is not known, so numbers are not compared with the text"
    why = ""
    if found.ratings and found.ratings.reason == NUMBERS and found.scale != STARS and found.ratings.numbers:
        low, high = found.ratings.numbers
        why = f", as its numbers run from {low:g} to {high:g} (--rating-scale says otherwise)"
    comma = ", with a decimal comma" if found.decimal_comma else ""
    return f"on a scale of {found.scale.name}{comma}{why}"


def _dates(found: Survey) -> str:
    dates = found.dates
    if not dates.reason:
        return ""
    first, sign, second = dates.example
    shown = f"{first:02}{sign}{second:02}{sign}2026"
    day = date_of(shown, day_first=dates.day_first)
    order = "day first" if dates.day_first else "month first"
    example = f", so that {shown} is {day.day} {day:%B}" if day else ""
    return f", {order} ({dates.reason}){example}"


def _short(name: str) -> str:
    return shorten(name, _NAME_CHARS)
