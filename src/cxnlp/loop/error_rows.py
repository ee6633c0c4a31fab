"""Likely label errors as rows of a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cxnlp.data.kinds import Column
from cxnlp.loop.label_errors import LabelError

_DECIMALS = 4


def error_columns(*, with_text: bool) -> list[Column]:
    """Give the columns of a table; without ``with_text`` no word of a review is in it."""
    names = ["rank", "file", "line", "id", "lang", "facet", "given", "suggested", "confidence"]
    kinds = {"rank": "int", "line": "int", "confidence": "float"}
    columns = [
        Column(name, name, kinds.get(name, "text"), _DECIMALS if name == "confidence" else None) for name in names
    ]
    return [*columns, Column("text", "text")] if with_text else columns


def error_rows(errors: Sequence[LabelError], *, with_text: bool) -> list[dict[str, Any]]:
    """Give one record for each likely error, in their order."""
    return [_row(rank, error, with_text=with_text) for rank, error in enumerate(errors, 1)]


def _row(rank: int, error: LabelError, *, with_text: bool) -> dict[str, Any]:
    where = error.where
    record = {
        "rank": rank, "file": str(where.path), "line": where.line, "id": where.review.id, "lang": where.review.lang,
        "facet": error.facet, "given": error.given, "suggested": error.suggested,
        "confidence": round(error.confidence, _DECIMALS),
    }  # fmt: skip
    return record | {"text": where.review.text} if with_text else record
