"""The sweep over lengths: texts of 1 to 1,000 words, made of the suite's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cxnlp.evaluation.checklist.cases import Case

SHORT = (1, 2, 3, 5, 8, 13, 20)
"""Lengths in words at which a text must be answered; what it says may be cut off."""
LONG = (50, 100, 200, 400, 700, 1000)
"""Lengths in words from which a text must keep the label of its content."""
_ROUNDS = 4
_MOODS = ("positive", "negative")


@dataclass(frozen=True)
class Swept:
    """A text of some length."""

    id: str
    lang: str
    words: int
    """At least so many where the text is to keep a label, exactly so many where it is cut."""
    text: str
    case: Case | None
    """Whose expectation the text has; None where it must only be answered."""


def sweep(cases: Sequence[Case]) -> list[Swept]:
    """Make the texts of every language: long ones of whole reviews that share a label, short ones cut from these."""
    found: list[Swept] = []
    for lang in dict.fromkeys(case.lang for case in cases):
        for mood in _MOODS:
            same = [case for case in cases if case.lang == lang and case.mood == mood]
            if same:
                found += _of_one_kind(lang, mood, same)
    return found


def _of_one_kind(lang: str, mood: str, same: Sequence[Case]) -> Iterator[Swept]:
    for turn in range(_ROUNDS):
        start = turn * len(same) // _ROUNDS
        turned = [*same[start:], *same[:start]]
        for words in LONG:
            yield Swept(f"{lang}-{mood}-{turn + 1}-{words}", lang, words, joined(turned, words), turned[0])
        for words in SHORT if turn == 0 else ():
            cut = " ".join(joined(turned, words).split()[:words])
            yield Swept(f"{lang}-{mood}-{words}", lang, words, cut, None)


def joined(cases: Sequence[Case], words: int) -> str:
    """Join texts, from the first again after the last, until there are so many words; the last text stays whole."""
    texts: list[str] = []
    count = 0
    while count < words:
        text = cases[len(texts) % len(cases)].text
        texts.append(text)
        count += len(text.split())
    return " ".join(texts)
