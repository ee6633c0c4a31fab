"""Where the sentences of a review begin and end: spaCy's rules for each language, and what reviews need beyond."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec
from threading import Lock
from typing import TYPE_CHECKING

from cxnlp.errors import ExtraError

if TYPE_CHECKING:
    from spacy.language import Language

Range = tuple[int, int]

_PIPELINES = {"no": "nb", "da": "da", "sv": "sv", "en": "en"}
_OTHER = "xx"
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_LINE = re.compile(r"[^\n\r\v\f\x85\u2028\u2029]+")
MAX_CHARS = 30_000
"""Of a text so much is cut into sentences; what lies behind is hardly read by a model either."""
_MAX_LINE_CHARS = 20_000
# spaCy's time grows with the square of what stands without white space; it gets spaces in place of some of it.
_LONG_RUN, _RUN_PART = re.compile(r"\S{200,}"), re.compile(r"(\S{49})(?![.!?…]{1,5}(?:\s|$))\S")
_SMALL = "a-zæøåäöéü"
_CAPITAL = "A-ZÆØÅÄÖÉ"
# A sentence also begins after: a full stop without its space ("Bra.Men dyrt", "bra.men dyrt", but not "power.no");
# marks without a space; dots that trail off; an emoji before a capital; a bullet.
_BEGINNINGS = re.compile(
    rf"(?<=[{_SMALL}]\.)(?=[{_CAPITAL}][{_SMALL}])"
    rf"|(?<=[{_SMALL}]{{3}}\.)(?=(?!(?:no|dk|se|com|net|org|eu|io|nu|fi|info|co|de|js)\b)[{_SMALL}]{{2,}}(?:[ ,!?]|$))"
    rf"|(?<=[!?])(?=[{_SMALL}{_CAPITAL}])"
    rf"|(?<=…)\s*(?=[{_CAPITAL}])|(?<=\.\.)\s+(?=[{_CAPITAL}])"
    rf"|(?<=[\u2600-\u27bf\ufe0f\U0001f300-\U0001faff])\s*(?=[{_CAPITAL}])"
    r"|(?=[•▪‣])"
)
_OPENED = re.compile(r"(?<=\s)[(\[{\"'«„“‘]+\s*\Z")
# A link or an address holds full stops and question marks of its own.
_RUN, _ADDRESS = re.compile(r"\S+"), re.compile(r"://|www\.|@")
_lock = Lock()


def has_sentences() -> bool:
    """Whether spaCy is installed."""
    return find_spec("spacy") is not None


def require_sentences(what: str = "evidence") -> None:
    """Ask for spaCy before a run begins; ``what`` needs it.

    Raises:
        ExtraError: it is not installed.
    """
    if not has_sentences():
        raise ExtraError(what, "spacy", "evidence")


def split_sentences(texts: Sequence[str], languages: Sequence[str]) -> list[list[Range]]:
    """Give the sentences of each text as ranges: ``text[start:end]`` is one, without white space around it.

    ``languages`` are the texts' ISO 639-1 codes. Ranges are in order, do not overlap, and leave out nothing but white
    space; signs and emoji that stand alone belong to the sentence before them.

    Raises:
        ExtraError: spaCy is not installed.
    """
    require_sentences()
    names = [_PIPELINES.get(language, _OTHER) for language in languages]
    out: list[list[Range]] = [[] for _ in texts]
    with _lock:  # a pipeline remembers words, so threads cannot share it
        for name in sorted(set(names)):
            pipeline = _pipeline(name)
            with pipeline.memory_zone():  # what it remembers must not grow with the file
                for row in (row for row, its in enumerate(names) if its == name):
                    out[row] = _sentences(texts[row], pipeline)
    return out


@cache
def _pipeline(name: str) -> Language:
    import spacy

    pipeline = spacy.blank(name)
    pipeline.add_pipe("sentencizer")
    return pipeline


def _sentences(text: str, pipeline: Language) -> list[Range]:
    text = _SURROGATE.sub("\ufffd", text)  # one character for one, so that offsets hold
    found: list[Range] = []
    for first, last in _lines(text):
        pieces = []
        starts = sorted(_starts(text[first:last], pipeline))
        for start, end in zip(starts, [*starts[1:], last - first], strict=True):
            piece = text[first + start : first + end]
            if inner := piece.strip():
                begin = first + start + piece.index(inner)
                pieces.append((begin, begin + len(inner)))
        found += _joined(text, pieces)
    return _with_signs(text, found)


def _lines(text: str) -> Iterator[Range]:
    for match in _LINE.finditer(text):
        for start in range(match.start(), match.end(), _MAX_LINE_CHARS):
            yield start, min(start + _MAX_LINE_CHARS, match.end())


def _starts(line: str, pipeline: Language) -> set[int]:
    unbroken = [match.span() for match in _RUN.finditer(line) if _ADDRESS.search(match[0])]
    extra = {match.end() for match in _BEGINNINGS.finditer(line)}
    spaced = _LONG_RUN.sub(lambda run: _RUN_PART.sub(r"\1 ", run[0]), line)
    own = {_opened(line, sentence.start_char) for sentence in pipeline(spaced).sents}
    return {0} | {start for start in own | extra if start < len(line) and not any(a < start < b for a, b in unbroken)}


def _opened(line: str, start: int) -> int:
    """Go back over brackets and quotation marks that open before ``start``; spaCy leaves them to the one before."""
    opened = _OPENED.search(line, max(0, start - 6), start)
    return opened.start() if opened else start


def _joined(text: str, pieces: list[Range]) -> list[Range]:
    """Join what was parted within a sentence: "den 3. | april", "(dessverre!) | dyrt"."""
    out: list[Range] = []
    for start, end in pieces:
        before = text[out[-1][0] : out[-1][1]] if out else ""
        inside = re.search(r"[0-9]\.$|[.!?][)\]\"”»]$", before) is not None
        if inside and text[start].islower():
            out[-1] = (out[-1][0], end)
        else:
            out.append((start, end))
    return out


def _with_signs(text: str, pieces: list[Range]) -> list[Range]:
    """Give signs and emoji at the beginning of a sentence to the one before, and those that stand alone too."""
    out: list[Range] = []
    for start, end in pieces:
        words = next((i for i in range(start, end) if text[i].isalnum()), end)
        if not out or (words < end and text[start] in "\"'“”«»([{-–—•▪‣*+#@&<$€£"):
            out.append((start, end))
            continue
        if words > start:
            out[-1] = (out[-1][0], start + len(text[start:words].rstrip()))
        if words < end:
            out.append((words, end))
    if len(out) > 1 and not any(map(str.isalnum, text[slice(*out[0])])):
        out[:2] = [(out[0][0], out[1][1])]
    return out
