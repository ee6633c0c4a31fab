"""What else is done with a row on its way to the output: plain functions, called in one place each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from cxnlp.data.tables import Row, Table
from cxnlp.inference.conflict import RATING_CONFLICT, rating_conflict
from cxnlp.inference.evidence import (
    EVIDENCE_COLUMNS,
    Evidence,
    SentenceScorer,
    evidence_cells,
    evidence_record,
    find_evidence,
)
from cxnlp.inference.prediction import Prediction
from cxnlp.text.personal import mask_personal, require_personal
from cxnlp.text.sentences import require_sentences

# Roles of columns: the eight-digit number of a review would pass for a telephone's.
UNMASKED = ("id", "date", "rating")

Refine = Callable[[Row, Prediction], Prediction]
Mask = Callable[[str], str]


class Noter(Protocol):
    """Notes something of each text beside its prediction, which is shown in columns of its own."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns in a table."""

    @property
    def field(self) -> str:
        """Its name in a JSON record."""

    def find(self, texts: Sequence[str], predictions: Sequence[Prediction]) -> Sequence[Any]:
        """Give one JSON value for each text. It is kept for resuming, and so must not hold text (offsets do)."""

    def cells(self, text: str, found: Any) -> Mapping[str, str]:
        """Give the columns of a table."""

    def record(self, text: str, found: Any) -> Any:
        """Give the field of a JSON record."""


class EvidenceNoter:
    """The sentence behind each touchpoint, kept as offsets."""

    columns = EVIDENCE_COLUMNS
    field = "evidence"

    def __init__(self, scorer: SentenceScorer) -> None:
        self._scorer = scorer

    def find(self, texts: Sequence[str], predictions: Sequence[Prediction]) -> Sequence[Any]:
        """Give label, first character, the one after the last, and probability, for each touchpoint of each text."""
        found = find_evidence(self._scorer, texts, predictions)
        return [[[one.label, one.start, one.end, round(one.probability, 4)] for one in many] for many in found]

    def cells(self, text: str, found: Any) -> Mapping[str, str]:
        """Give sentences and offsets."""
        return evidence_cells(_evidence(text, found))

    def record(self, text: str, found: Any) -> Any:
        """Give a list of objects."""
        return evidence_record(_evidence(text, found))


def _evidence(text: str, found: Any) -> list[Evidence]:
    return [Evidence(label, start, end, text[start:end], p) for label, start, end, p in found]


def flag_conflict(row: Row, prediction: Prediction) -> Prediction:
    """Flag a text that clearly says the opposite of the row's rating."""
    if not rating_conflict(prediction, row.rating):
        return prediction
    return replace(prediction, flags=(*prediction.flags, RATING_CONFLICT))


@dataclass(frozen=True)
class Hooks:
    """Functions of a row; each must give the same for the same arguments, or a resumed run would differ."""

    mask: Mask | None = None
    """Called for every text of a row as it is read, so that nothing else sees it unmasked: cells and text to score."""
    noter: Noter | None = None
    refine: tuple[Refine, ...] = (flag_conflict,)
    """Called in order for each row with a prediction, on writing: flags and labels that depend on the row."""
    identity: str = ""
    """Names what predictions and notes depend on here; a run with another identity does not go on with this one's."""


def make_hooks(scorer: SentenceScorer, *, mask: bool = False, evidence: bool = False) -> Hooks:
    """Give the hooks of ``--mask-pii`` and ``--evidence``.

    Raises:
        ExtraError: a package that they need is not installed.
    """
    if mask:
        require_personal()
    if evidence:
        require_sentences()
    return Hooks(
        mask=mask_personal if mask else None,
        noter=EvidenceNoter(scorer) if evidence else None,
        identity=" ".join([*(["--mask-pii"] if mask else []), *(["--evidence"] if evidence else [])]),
    )


def masked_row(row: Row, mask: Mask | None, table: Table) -> Row:
    """Mask the text to score and every text among the cells but those of ``UNMASKED``, and dates and times."""
    if mask is None:
        return row
    spared = {*table.kinds, *(table.roles.get(role) for role in UNMASKED)}
    fields = {name: value if name in spared else masked(value, mask) for name, value in row.fields.items()}
    return replace(row, text=mask(row.text), fields=fields)


def masked(value: Any, mask: Mask) -> Any:
    """Mask a text, and every text in a list or an object; other values stay."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list):
        return [masked(item, mask) for item in value]
    return {key: masked(item, mask) for key, item in value.items()} if isinstance(value, dict) else value
