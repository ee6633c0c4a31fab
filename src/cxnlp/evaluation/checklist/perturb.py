"""Disturbances of a text that leave its meaning alone, as people and exports make them. Text in, text out.

None of them draws by chance: the same text is always disturbed in the same way.
"""

from __future__ import annotations

import html
import random
import re

from cxnlp.text import text_hash

_LONG_WORD = re.compile(r"[^\W\d_]{5,}")
_WORDS_A_TYPO = 6
_SENTENCE_END = re.compile(r"[.!?…]+(?=\s|$)")
_PUNCTUATION = re.compile(r"[.,!?;:…]+(?=\s|$)")
_AFTER_SENTENCE = re.compile(r"(?<=[.!?]) +")
_DIGRAPHS = str.maketrans(
    {"æ": "ae", "ø": "oe", "å": "aa", "ä": "ae", "ö": "oe", "Æ": "Ae", "Ø": "Oe", "Å": "Aa", "Ä": "Ae", "Ö": "Oe"}
)
_BARE = str.maketrans(
    {"æ": "ae", "ø": "o", "å": "a", "ä": "a", "ö": "o", "Æ": "Ae", "Ø": "O", "Å": "A", "Ä": "A", "Ö": "O"}
)


def typos(text: str) -> str:
    """Mistype one in six of the words of five letters and more, at least one: two letters swapped, one lost or twice.

    The first letter of a word stays, as most typing errors leave it.
    """
    words = list(_LONG_WORD.finditer(text))
    if not words:
        return text
    rng = random.Random(text_hash(text))
    chosen = rng.sample(words, max(1, len(words) // _WORDS_A_TYPO))
    for word in sorted(chosen, key=lambda match: -match.start()):  # from the end, so that positions stay true
        text = text[: word.start()] + _mistyped(word[0], rng) + text[word.end() :]
    return text


def _mistyped(word: str, rng: random.Random) -> str:
    at = rng.randrange(1, len(word) - 1)
    before, letter, after, rest = word[:at], word[at], word[at + 1], word[at + 2 :]
    swapped = before + after + letter + rest
    return rng.choice([swapped, before + after + rest, before + letter + letter + after + rest])


def lower_case(text: str) -> str:
    """Write all in lower case."""
    return text.lower()


def upper_case(text: str) -> str:
    """Write all in capitals."""
    return text.upper()


def digraphs(text: str) -> str:
    """Write æ, ø, å, ä and ö with two letters, as on a keyboard that lacks them."""
    return text.translate(_DIGRAPHS)


def bare_letters(text: str) -> str:
    """Leave out rings and dots: å and ä as a, ø and ö as o. (æ becomes ae; there is no nearer letter.)"""
    return text.translate(_BARE)


def no_punctuation(text: str) -> str:
    """Leave out punctuation at the end of words; a text of nothing else stays."""
    return _PUNCTUATION.sub("", text) if any(letter.isalnum() for letter in text) else text


def ellipses(text: str) -> str:
    """End every sentence, and the text, in three dots."""
    dotted = _SENTENCE_END.sub("...", text.rstrip())
    return dotted if dotted.endswith("...") else dotted + "..."


def markup(text: str) -> str:
    """Write HTML, as web forms export it: a paragraph, line breaks between sentences, entities."""
    return f"<p>{_AFTER_SENTENCE.sub('<br />', html.escape(text).replace('&#x27;', '&#39;'))}</p>"


def white_space(text: str) -> str:
    """Put empty lines between sentences, two spaces between words, and spaces around the whole."""
    return "\n  " + _AFTER_SENTENCE.sub("\n\n", text).replace(" ", "  ") + " \n"


def swapped(text: str, others: dict[str, str]) -> str:
    """Put other names in the place of names, all at once; a name inside a longer word stays."""
    if not others:
        return text
    longest_first = sorted(others, key=len, reverse=True)
    pattern = r"(?<!\w)(?:" + "|".join(map(re.escape, longest_first)) + r")(?!\w)"
    return re.sub(pattern, lambda match: others[match[0]], text)
