"""What a case expects of the answer to its text. Each expectation speaks of one facet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cxnlp.evaluation.checklist.answers import Answer

TOLERANCE = 0.05
"""By how much a score may move the wrong way: near −1 and 1 every text moves a little."""


class Expectation(Protocol):
    """What an answer must be like; as text, what was wanted."""

    @property
    def facet(self) -> str:
        """The facet that it speaks of."""

    def holds(self, answer: Answer, base: Answer | None) -> bool:
        """Whether an answer is as expected; ``base`` is the answer to the text before it was changed, if any was."""


@dataclass(frozen=True)
class IsOneOf:
    """The label (of an ``any_of`` facet with a main label: the main one) is one of these."""

    facet: str
    labels: tuple[str, ...]

    def holds(self, answer: Answer, base: Answer | None) -> bool:
        """Compare the label, or the first of the labels."""
        return _main(answer, self.facet) in self.labels

    def __str__(self) -> str:
        return " or ".join(self.labels)


@dataclass(frozen=True)
class Names:
    """These labels are given, with one of these polarities (none: any); others may be given beside them."""

    facet: str
    present: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    absent: tuple[str, ...] = ()

    def holds(self, answer: Answer, base: Answer | None) -> bool:
        """Look for every label that is wanted, and for those that are not."""
        given = _polarities(answer, self.facet)
        found = all(_has(given, label, polarities) for label, polarities in self.present.items())
        return found and not any(label in given for label in self.absent)

    def __str__(self) -> str:
        wanted = [f"{label}:{'/'.join(values)}" if values else label for label, values in self.present.items()]
        return "; ".join([*wanted, *(f"no {label}" for label in self.absent)])


@dataclass(frozen=True)
class NamesNothing:
    """No label is given."""

    facet: str

    def holds(self, answer: Answer, base: Answer | None) -> bool:
        """Look whether there is any."""
        return not answer.labels[self.facet]

    def __str__(self) -> str:
        return "none"


@dataclass(frozen=True)
class Same:
    """The answer is the same as before the change: the label; the main label; or all labels, each with its polarity."""

    facet: str
    main: bool
    """Whether the main label alone counts."""

    def holds(self, answer: Answer, base: Answer | None) -> bool:
        """Compare with the answer to the text as it was."""
        assert base is not None
        if self.main:
            return _main(answer, self.facet) == _main(base, self.facet)
        return _unordered(answer, self.facet) == _unordered(base, self.facet)

    def __str__(self) -> str:
        return "the same"


@dataclass(frozen=True)
class Moves:
    """The score moves in one direction, or stays: at most ``TOLERANCE`` the other way."""

    facet: str
    up: bool

    def holds(self, answer: Answer, base: Answer | None) -> bool:
        """Compare with the score of the text as it was."""
        assert base is not None
        moved = answer.scores[self.facet] - base.scores[self.facet]
        return (moved if self.up else -moved) >= -TOLERANCE

    def __str__(self) -> str:
        return "score not lower" if self.up else "score not higher"


@dataclass(frozen=True)
class Adds:
    """The change brings these labels, which were not given before."""

    facet: str
    present: Mapping[str, tuple[str, ...]]

    def holds(self, answer: Answer, base: Answer | None) -> bool:
        """Look for the labels now, and for their absence before."""
        assert base is not None
        before, now = _polarities(base, self.facet), _polarities(answer, self.facet)
        return all(_has(now, label, values) and label not in before for label, values in self.present.items())

    def __str__(self) -> str:
        return "adds " + str(Names(self.facet, self.present))


@dataclass(frozen=True)
class Answers:
    """There is an answer at all: every probability is a number."""

    facet: str

    def holds(self, answer: Answer, base: Answer | None) -> bool:
        """Look at the probabilities."""
        return answer.finite

    def __str__(self) -> str:
        return "an answer"


def _main(answer: Answer, facet: str) -> str:
    value = answer.labels[facet]
    return value if isinstance(value, str) else next(iter(value), "")


def _polarities(answer: Answer, facet: str) -> dict[str, str]:
    value = answer.labels[facet]
    if isinstance(value, str):
        return {value: ""}
    return value if isinstance(value, dict) else dict.fromkeys(value, "")


def _unordered(answer: Answer, facet: str) -> object:
    value = answer.labels[facet]
    return frozenset(value) if isinstance(value, tuple) else value


def _has(given: Mapping[str, str], label: str, polarities: tuple[str, ...]) -> bool:
    return label in given and (not polarities or given[label] in polarities)
