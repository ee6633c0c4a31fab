"""What scoring a file adds to each row besides the labels: from the functions of a text to the hooks of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

from cxnlp.data.tables import Row
from cxnlp.inference.backend import Floats
from cxnlp.inference.conflict import RATING_CONFLICT, rating_conflict
from cxnlp.inference.evidence import Evidence, evidence_record, find_evidence
from cxnlp.inference.hooks import Hooks
from cxnlp.inference.prediction import OTHER_LANGUAGE, Prediction
from cxnlp.taxonomy import Taxonomy
from cxnlp.text.language import UNKNOWN, identify_languages
from cxnlp.text.personal import mask_personal, require_personal
from cxnlp.text.sentences import require_sentences


class Scorer(Protocol):
    """What the extras need of a tagger."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The labels that it gives."""

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Give the probabilities of every label, (n, l) in the order of ``taxonomy.logit_names``."""


def require_extras(*, mask: bool, evidence: bool) -> None:
    """Ask for the packages that the extras need, before a model is loaded.

    Raises:
        ExtraError: one is not installed.
    """
    if mask:
        require_personal()
    if evidence:
        require_sentences()


def row_hooks(scorer: Scorer, *, mask: bool = False, evidence: bool = False) -> Hooks:
    """Give the hooks of a run: the declared language and ``rating_conflict`` always, the rest as asked for.

    With ``mask`` personal data is replaced in every cell that is written, the sentences of the evidence among them;
    their offsets count the characters of the text as it was.
    """
    cover = mask_personal if mask else None

    def find(texts: Sequence[str], predictions: Sequence[Prediction]) -> list[Any]:
        found = find_evidence(scorer, texts, predictions)
        return [[[one.label, one.start, one.end, round(one.probability, 4)] for one in some] for some in found]

    def quote(text: str, kept: Sequence[tuple[str, int, int, float]]) -> list[dict[str, Any]]:
        sentences = [(*one, text[one[1] : one[2]]) for one in kept]
        return evidence_record(
            [Evidence(label, a, b, cover(said) if cover else said, p) for label, a, b, p, said in sentences]
        )

    return Hooks(
        refine=(use_declared_language, flag_conflict),
        mask=cover,
        evidence=find if evidence else None,
        evidence_value=quote if evidence else None,
        identity="evidence 1" if evidence else "",
    )


def use_declared_language(row: Row, prediction: Prediction) -> Prediction:
    """Let the language that the file declares decide, where the text is too short to tell."""
    if not row.language or prediction.language in ("", UNKNOWN, row.language):
        return prediction
    known = prediction.taxonomy.languages
    (language,) = identify_languages([row.text], [row.language], languages=known)
    if language == prediction.language:
        return prediction
    flags = tuple(flag for flag in prediction.flags if flag != OTHER_LANGUAGE)
    if known and language not in known:
        flags = (*flags, OTHER_LANGUAGE)
    return replace(prediction, language=language, flags=flags)


def flag_conflict(row: Row, prediction: Prediction) -> Prediction:
    """Flag a text that clearly says the opposite of its stars."""
    if not rating_conflict(prediction, row.rating):
        return prediction
    return replace(prediction, flags=(*prediction.flags, RATING_CONFLICT))
