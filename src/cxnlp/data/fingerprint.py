"""Whether two sets of labelled reviews are the same, by hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from cxnlp.data.review import Review
from cxnlp.text import text_hash


def fingerprint(reviews: Iterable[Review]) -> str:
    """Give a hash of the texts and labels of reviews that does not depend on their order."""
    lines = sorted(f"{text_hash(review.text)} {sorted(review.labels.items())!r}" for review in reviews)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
