"""Where annotators disagree, and what most of them say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cxnlp.loop.annotators import Annotations
from cxnlp.loop.answers import Answer
from cxnlp.taxonomy import Facet, FacetValue, Taxonomy

_SEPARATOR = "; "


@dataclass(frozen=True)
class Disagreement:
    """One facet of one review to which annotators gave different labels."""

    id: str
    facet: str
    given: Mapping[str, FacetValue]
    """Annotator to labels; without those who left the facet out."""
    settled: FacetValue | None
    """What the majority says; None where there is none."""


def disagreements(taxonomy: Taxonomy, found: Annotations) -> Iterator[Disagreement]:
    """Yield every facet of every review that was not labelled alike, in the order of the reviews.

    A polarity that one annotator left open is no disagreement, nor is the order of labels that are not the main one.
    """
    for identity, by_annotator in found.labels.items():
        for facet in taxonomy.answers:
            given = {who: labels[facet.name] for who, labels in by_annotator.items() if facet.name in labels}
            if _differ(facet, list(given.values())):
                yield Disagreement(identity, facet.name, given, majority(facet, list(given.values())))


def settle(taxonomy: Taxonomy, found: Annotations) -> list[Answer]:
    """Give each review the labels that more than half of those who answered the facet gave; without a majority, none.

    A facet that one annotator answered alone is taken from them.
    """
    answers = []
    for identity, by_annotator in found.labels.items():
        labels: dict[str, FacetValue] = {}
        for facet in taxonomy.answers:
            given = [labels_of[facet.name] for labels_of in by_annotator.values() if facet.name in labels_of]
            value = majority(facet, given) if given else None
            if value is not None:
                labels[facet.name] = value
        answers.append(Answer(identity, found.texts.get(identity, ""), found.languages.get(identity, ""), labels))
    return answers


def majority(facet: Facet, given: Sequence[FacetValue]) -> FacetValue | None:
    """Give what more than half of the annotators say; None if any part of it is a tie.

    Of an ``any_of`` facet every label is voted on by itself, and its polarity by those who gave it one; the main label
    is voted on as such.
    """
    first = given[0]
    if isinstance(first, str):
        return _most([str(value) for value in given])
    votes = Counter(label for value in given for label in value)
    if any(2 * n == len(given) for n in votes.values()):
        return None
    chosen = tuple(label for label in facet.labels if 2 * votes[label] > len(given))
    if facet.main:
        main = _most([next(iter(value)) for value in given])
        return None if main is None else (main, *(label for label in chosen if label != main))
    if not any(isinstance(value, dict) for value in given):
        return chosen
    polarities: dict[str, str] = {}
    for label in chosen:
        said = [value[label] for value in given if isinstance(value, dict) and value.get(label)]
        polarity = _most(said) if said else ""
        if polarity is None:
            return None
        polarities[label] = polarity
    return polarities


def shown(value: FacetValue | None) -> str:
    """Give labels on one line, as a cell of a scored file has them; empty for None."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, dict):
        return _SEPARATOR.join(f"{label}:{polarity}" if polarity else label for label, polarity in value.items())
    return _SEPARATOR.join(value)


def _most(votes: Sequence[str]) -> str | None:
    value, n = Counter(votes).most_common(1)[0]
    return value if 2 * n > len(votes) else None


def _differ(facet: Facet, given: Sequence[FacetValue]) -> bool:
    if len(given) < 2:
        return False
    if isinstance(given[0], str):
        return len({str(value) for value in given}) > 1
    if len({frozenset(value) for value in given}) > 1:
        return True
    if facet.main:
        return len({next(iter(value)) for value in given}) > 1
    by_label: dict[str, set[str]] = {}
    for value in given:
        for label, polarity in value.items() if isinstance(value, dict) else ():
            by_label.setdefault(label, set()).update({polarity} - {""})
    return any(len(polarities) > 1 for polarities in by_label.values())
