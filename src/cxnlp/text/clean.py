"""The one normalisation of text: what is hashed, tokenised and identified is always the cleaned text."""

from __future__ import annotations

import hashlib
import re
import unicodedata

# Control and format characters that carry no text; joiners inside emoji (U+200D) and variation selectors stay.
# Separators (U+001C to U+001F, U+0085) are white space.
_INVISIBLE = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SPACE = re.compile(r"\s+")


def clean(text: str) -> str:
    """Drop invisible characters, compose the others (NFC), fold white space to single spaces, and trim."""
    # An invisible character can part a letter from its accent, so composing comes after.
    text = unicodedata.normalize("NFC", _INVISIBLE.sub("", _SURROGATE.sub("\ufffd", text)))
    return _SPACE.sub(" ", text).strip()


def text_hash(text: str) -> str:
    """Give 32 hex digits that are the same for texts which differ only in white space, case or invisible characters."""
    return hashlib.blake2b(clean(text).casefold().encode("utf-8"), digest_size=16).hexdigest()
