"""Reviews that say something, each text once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cxnlp.data.review import Review
from cxnlp.text import clean, text_hash


@dataclass(frozen=True)
class Distinct:
    """The reviews that count, and how many do not."""

    reviews: list[Review]
    """Those with a text, of copies the first."""
    n_blank: int
    n_copies: int


def distinct(reviews: Iterable[Review]) -> Distinct:
    """Leave out blank texts, and texts that an earlier review has but for white space, case and invisible signs."""
    kept: list[Review] = []
    seen: set[str] = set()
    n_blank = n_copies = 0
    for review in reviews:
        if not clean(review.text):
            n_blank += 1
            continue
        mark = text_hash(review.text)
        if mark in seen:
            n_copies += 1
            continue
        seen.add(mark)
        kept.append(review)
    return Distinct(kept, n_blank, n_copies)
