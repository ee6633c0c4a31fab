"""Cells to what they mean: texts, ratings and dates."""

from __future__ import annotations

import datetime
import re
import sys
from dataclasses import dataclass
from typing import Any

from cxnlp.errors import SettingsError
from cxnlp.text.shorten import shorten

_NUMBER = re.compile(
    r"\s*(-?\d{1,6}(?:[.,]\d{1,6})?)\s*(?:/\s*\d+|(?:out )?of \d+|av \d+|af \d+|stars?|★|\*)?\s*", re.IGNORECASE
)
_WORDS = {"one": 1.0, "two": 2.0, "three": 3.0, "four": 4.0, "five": 5.0}
_GOOD_OR_BAD = {
    "promoter": 1.0, "passive": 0.0, "detractor": -1.0, "good": 1.0, "bad": -1.0, "positive": 1.0, "negative": -1.0,
    "neutral": 0.0,
}  # fmt: skip
_TRANSLATED = re.compile(r"\((?:Translated by Google|Oversatt av Google|Oversat af Google|Översatt av Google)\)", re.I)
_ORIGINAL = re.compile(r"\((?:Original|Originalt?|Opprinnelig)\)", re.I)
_SPACE = re.compile(r"\s+")
_DAY_MONTH = re.compile(r"\s*(\d{1,2})([./-])\s?(\d{1,2})\2\s?(\d{4}|\d{2})(?!\d)")
_ISO_DATE = re.compile(r"\s*(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?!\d)")


@dataclass(frozen=True)
class Scale:
    """How a rating is given."""

    low: float
    high: float
    nps: bool = False

    def place(self, value: float) -> float | None:
        """Give a rating on -1 … 1, or None if it is not on the scale (a 0 of stars is no rating)."""
        if not self.low <= value <= self.high:
            return None
        if self.nps:
            return -1.0 if value < 7 else 0.0 if value < 9 else 1.0
        return 2 * (value - self.low) / (self.high - self.low) - 1

    @property
    def name(self) -> str:
        """The scale for people."""
        return "0 to 10, as of NPS" if self.nps else f"{self.low:g} to {self.high:g}"


STARS = Scale(1, 5)
RECOMMEND = ("nps", "recommend", "anbefal", "rekommend")
"""Words in the name of a column that ask how likely somebody is to recommend the company, from 0 to 10."""
NPS = Scale(0, 10, nps=True)
_SCALES = {"stars": STARS, "nps": NPS}
_FROM_TO = re.compile(r"(\d{1,4})-(\d{1,4})")


def scale_named(name: str, where: str) -> Scale:
    """Give the scale of a name: ``stars``, ``nps``, or lowest and highest such as ``1-6``; ``where`` is for messages.

    Raises:
        SettingsError: it names none.
    """
    given = name.strip().lower()
    if given in _SCALES:
        return _SCALES[given]
    match = _FROM_TO.fullmatch(given)
    if match and int(match[1]) < int(match[2]):
        return Scale(int(match[1]), int(match[2]))
    raise SettingsError(
        f"{where}: {shorten(name, 40)!r} is no scale of ratings, expected stars (1 to 5), nps (0 to 10), or the lowest "
        "and the highest rating, such as 1-6"
    )


def number_of(value: Any) -> float | None:
    """Read a number: ``5``, ``4,5``, ``4/5``, ``5 stars``, ``FIVE``, ``★★★★``; None if it is none, or not finite."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) <= sys.float_info.max else None
    if not isinstance(value, str):
        return None
    if match := _NUMBER.fullmatch(value):
        return float(match[1].replace(",", "."))
    if stars := value.count("★"):
        return float(stars)
    return _WORDS.get(value.strip().casefold())


def rating_of(value: Any, scale: Scale | None) -> float | None:
    """Give what the customer gave on -1 … 1; None if unknown."""
    number = number_of(value)
    if number is not None:
        return scale.place(number) if scale else None
    return _GOOD_OR_BAD.get(value.strip().casefold()) if isinstance(value, str) else None


def is_rating(value: Any) -> bool:
    """Say whether a cell could be a rating."""
    return number_of(value) is not None or (isinstance(value, str) and value.strip().casefold() in _GOOD_OR_BAD)


def date_of(value: Any, *, day_first: bool) -> datetime.date | None:
    """Read the day of a cell: year first, or day and month in the order given; None if it is no date."""
    if not isinstance(value, str):
        return None
    try:
        if match := _ISO_DATE.match(value):
            return datetime.date(int(match[1]), int(match[2]), int(match[3]))
        if match := _DAY_MONTH.match(value):
            first, second, year = int(match[1]), int(match[3]), int(match[4])
            day, month = (first, second) if day_first else (second, first)
            return datetime.date(year + 2000 if year < 100 else year, month, day)
    except ValueError:
        return None
    return None


def day_and_month(value: Any) -> tuple[int, str, int] | None:
    """Give the first number, the sign and the second number of a date with the year last."""
    match = _DAY_MONTH.match(value) if isinstance(value, str) else None
    return (int(match[1]), match[2], int(match[3])) if match else None


def original_of(text: str) -> str:
    """Give what the customer wrote where Google put its translation into the same field."""
    mark = _TRANSLATED.search(text)
    if not mark:
        return text
    original = _ORIGINAL.search(text, mark.end())
    if original:
        return text[original.end() :].strip()
    before = text[: mark.start()].strip()
    return _ORIGINAL.sub("", before).strip() if before else text[mark.end() :].strip()


def joined(title: str, body: str) -> str:
    """Join title and body; a title that the body begins with, perhaps cut short with dots, is there once."""
    title, text = title.strip(), body.strip()
    if not title or not text:
        return body if text else title
    start, whole = (_SPACE.sub(" ", part).casefold() for part in (title, text))
    cut = start.rstrip(".… ")
    if cut and whole.startswith(cut):
        after = whole[len(cut) : len(cut) + 1]
        if not after.isalnum() or start.endswith(("…", "...")):  # "Bra" is not the beginning of "Brann"
            return body
    return f"{title}\n{body}"
