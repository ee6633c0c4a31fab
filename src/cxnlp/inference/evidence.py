"""The sentence of a review that speaks of a touchpoint, found with the model that named the touchpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cxnlp.inference.backend import Floats
from cxnlp.inference.prediction import Prediction
from cxnlp.taxonomy import Facet, Taxonomy
from cxnlp.text.sentences import MAX_CHARS, Range, split_sentences

EVIDENCE_COLUMNS = ("cx_evidence", "cx_evidence_offsets")


class SentenceScorer(Protocol):
    """What evidence needs of a tagger."""

    @property
    def taxonomy(self) -> Taxonomy:
        """The labels that it gives."""

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Give the probabilities of every label, (n, l) in the order of ``taxonomy.logit_names``."""


@dataclass(frozen=True)
class Evidence:
    """``text[start:end]`` is ``sentence``, which speaks of ``label``; offsets count characters (code points)."""

    label: str
    start: int
    end: int
    sentence: str
    probability: float
    """Of the label, in this sentence alone."""


def find_evidence(
    scorer: SentenceScorer, texts: Sequence[str], predictions: Sequence[Prediction | None]
) -> list[tuple[Evidence, ...]]:
    """Give for each review one sentence a touchpoint, in the order of the prediction's touchpoints.

    It is the sentence in which the label *with the polarity that the review was given* is most probable. Touchpoints
    are the labels of every facet that has polarities. The sentences of all reviews are scored together, each once; a
    review of a single sentence is its own evidence and costs nothing.

    Raises:
        ExtraError: spaCy is not installed.
    """
    taxonomy = scorer.taxonomy
    rows = [row for row, prediction in enumerate(predictions) if prediction and _named(taxonomy, prediction)]
    cut = [texts[row][:MAX_CHARS] for row in rows]
    ranges = split_sentences(cut, [_language(predictions[row]) for row in rows]) if rows else []
    order: dict[str, int] = {}  # sentence to its row of the probabilities
    for text, many in zip(cut, ranges, strict=True):
        for a, b in many if len(many) > 1 else ():
            order.setdefault(text[a:b], len(order))
    probs = scorer.probabilities(list(order)) if order else None
    axis = {name: i for i, name in enumerate(taxonomy.logit_names)}
    out: list[tuple[Evidence, ...]] = [() for _ in texts]
    for row, text, many in zip(rows, cut, ranges, strict=True):
        prediction = predictions[row]
        assert prediction is not None
        if probs is None or len(many) < 2:
            out[row] = _whole(taxonomy, prediction, text, many)
        else:
            block = probs[[order[text[a:b]] for a, b in many]]  # (sentences, l)
            out[row] = tuple(
                _best(text, many, block, axis, f"{facet.name}={label}", polarity, label)
                for facet, label, polarity in _named(taxonomy, prediction)
            )
    return out


def evidence_cells(evidence: Sequence[Evidence]) -> dict[str, str]:
    """Give the cells of a table: ``delivery: "Pakken kom aldri."; staff: "…"``, and ``delivery:0-17; staff:18-40``.

    A quotation mark in a sentence is doubled.
    """
    quoted = ((one.label, one.sentence.replace('"', '""')) for one in evidence)
    sentences = "; ".join(f'{label}: "{sentence}"' for label, sentence in quoted)
    offsets = "; ".join(f"{one.label}:{one.start}-{one.end}" for one in evidence)
    return dict(zip(EVIDENCE_COLUMNS, (sentences, offsets), strict=True))


def evidence_record(evidence: Sequence[Evidence]) -> list[dict[str, Any]]:
    """Give the value of ``evidence`` in a JSON record."""
    return [
        {"label": one.label, "start": one.start, "end": one.end, "sentence": one.sentence,
         "probability": round(one.probability, 4)}
        for one in evidence
    ]  # fmt: skip


def _named(taxonomy: Taxonomy, prediction: Prediction) -> list[tuple[Facet, str, str]]:
    """List the touchpoints of a prediction as facet, label and polarity."""
    found = []
    for facet in taxonomy.answers:
        value = prediction.labels[facet.name]
        if facet.name in taxonomy.polarity_of and isinstance(value, Mapping) and not prediction.empty:
            found += [(facet, label, polarity) for label, polarity in value.items()]
    return found


def _language(prediction: Prediction | None) -> str:
    return prediction.language if prediction else ""


def _whole(taxonomy: Taxonomy, prediction: Prediction, text: str, many: Sequence[Range]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(label, start, end, text[start:end], prediction.probabilities[facet.name][label])
        for facet, label, _ in _named(taxonomy, prediction)
        for start, end in many[:1]
    )


def _best(
    text: str, many: Sequence[Range], block: Floats, axis: Mapping[str, int], name: str, polarity: str, label: str
) -> Evidence:
    spoken = block[:, axis[name]]
    best = int((spoken * block[:, axis[f"{name}:{polarity}"]]).argmax())
    start, end = many[best]
    return Evidence(label, start, end, text[start:end], float(spoken[best]))
