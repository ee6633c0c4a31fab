"""The sentence behind a touchpoint, as ranges of a text whose personal data is masked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cxnlp.inference.scored_cells import Ranges
from cxnlp.text.personal import PersonalSpan, find_personal


@dataclass(frozen=True)
class Passage:
    """What the page may show of a review."""

    text: str
    marks: Ranges


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
