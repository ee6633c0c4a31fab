"""Splits by hash of the cleaned text: stable when data is added, and duplicates never straddle."""

from __future__ import annotations

from collections.abc import Iterable

from cxnlp.data.review import Review
from cxnlp.text import text_hash

SPLITS = ("train", "dev", "test")
DEV_PERCENT = 5
TEST_PERCENT = 5


def split_of(text: str) -> str:
    """Name the split that a text belongs to: about 90 % train, 5 % dev, 5 % test."""
    bucket = int(text_hash(text)[:8], 16) % 100
    if bucket < TEST_PERCENT:
        return "test"
    return "dev" if bucket < TEST_PERCENT + DEV_PERCENT else "train"


def hash_fraction(text: str) -> float:
    """Give a number from 0 to 1 that is fixed by the text and independent of its split."""
    return int(text_hash(text)[8:16], 16) / 2**32


def split_reviews(reviews: Iterable[Review]) -> dict[str, list[Review]]:
    """Divide reviews by their texts; the order within a split is that of the input."""
    out: dict[str, list[Review]] = {name: [] for name in SPLITS}
    for review in reviews:
        out[split_of(review.text)].append(review)
    return out
