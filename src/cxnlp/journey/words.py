"""The words of a report in one language, and how it writes numbers."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
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
    number = table["number"]
    return Words(
        language,
        table["words"],
        table["labels"],
        table["facets"],
        table["languages"],
        number["decimal"],
        number["thousands"],
    )
