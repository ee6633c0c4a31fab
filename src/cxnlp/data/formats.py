"""The table of known exports: how each is recognised, what its columns mean. A new one is an entry and a fixture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cxnlp.data import survey_exports as surveys
from cxnlp.data.columns import key
from cxnlp.data.raw import Raw
from cxnlp.data.values import STARS, Scale
from cxnlp.errors import DataError, nearest


@dataclass(frozen=True)
class Format:
    """A known export. Names of columns are keys: without case, spaces and punctuation."""

    name: str
    title: str
    """Its name for people."""
    signs: tuple[tuple[str, ...], ...]
    """It is this export if of each of these one is a column."""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Role to the columns that can have it, the surest first."""
    personal: tuple[str, ...] = ()
    """Columns about a person, beyond those that are known in any file."""
    not_text: tuple[str, ...] = ()
    """Columns that are never the text where it must be guessed."""
    scale: Scale | None = None
    body: Callable[[Iterator[Raw]], Iterator[Raw]] | None = None
    """Drops the records of the header that follow the first."""
    text_columns: Callable[[Sequence[Raw]], Sequence[str]] | None = None
    """Names the columns that can be the text, from the first records below the header's first."""
    leave_out: Callable[[Mapping[str, Any]], str] | None = None
    """Gives the reason why a row is no finished response; an empty string if it is one."""
    edits: bool = False
    """Whether a review that was edited appears again, so that the last one counts."""
    month_first: bool = False
    note: str = ""
    """A sentence on what people should know."""
    refusal: str = ""
    """Why there is nothing to score in it, and what to export instead."""

    def matches(self, columns: Sequence[str]) -> bool:
        """Say whether a file with these columns is such an export."""
        keys = {key(column) for column in columns}
        return all(any(sign in keys for sign in either) for either in self.signs)


GENERIC = Format("generic", "no known export", ())

FORMATS = (
    Format(
        "trustpilot",
        "Trustpilot service reviews",
        (("reviewid",), ("reviewstars",), ("reviewcontent",)),
        {
            "text": ("reviewcontent",),
            "title": ("reviewtitle",),
            "rating": ("reviewstars",),
            "date": ("reviewcreatedutc", "reviewcreated"),
            "language": ("reviewlanguage",),
            "id": ("reviewid",),
        },
        personal=("reviewusername", "reviewuseremail", "reviewconsumeruserid"),
        scale=STARS,
    ),
    Format(
        "trustpilot-product",
        "Trustpilot product reviews",
        (("reviewid",), ("stars",), ("content",), ("productname", "productsku")),
        {
            "text": ("content",),
            "rating": ("stars",),
            "date": ("createdat",),
            "language": ("language",),
            "id": ("reviewid",),
        },
        personal=("consumername",),
        scale=STARS,
    ),
    Format(
        "google-play",
        "Google Play Console",
        (("packagename",), ("starrating",), ("reviewtext",)),
        {
            "text": ("reviewtext",),
            "title": ("reviewtitle",),
            "rating": ("starrating",),
            "date": ("reviewsubmitdateandtime",),
            "updated": ("reviewlastupdatemillissinceepoch",),
            "language": ("reviewerlanguage",),
            "link": ("reviewlink",),
        },
        scale=STARS,
        edits=True,
        note="The language column is that of the device, which need not be that of the text.",
    ),
    Format(
        "google-business",
        "Google Business Profile",
        (("reviewid",), ("starrating",), ("createtime", "updatetime")),
        {
            "text": ("comment",),
            "rating": ("starrating",),
            "date": ("createtime",),
            "updated": ("updatetime",),
            "id": ("reviewid",),
        },
        personal=("reviewer",),
        scale=STARS,
        note="Where a field holds Google's translation too, the original is scored.",
    ),
    Format(
        "app-store",
        "App Store Connect",
        (("rating",), ("title",), ("body",), ("reviewernickname", "territory")),
        {"text": ("body",), "title": ("title",), "rating": ("rating",), "date": ("createddate",), "id": ("id",)},
        personal=("reviewernickname",),
        scale=STARS,
        note="It names no language; the territory is not one.",
    ),
    Format(
        "qualtrics",
        "Qualtrics",
        (("responseid",), ("recordeddate", "startdate"), ("finished", "progress")),
        {"date": ("recordeddate", "enddate", "startdate"), "language": ("userlanguage",), "id": ("responseid",)},
        not_text=surveys.QUALTRICS_METADATA,
        body=surveys.qualtrics_body,
        leave_out=surveys.qualtrics_reason,
        note="The language column is that of the survey, which need not be that of the text.",
    ),
    Format(
        "surveymonkey",
        "SurveyMonkey",
        (("respondentid",), ("collectorid",)),
        {"date": ("enddate", "startdate", "datecreated"), "id": ("respondentid",)},
        not_text=surveys.SURVEYMONKEY_METADATA,
        body=surveys.surveymonkey_body,
        text_columns=surveys.surveymonkey_texts,
        month_first=True,
    ),
    Format(
        "zendesk",
        "Zendesk tickets",
        (("requester", "requesterid"), ("ticketform", "tickettype", "summationcolumn"), ("assignee", "groupstations")),
        {"date": ("createdat",), "id": ("id",)},
        personal=("requester", "requesteremail", "submitter", "assignee"),
        refusal="it holds no text of the tickets and no comment of a customer. Export the tickets as JSON (Admin "
        "Center, Account, Reports, Export, JSON), which has all comments, or the satisfaction ratings with theirs",
    ),
)


def recognise(columns: Sequence[str], wanted: str | None = None) -> Format:
    """Give the export that a file with these columns is, or ``GENERIC``; the wanted one if it is named.

    Raises:
        DataError: no export of the wanted name.
    """
    if wanted is not None:
        known = {export.name: export for export in (*FORMATS, GENERIC)}
        if wanted not in known:
            raise DataError(
                f"format {wanted!r} is not known{nearest(wanted, list(known))}; expected one of {', '.join(known)}"
            )
        return known[wanted]
    return next((export for export in FORMATS if export.matches(columns)), GENERIC)
