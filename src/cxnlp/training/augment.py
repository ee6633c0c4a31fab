"""Texts as people also type them: in lower case, without the letters of another keyboard, with slips of the finger."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_SPELLINGS = (
    {"æ": "ae", "ø": "oe", "å": "aa", "ä": "ae", "ö": "oe"},
    {"æ": "a", "ø": "o", "å": "a", "ä": "a", "ö": "o"},
)
_WORD = re.compile(r"[^\W\d_]{4,}")
# Of the words of four letters and more, in a text that gets any.
_SLIPS = 0.08


def augment(text: str, share: float, rng: random.Random) -> str:
    """Give the text as it is or, with the probability ``share``, changed in one of four ways that keep its meaning."""
    if rng.random() >= share:
        return text
    return rng.choice(_WAYS)(text, rng)


def _lower(text: str, rng: random.Random) -> str:
    return text.lower()


def _without_marks(text: str, rng: random.Random) -> str:
    return re.sub(r"[.,;:!?\"'()–-]+(?=\s|$)", "", text)


def _respelled(text: str, rng: random.Random) -> str:
    """Write the letters beyond a to z as someone without them on the keyboard would."""
    spelling = rng.choice(_SPELLINGS)
    table: dict[str, str | int | None] = dict(spelling)
    table |= {letter.upper(): other.capitalize() for letter, other in spelling.items()}
    return text.translate(str.maketrans(table))


def _with_slips(text: str, rng: random.Random) -> str:
    return _WORD.sub(lambda found: _slip(found[0], rng) if rng.random() < _SLIPS else found[0], text)


def _slip(word: str, rng: random.Random) -> str:
    """Swap two neighbouring letters, or leave one out, or strike one twice; the first letter stays."""
    at = rng.randrange(1, len(word) - 1)
    head, a, b, tail = word[:at], word[at], word[at + 1], word[at + 2 :]
    return head + rng.choice((b + a, b, a + a + b)) + tail


_WAYS: tuple[Callable[[str, random.Random], str], ...] = (_lower, _without_marks, _respelled, _with_slips)
