"""The one normalisation of text: what is hashed, tokenised and identified is always the cleaned text."""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata

# Control and format characters that carry no text; joiners inside emoji (U+200D) and variation selectors stay.
# Separators (U+001C to U+001F, U+0085) are white space.
INVISIBLE = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"
)
# What web exports leave in a text. Only tags that are known, so that "<3" and "a < b" stay.
TAG = re.compile(r"</?(?:a|b|br|div|em|font|h[1-6]|hr|i|li|ol|p|span|strong|u|ul)(?:\s[^<>]*)?/?>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:[a-z]{2,8}|#\d{2,6}|#x[0-9a-f]{2,5});", re.IGNORECASE)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_SPACE = re.compile(r"\s+")


def clean(text: str) -> str:
    """Drop HTML and invisible characters, compose the others (NFC), fold white space to single spaces, and trim."""
    cleaned = _clean_once(text)
    while ("<" in text or "&" in text) and cleaned != text:  # "&amp;lt;br&amp;gt;" is a tag at last
        text, cleaned = cleaned, _clean_once(cleaned)
    return cleaned


def _clean_once(text: str) -> str:
    if "<" in text:
        text = TAG.sub(" ", text)
    if "&" in text:
        text = _ENTITY.sub(lambda match: html.unescape(match[0]), text)
    # An invisible character can part a letter from its accent, so composing comes after.
    text = unicodedata.normalize("NFC", INVISIBLE.sub("", _SURROGATE.sub("\ufffd", text)))
    return _SPACE.sub(" ", text).strip()


def text_hash(text: str) -> str:
    """Give 32 hex digits that are the same for texts which differ only in white space, case or invisible characters."""
    return hashlib.blake2b(clean(text).casefold().encode("utf-8"), digest_size=16).hexdigest()
