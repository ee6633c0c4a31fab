"""The suite that comes with cxnlp. It is for measuring only: its texts are never trained on."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from cxnlp.data import json_lines
from cxnlp.errors import DataError
from cxnlp.text import text_hash


def shipped_suite() -> Path:
    """Where the suite lies: inside the installed package, or in ``data/checklist/`` of a source tree.

    Raises:
        DataError: it is in neither place.
    """
    installed = Path(str(resources.files("cxnlp"))) / "checklist"
    source = Path(__file__).resolve().parents[4] / "data" / "checklist"
    for folder in (installed, source):
        if any(folder.glob("*.jsonl")):
            return folder
    raise DataError(f"the checklist suite is neither in {installed} nor in {source}; install cxnlp anew")


def suite_hashes() -> set[str]:
    """Give the hashes of all texts of the suite: what training leaves out, whatever file it comes in.

    Raises:
        DataError: the suite is not installed.
    """
    hashes: set[str] = set()
    for file in sorted(shipped_suite().glob("*.jsonl")):
        for _, record in json_lines(file):
            if isinstance(record, dict):
                texts = (record.get(key) for key in ("text", "changed"))
                hashes.update(text_hash(text) for text in texts if isinstance(text, str))
    return hashes
