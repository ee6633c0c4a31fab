"""What else is done with a row on its way to the output: plain functions, called in one place each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cxnlp.data.tables import Row
from cxnlp.inference.prediction import Prediction

Refine = Callable[[Row, Prediction], Prediction]
Mask = Callable[[str], str]
Evidence = Callable[[Sequence[str], Sequence[Prediction]], Sequence[Any]]
EvidenceValue = Callable[[str, Any], Any]


@dataclass(frozen=True)
class Hooks:
    """Functions of a row; each must give the same for the same arguments, or a resumed run would differ."""

    refine: tuple[Refine, ...] = ()
    """Called in order for each row with a prediction, on every writing: flags and language that depend on the row."""
    mask: Mask | None = None
    """Called for every text of a row before it is written, cell by cell. Scoring reads the text unmasked."""
    evidence: Evidence | None = None
    """Called with the texts and predictions of a chunk just scored; one JSON value each, which is kept for resuming
    and so must not hold text (offsets do)."""
    evidence_value: EvidenceValue | None = None
    """Called for each row on writing, with its text and what ``evidence`` gave; gives the column ``evidence``."""
    identity: str = ""
    """Names what ``evidence`` depends on; progress of a run with another identity is not gone on with."""
