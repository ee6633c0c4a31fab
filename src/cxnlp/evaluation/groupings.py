"""Groupings of reviews beside language: where they come from, and how long they are."""

from __future__ import annotations

from collections.abc import Sequence

from cxnlp.data import Review
from cxnlp.text import clean

SOURCE, LENGTH = "source", "length"
LENGTHS = ((1, 7), (8, 19), (20, 39), (40, 79), (80, None))
"""Words of a review, from and to."""


def groupings(reviews: Sequence[Review]) -> dict[str, list[str]]:
    """Give the source and the length of every review, such as ``corpus`` and ``8–19``; empty where there is none."""
    return {
        SOURCE: [review.source for review in reviews],
        LENGTH: [length_group(review.text) for review in reviews],
    }


def length_group(text: str) -> str:
    """Name the group of a text by its words: what white space parts in the cleaned text; empty without a word."""
    words = len(clean(text).split())
    for low, high in LENGTHS:
        if words >= low and (high is None or words <= high):
            return f"{low}+" if high is None else f"{low}–{high}"
    return ""


def in_order(grouping: str, groups: Sequence[str]) -> list[str]:
    """Give groups in the order for people: lengths from short to long, others by name."""
    if grouping == LENGTH:
        return sorted(groups, key=lambda name: int(name.rstrip("+").partition("–")[0]))
    return sorted(groups)
