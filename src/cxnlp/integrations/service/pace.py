"""How fast the engine of a service works, measured on what it does."""

from __future__ import annotations

_FIRST_A_S = 4_000.0
# What is known counts as so many seconds of measurement: at first, and at most.
_FIRST_S = 0.1
_MEMORY_S = 2.0
# After so much measurement the first guess counts for less than a tenth, and what is found out is not said to be one.
_MEASURED_S = 1.0
# What a text and a call cost besides characters, in characters: measured with the shipped model on a processor, with 1
# to 64 texts of 5 to 2,500 characters (docs/service.md); with them one speed holds within a fifth for all of these.
_A_TEXT = 24
A_CALL = 80


def work_of(text: str | None) -> int:
    """Give what a text costs, in characters. Tokens would be exacter, and would all have to be counted twice."""
    return _A_TEXT + len(text or "")


class Pace:
    """Characters a second. Begins with a fifth of what one core does; what was long ago is forgotten."""

    def __init__(self) -> None:
        self.a_s = _FIRST_A_S
        self._known_s = _FIRST_S

    @property
    def measured(self) -> bool:
        """Whether it is known by measurement, and not by the guess that it begins with."""
        return self._known_s > _MEASURED_S

    def learn(self, work: float, elapsed_s: float) -> None:
        """Take in that a call did so much work in so many seconds; long calls count for more."""
        whole_s = self._known_s + elapsed_s
        self.a_s = (self.a_s * self._known_s + work) / whole_s
        self._known_s = min(whole_s, _MEMORY_S)

    def seconds(self, work: float) -> float:
        """Give how long so much work should take."""
        return work / self.a_s
