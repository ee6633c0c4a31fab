"""Texts in capitals, read as if they were not shouted: encoders know few words in capitals."""

from __future__ import annotations

# Fewer letters may be an abbreviation: "OK", "DHL".
_LEAST_LETTERS = 6
_SHARE = 0.5


def unshout(text: str) -> str:
    """Give a text most of whose letters are capitals in lower case, any other text as it is."""
    n_upper = sum(map(str.isupper, text))
    if n_upper < _LEAST_LETTERS:
        return text
    n_cased = n_upper + sum(map(str.islower, text))
    return text.lower() if n_upper > _SHARE * n_cased else text
