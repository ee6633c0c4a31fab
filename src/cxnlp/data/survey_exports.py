"""Exports of survey tools: header records beyond the first, and responses that do not count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from cxnlp.data.columns import key
from cxnlp.data.raw import Raw

QUALTRICS_METADATA = (
    "startdate", "enddate", "status", "ipaddress", "progress", "durationinseconds", "finished", "recordeddate",
    "responseid", "recipientlastname", "recipientfirstname", "recipientemail", "externalreference",
    "externaldatareference",
    "locationlatitude", "locationlongitude", "distributionchannel", "userlanguage",
)  # fmt: skip
SURVEYMONKEY_METADATA = (
    "respondentid", "collectorid", "startdate", "enddate", "datecreated", "datemodified", "ipaddress", "emailaddress",
    "firstname", "lastname", "customdata1", "collectornm",
)  # fmt: skip
PREVIEW = "preview or test response"
UNFINISHED = "unfinished response"

_MAX_HEADER = 5
"""Records below the first among which the end of a header is looked for."""
_PREVIEW_CODES = ("1", "2", "9", "17")
_NO = ("false", "0", "no", "usann", "falsk", "falskt", "nei", "nej")
_OPEN_ENDED = ("open-ended response", "åpent svar", "åbent svar", "öppet svar", "fritekstsvar")


def qualtrics_body(rows: Iterator[Raw]) -> Iterator[Raw]:
    """Drop the questions, the ``ImportId`` records wherever they stand, and what lies between them."""
    head = list(islice(rows, _MAX_HEADER))
    last = max((i for i, raw in enumerate(head) if _is_import_id(raw)), default=-1)
    for i, raw in enumerate(chain(head, rows)):
        if i <= last or _is_import_id(raw) or (i < _MAX_HEADER and _is_label(raw)):
            continue
        yield raw


def qualtrics_reason(cells: Mapping[str, Any]) -> str:
    """Say why a response is left out: it is a preview or test, or not finished."""
    for name, value in cells.items():
        word = str(value).strip().casefold()
        if name.casefold() == "status" and (word in _PREVIEW_CODES or "preview" in word or "test" in word):
            return PREVIEW
        if name.casefold() == "finished" and word in _NO:
            return UNFINISHED
    return ""


def _is_import_id(raw: Raw) -> bool:
    first = next((value for value in raw.cells.values() if value not in ("", None)), "")
    return isinstance(first, str) and first.replace(" ", "").startswith('{"ImportId":')


def _is_label(raw: Raw) -> bool:
    """Say whether a record has a title where a response has a date."""
    for name, value in raw.cells.items():
        if key(name) in ("startdate", "recordeddate") and isinstance(value, str) and value.strip():
            return not any(character.isdigit() for character in value)
    return False


def surveymonkey_body(rows: Iterator[Raw]) -> Iterator[Raw]:
    """Drop the second record of the header, where there is one: it has no respondent."""
    first = next(rows, None)
    if first is None:
        return
    if not _is_second_header(first):
        yield first
    yield from rows


def surveymonkey_texts(head: Sequence[Raw]) -> Sequence[str]:
    """Name the columns whose second header says that the answer is in the customer's own words."""
    if not head or not _is_second_header(head[0]):
        return ()
    return [n for n, value in head[0].cells.items() if str(value).strip().casefold() in _OPEN_ENDED]


def _is_second_header(raw: Raw) -> bool:
    ids = [value for name, value in raw.cells.items() if key(name) in ("respondentid", "collectorid")]
    return all(value in ("", None) for value in ids)
