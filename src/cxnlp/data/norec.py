"""NoReC_sentence, ternary (Kutuzov et al., ltgoslo/norec_sentence): Norwegian sentences with a sentiment only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cxnlp.data.review import Review
from cxnlp.errors import DataError

_HUB_NAME = "ltg/norec_sentence"
_LABELS = {
    "negative": "negative",
    "neutral": "neutral",
    "positive": "positive",
    0: "negative",
    1: "neutral",
    2: "positive",
}


def read_norec_sentence(path: Path | None, split: str) -> list[Review]:
    """Read a split (``train``, ``dev``, ``test``) from a folder with ``train.json`` …, or without a path from the hub.

    Raises:
        DataError: the folder or a record is not as expected.
    """
    return [_review(record, number, split) for number, record in enumerate(_records(path, split), 1)]


def _records(path: Path | None, split: str) -> list[dict[str, Any]]:
    if path is None:
        return _from_hub(split)
    file = path / f"{split}.json"
    try:
        records = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(
            f"{file}: not readable as NoReC_sentence ({type(error).__name__}); expected a JSON list"
        ) from error
    if not isinstance(records, list) or not all(isinstance(record, dict) for record in records):
        raise DataError(f"{file}: not NoReC_sentence; expected a JSON list of objects with a text and a label")
    return records


def _from_hub(split: str) -> list[dict[str, Any]]:
    try:
        from datasets import load_dataset
    except ImportError as error:
        what = "give the folder of train.json, dev.json and test.json, or pip install 'cxnlp[train]'"
        raise DataError(
            f"NoReC_sentence comes from the hub through datasets, which is not installed; {what}"
        ) from error
    try:
        return list(load_dataset(_HUB_NAME, "ternary", split={"dev": "validation"}.get(split, split)))
    except (OSError, ValueError) as error:
        what = "give the folder of train.json, dev.json and test.json instead"
        raise DataError(f"{_HUB_NAME}: cannot be fetched from the hub ({type(error).__name__}); {what}") from error


def _review(record: dict[str, Any], number: int, split: str) -> Review:
    text, label = record.get("text") or record.get("review"), record.get("label", record.get("sentiment"))
    key = label.lower() if isinstance(label, str) else label
    if not isinstance(text, str) or not isinstance(key, str | int) or key not in _LABELS:
        raise DataError(f"NoReC_sentence {split}, record {number}: expected a text and a label of the ternary version")
    identity = str(record.get("sent_id", f"norec-{split}-{number}"))
    return Review(identity, text, "no", {"sentiment": _LABELS[key]}, "norec_sentence")
