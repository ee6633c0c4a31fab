"""Reviews: reading, writing, checking and splitting them."""

from cxnlp.data.norec import read_norec_sentence
from cxnlp.data.read import (
    Problem,
    json_lines,
    read_labels_with_texts,
    read_review_files,
    read_reviews,
    texts_of,
)
from cxnlp.data.review import Review, review_from_record, unfinished_note
from cxnlp.data.splits import SPLITS, hash_fraction, split_of, split_reviews

__all__ = [
    "SPLITS", "Problem", "Review", "hash_fraction", "json_lines", "read_labels_with_texts", "read_norec_sentence",
    "read_review_files", "read_reviews", "review_from_record", "split_of", "split_reviews", "texts_of",
    "unfinished_note",
]  # fmt: skip
