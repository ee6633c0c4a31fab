"""The sentence behind a touchpoint, as ranges of a text whose personal data is masked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cxnlp.data.safe import APOSTROPHE, runs_as_formula
from cxnlp.inference.cells import PREFIX
from cxnlp.inference.evidence import EVIDENCE_COLUMNS
from cxnlp.text.personal import PersonalSpan, find_personal

Ranges = Mapping[str, tuple[int, int]]
"""Touchpoint to a range of the text."""
_SENTENCE = re.compile(r'(?:^|; )([^:;]+): "((?:[^"]|"")*)"(?=; |$)')
_OFFSETS = re.compile(r"([^:;]+):(\d+)-(\d+)")


@dataclass(frozen=True)
class Passage:
    """What the page may show of a review."""

    text: str
    marks: Ranges


def plain_text(text: str) -> str:
    """Take off the apostrophe that a CSV result has before what a spreadsheet would run."""
    return text[1:] if text.startswith(APOSTROPHE) and runs_as_formula(text[1:]) else text


def has_evidence(columns: Sequence[str], prefix: str) -> bool:
    """Say whether a scored file has the sentences."""
    return (EVIDENCE_COLUMNS[0] if prefix == PREFIX else "evidence") in columns


def evidence_of(fields: Mapping[str, Any], prefix: str, text: str) -> dict[str, tuple[int, int]]:
    """Find the sentences that a scored row names in its text; one that is not there is left out."""
    starts: dict[str, int] = {}
    sentences: dict[str, str] = {}
    if prefix == PREFIX:
        cell, offsets = (str(fields.get(name) or "") for name in EVIDENCE_COLUMNS)
        sentences = {label: sentence.replace('""', '"') for label, sentence in _SENTENCE.findall(plain_text(cell))}
        starts = {label.strip(): int(start) for label, start, _ in _OFFSETS.findall(offsets)}
    else:
        for one in fields.get("evidence") or []:
            if isinstance(one, Mapping) and isinstance(one.get("sentence"), str) and isinstance(one.get("start"), int):
                sentences[str(one.get("label"))], starts[str(one.get("label"))] = one["sentence"], one["start"]
    found = {}
    for label, sentence in sentences.items():
        start = starts.get(label, 0)
        if not text.startswith(sentence, start):
            start = text.find(sentence)
        if sentence and start >= 0:
            found[label] = (start, start + len(sentence))
    return found


def masked_passage(text: str, marks: Ranges, max_chars: int) -> Passage:
    """Mask personal data and move the marks with it; cut a long text, so that the first mark stays in sight.

    Raises:
        ExtraError: a package is missing that finds personal data.
    """
    spans = find_personal(text)
    parts, end = [], 0
    for span in spans:
        parts += [text[end : span.start], f"[{span.kind}]"]
        end = span.end
    masked = "".join([*parts, text[end:]])
    moved = {label: (_moved(a, spans, first=True), _moved(b, spans, first=False)) for label, (a, b) in marks.items()}
    return _cut(masked, moved, max_chars)


def _moved(place: int, spans: Sequence[PersonalSpan], *, first: bool) -> int:
    """Give where a place lies in the masked text; inside of personal data its beginning, or its end."""
    shift = 0
    for span in spans:
        size = len(span.kind) + 2
        if span.end <= place:
            shift += size - (span.end - span.start)
        elif span.start < place:
            return span.start + shift + (0 if first else size)
    return place + shift


def _cut(text: str, marks: Ranges, max_chars: int) -> Passage:
    if len(text) <= max_chars:
        return Passage(text, marks)
    first = min((a for a, _ in marks.values()), default=0)
    start = max(0, min(first - max_chars // 3, len(text) - max_chars)) if first > max_chars // 2 else 0
    end = start + max_chars
    head, tail = "…" if start else "", "…" if end < len(text) else ""
    move = len(head) - start
    inside = {label: (a, b) for label, (a, b) in marks.items() if start < b and a < end}
    kept = {label: (max(a, start) + move, min(b, end) + move) for label, (a, b) in inside.items()}
    return Passage(head + text[start:end] + tail, kept)
