"""Names of columns, and which of them holds the text of the review."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cxnlp.errors import DataError, nearest
from cxnlp.text.shorten import shorten

# Headers of review exports in the four languages, the surest first; compared without case, spaces and punctuation.
_TEXT_NAMES = (
    "reviewtext", "reviewcontent", "reviewbody", "review", "text", "comment", "comments", "reviewcomment", "content",
    "body", "feedback", "customerfeedback", "message", "verbatim", "answer",
    "anmeldelse", "anmeldelsestekst", "omtale", "omtaletekst", "recension", "recensionstext", "omdöme", "omdømme",
    "kommentar", "kommentarer", "kommentartekst", "tilbakemelding", "tilbagemelding", "återkoppling",
    "fritekst", "fritext", "tekst", "svar",
)  # fmt: skip
_MIN_WORDS = 4.0
"""Words that a column must have on average to be taken for text without a known name."""
_LEAD = 2.0
"""How many times more words it must have than the next longest column."""
_SHOWN = 30
_NAME_CHARS = 40
# review_id, Review ID, reviewId; not "paid".
_ENDS_IN_ID = re.compile(r"[\W_](?:id|Id|ID)$|[a-z]I[dD]$")


class NoTextColumnError(DataError):
    """No column is surely the text of the reviews."""


def unique_names(header: Sequence[str]) -> tuple[str, ...]:
    """Give every column a name of its own: ``column_3`` where the header is empty, ``name_2`` for a repeated one."""
    names: dict[str, None] = {}
    taken = {cell.strip() for cell in header}
    for position, cell in enumerate(header, 1):
        base = name = cell.strip() or f"column_{position}"
        copy = 2
        while name in names or (name != cell.strip() and name in taken):
            name, copy = f"{base}_{copy}", copy + 1
        names[name] = None
    return tuple(names)


def find_text_column(
    path: str, names: Sequence[str], sample: Sequence[Mapping[str, Any]], wanted: str | None
) -> tuple[str, str]:
    """Give the column that holds the text, and how it was found.

    Raises:
        DataError: ``wanted`` is no column, or no column is surely the text; the message lists the columns.
    """
    if wanted is not None:
        return wanted_column(path, names, wanted), "as given"
    known = [name for name in names if _rank(name) is not None]
    # A column "review" of numbers or of nothing is not the text if "comment" has words.
    known = [name for name in known if _mean_words(name, sample)] or known
    if known:
        known.sort(key=lambda name: _rank(name) or 0)
        others = f"; others that could be: {', '.join(map(_short, known[1:]))}" if known[1:] else ""
        return known[0], f"by its name{others}"
    found = _by_length(path, names, sample)
    reason = "the column with the longest texts"
    if len(found.split()) >= _MIN_WORDS and "?" not in found:
        reason += "; its name reads like a review: if the file has no line of names, give it one"
    return found, reason


def find_id_column(path: str, names: Sequence[str]) -> str:
    """Give the column that names each row: ``id``, or the only one that ends so, such as ``review_id``.

    Raises:
        DataError: there is no such column, or several; the message lists the columns.
    """
    exact = [name for name in names if key(name) == "id"]
    found = exact or [name for name in names if is_id(name)]
    if len(found) != 1:
        several = f"several columns could be the id ({', '.join(map(_short, found))})" if found else "no column of ids"
        raise DataError(f"{path}: {several}; name one column id; {listed(names)}")
    return found[0]


def is_id(name: str) -> bool:
    """Say whether a column's name is ``id`` or ends so, such as ``review_id``."""
    return key(name) == "id" or bool(_ENDS_IN_ID.search(name))


def wanted_column(path: str, names: Sequence[str], wanted: str, option: str = "--text-column") -> str:
    """Give the column that the user named.

    Raises:
        DataError: there is none of that name; the message lists the columns.
    """
    for matches in ([n for n in names if n == wanted], [n for n in names if key(n) == key(wanted)]):
        if matches:
            return matches[0]
    raise DataError(f"{path}: no column {_short(wanted)!r}; {_listing(names, option)}{nearest(wanted, list(names))}")


def _rank(name: str) -> int | None:
    """Give the place among the known names, None for another; of two alike the second is called ``name_2``."""
    for one in (key(name), key(re.sub(r"_\d+$", "", name))):
        if one in _TEXT_NAMES:
            return _TEXT_NAMES.index(one)
    return None


def _by_length(path: str, names: Sequence[str], sample: Sequence[Mapping[str, Any]]) -> str:
    words = {name: _mean_words(name, sample) for name in names if not name.startswith("cx_")}
    order = sorted(words, key=lambda name: -words[name])
    second = words[order[1]] if len(order) > 1 else 0.0
    if not order or words[order[0]] < max(_MIN_WORDS, _LEAD * second):
        raise NoTextColumnError(f"{path}: no column is surely the text of the reviews; {_listing(names)}")
    if len(names) == 1 and len(names[0].split()) >= _MIN_WORDS:
        # Not quoted here: it may be a review.
        raise DataError(
            f"{path}: one column, and its first line reads like a text and not like a column's name; "
            'add a first line such as "review", or name the column with --text-column'
        )
    return order[0]


def _mean_words(name: str, sample: Sequence[Mapping[str, Any]]) -> float:
    """Give the average number of words (runs that begin with a letter) in a column."""
    cells = [value for row in sample if isinstance(value := row.get(name), str) and value.strip()]
    return sum(len(re.findall(r"\b[^\W\d_]\w*", cell[:2000])) for cell in cells) / len(cells) if cells else 0.0


def _listing(names: Sequence[str], option: str = "--text-column") -> str:
    return f"name one with {option}; {listed(names)}"


def listed(names: Sequence[str], where: str = "the file") -> str:
    """List the columns for an error: the first thirty, each shortened."""
    if not names:
        return f"{where} has no columns"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"the columns are: {', '.join(map(_short, names[:_SHOWN]))}{more}"


def _short(name: str) -> str:
    return shorten(name, _NAME_CHARS)


def key(name: str) -> str:
    """Give a column's name as names are compared: without case, spaces and punctuation."""
    return re.sub(r"[\W_]+", "", name.casefold())
