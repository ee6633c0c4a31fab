"""The words of a report in one language, and how it writes numbers."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from cxnlp.errors import SettingsError, nearest

LANGUAGES = ("no", "da", "sv", "en")
MINUS = "−"
NOTHING = "–"


@dataclass(frozen=True)
class Words:
    """Words by key, names of labels, and numbers as people read them."""

    language: str
    say: Mapping[str, str]
    labels: Mapping[str, Mapping[str, str]]
    """Facet to label to name, of the default taxonomy."""
    facets: Mapping[str, str]
    languages: Mapping[str, str]
    nouns: Mapping[str, Sequence[str]]
    """What is counted to its name for one, and for any other number."""
    sheets: Mapping[str, str]
    """Key of a table to the name of its sheet in a workbook."""
    dates: Mapping[str, str]
    """How a day, a month and a week are written."""
    months: Sequence[str]
    decimal: str
    thousands: str

    def label(self, facet: str, label: str) -> str:
        """Name a label; one that the default taxonomy does not have is shown as it is."""
        return self.labels.get(facet, {}).get(label, label.replace("_", " "))

    def facet(self, name: str) -> str:
        """Name a facet."""
        return self.facets.get(name, name.replace("_", " "))

    def count(self, n: int) -> str:
        """Write a count: ``12,345``."""
        return f"{n:,}".replace(",", self.thousands)

    def noun(self, what: str, n: int) -> str:
        """Name what is counted, as it is called beside that number."""
        return self.nouns[what][n != 1]

    def counted(self, what: str, n: int) -> str:
        """Write a count with what is counted: ``1 review``, ``2 reviews``."""
        return f"{self.count(n)} {self.noun(what, n)}"

    def day(self, iso: str) -> str:
        """Write a day, given as ISO 8601: ``2 March 2026``."""
        year, month, day = map(int, iso.split("-"))
        return self.dates["day"] % {"day": day, "month": self.months[month - 1], "year": year}

    def period(self, name: str) -> str:
        """Write a month or a week, given as ``2026-03`` or ``2026-W05``."""
        year, _, rest = name.partition("-")
        if rest.startswith("W"):
            return self.dates["week"] % {"week": int(rest[1:]), "year": year}
        return self.dates["month"] % {"month": self.months[int(rest) - 1], "year": year}

    def number(self, value: float, places: int = 2) -> str:
        """Write a number; a dash for one that is not known."""
        if math.isnan(value):
            return NOTHING
        whole, _, rest = f"{abs(value):,.{places}f}".partition(".")
        sign = MINUS if value < 0 and float(f"{value:.{places}f}") else ""
        return sign + whole.replace(",", self.thousands) + (self.decimal + rest if rest else "")

    def percent(self, share: float) -> str:
        """Write a share as ``12.3 %``."""
        return NOTHING if math.isnan(share) else f"{self.number(100 * share, 1)}\u00a0%"

    def signed(self, value: float, places: int = 1) -> str:
        """Write a difference with its sign."""
        written = self.number(value, places)
        return f"+{written}" if value > 0 else written

    def interval(self, low: float, high: float, *, scale: float = 100, places: int = 1) -> str:
        """Write an interval in brackets, of shares in per cent."""
        if math.isnan(low) or math.isnan(high):
            return ""
        return f"[{self.number(scale * low, places)} – {self.number(scale * high, places)}]"


def load_words(language: str) -> Words:
    """Read the words of a language.

    Raises:
        SettingsError: there are none.
    """
    if language not in LANGUAGES:
        raise SettingsError(
            f"no words in {language!r}, expected one of {', '.join(LANGUAGES)}{nearest(language, list(LANGUAGES))}"
        )
    table = tomllib.loads(resources.files("cxnlp.journey").joinpath(f"words/{language}.toml").read_text("utf-8"))
    number, dates = table["number"], table["dates"]
    return Words(
        language,
        table["words"],
        table["labels"],
        table["facets"],
        table["languages"],
        table["counted"],
        table["sheets"],
        {key: form for key, form in dates.items() if key != "months"},
        dates["months"],
        number["decimal"],
        number["thousands"],
    )
