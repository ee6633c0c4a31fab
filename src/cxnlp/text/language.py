"""Which language a review is written in, offline (lingua)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING

from cxnlp.text.clean import clean

if TYPE_CHECKING:
    from lingua import LanguageDetector

# Those of the default taxonomy, and the ones that Nordic review files also hold. Every language more costs memory (some
# 25 MB for one in Latin letters) and makes short texts less certain.
_CANDIDATES = (
    "BOKMAL", "NYNORSK", "DANISH", "SWEDISH", "ENGLISH", "FINNISH", "GERMAN", "DUTCH", "FRENCH", "SPANISH", "POLISH",
    "ICELANDIC", "ESTONIAN", "RUSSIAN", "UKRAINIAN", "ARABIC", "HEBREW", "GREEK", "CHINESE",
)  # fmt: skip
_CODES = {"nb": "no", "nn": "no"}
# More of a long text changes nothing but the time.
_MAX_CHARS = 600


@cache
def _detector() -> LanguageDetector:
    from lingua import Language, LanguageDetectorBuilder

    return LanguageDetectorBuilder.from_languages(*(getattr(Language, name) for name in _CANDIDATES)).build()


def identify_languages(texts: Sequence[str]) -> list[str]:
    """Give the ISO 639-1 code of each text (``no`` for Bokmål and Nynorsk), or ``und`` where there are no words."""
    cleaned = [clean(text[: 4 * _MAX_CHARS])[:_MAX_CHARS] for text in texts]
    found = _detector().detect_languages_in_parallel_of(cleaned)
    codes = ["und" if language is None else language.iso_code_639_1.name.lower() for language in found]
    return [_CODES.get(code, code) for code in codes]
