"""Which language a review is written in, offline (py3langid)."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from cxnlp.errors import ArgumentTypeError, ArgumentValueError, kind_of
from cxnlp.text.clean import clean
from cxnlp.text.declared import language_of

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

UNKNOWN = "und"
"""Code of a text without words, or of so few that they do not tell."""

_DEFAULT_LANGUAGES = ("no", "da", "sv", "en")
# More of a text changes nothing but the time.
_MAX_CHARS = 300
# In nats, on the scale of the library's calibrated probabilities. Another language than the model's must be this much
# likelier than the likeliest of the model's: "Fin bus, sur chauffør." is no French.
_SURE = 2.0
# What the file declares is worth this much: it decides short texts, and loses against a sentence in another language.
_DECLARED = 1.0
# Of so few words the likeliest language is often chance: it is named only with this share of the probability (among the
# model's languages, if it is one). Of 339 reviews of one or two words in the training and development splits of the
# corpus, 242 (71 %) got their language without this; with it 153 get one, and 137 of these (90 %) the right one.
_FEW_WORDS = 2
_LIKELY = 0.6
_BEYOND_LATIN = "\u0250"  # another alphabet tells more, and tells it from the model's languages
# "Not a language", and a pidgin that no short English text can be told from.
_NEVER = ("zxx", "pcm")
_LEAST = 1e-30
_lock = Lock()


def _renew_lock() -> None:
    # Another thread of the parent may have held it, and that thread did not come along.
    global _lock
    _lock = Lock()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_renew_lock)


@cache
def _load() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def identify_languages(
    texts: Sequence[str],
    declared: Sequence[str | None] | None = None,
    *,
    languages: Sequence[str] = _DEFAULT_LANGUAGES,
) -> list[str]:
    """Give the ISO 639-1 code of each text (``no`` for Bokmål and Nynorsk), or ``und`` where no words tell it.

    ``languages`` are those of the model. A text that is too short to tell gets the language that its file declares in
    ``declared`` (for each text a code, tag or name that ``language_of`` knows; empty, None, and what it does not know
    say nothing), and without one the likeliest of ``languages``; of one or two words ``und``, if that has less than
    60 % of the probability. A code beyond ``languages`` comes only of a text that is surely in it, or where it was
    declared. Without ``languages`` all are alike.

    Raises:
        ArgumentTypeError: ``declared`` is a single string, or holds something that is neither str nor None.
        ArgumentValueError: ``declared`` has another length than ``texts``.
    """
    if isinstance(declared, str):
        raise ArgumentTypeError("declared is one str, expected a list of codes, one for each text")
    for code in declared or ():
        if not isinstance(code, str | None):
            raise ArgumentTypeError(f"a declared language is {kind_of(code)}, expected a code, or None where unknown")
    if declared is not None and len(declared) != len(texts):
        raise ArgumentValueError(f"{len(declared)} declared languages for {len(texts)} texts, expected one for each")
    with _lock:  # two threads would load it twice
        identifier = _load()
    known = frozenset(map(_code, languages))
    codes = []
    for text, said in zip(texts, declared or [""] * len(texts), strict=True):
        cleaned = clean(text[: 4 * _MAX_CHARS])[:_MAX_CHARS]
        if not any(map(str.isalpha, cleaned)):
            codes.append(UNKNOWN)
            continue
        ranked, code = identifier.rank(cleaned), language_of(said)
        found = _likeliest(ranked, known, code)
        if _says_little(cleaned) and _share(ranked, known, found) < _LIKELY:
            found = code or UNKNOWN
        codes.append(found)
    return codes


def _says_little(text: str) -> bool:
    words = [word for word in text.split() if any(map(str.isalpha, word))]
    return len(words) <= _FEW_WORDS and max(filter(str.isalpha, text)) < _BEYOND_LATIN


def _share(ranked: Sequence[tuple[str, float]], known: frozenset[str], code: str) -> float:
    """Give the share of a code in the probability of the known languages, or of all if it is none of them."""
    among = [(_code(label), probability) for label, probability in ranked if label not in _NEVER]
    if code in known:
        among = [(other, probability) for other, probability in among if other in known]
    whole = sum(probability for _, probability in among)
    return sum(probability for other, probability in among if other == code) / whole if whole else 0.0


def _likeliest(ranked: Sequence[tuple[str, float]], known: frozenset[str], declared: str) -> str:
    best, most = UNKNOWN, -math.inf
    for label, probability in ranked:  # the likeliest first
        score = math.log(max(probability, _LEAST))
        if score + _DECLARED < most:
            break
        if label in _NEVER:
            continue
        code = _code(label)
        if code == declared:
            score += _DECLARED
        elif known and code not in known:
            score -= _SURE
        if score > most:
            best, most = code, score
    return best


def _code(label: str) -> str:
    """Give the code of a language that the library or a taxonomy names; both forms of Norwegian are ``no``."""
    return language_of(label) or label
