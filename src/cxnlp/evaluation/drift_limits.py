"""When a difference between two scored files is an alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cxnlp.errors import SettingsError, nearest

EFFECTS: Mapping[str, Mapping[str, float]] = {
    "none": {"h": 0.0, "V": 0.0, "delta": 0.0, "D": 0.0},
    "small": {"h": 0.2, "V": 0.1, "delta": 0.147, "D": 0.08},
    "medium": {"h": 0.5, "V": 0.3, "delta": 0.33, "D": 0.2},
    "large": {"h": 0.8, "V": 0.5, "delta": 0.474, "D": 0.31},
}
"""Name to the least effect of an alarm: h and V by Cohen (1988), delta by Romano et al. (2006), D that of two normal
distributions which lie 0.2, 0.5 and 0.8 standard deviations apart."""


@dataclass(frozen=True)
class Limits:
    """When there is an alarm.

    Raises:
        SettingsError: a value is out of range, or an effect is not known.
    """

    alpha: float = 0.05
    min_reviews: int = 30
    """Of either file; with fewer, nothing is said of a measure."""
    effects: Mapping[str, float] = field(default_factory=lambda: EFFECTS["small"])

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise SettingsError(f"alpha is {self.alpha:g}, expected a number between 0 and 1, such as 0.05")
        if self.min_reviews < 2:
            raise SettingsError(f"the least number of reviews is {self.min_reviews}, expected 2 or more, such as 30")
        for name, value in self.effects.items():
            if name not in EFFECTS["none"]:
                known = list(EFFECTS["none"])
                raise SettingsError(f"no effect {name!r}, expected one of {', '.join(known)}{nearest(name, known)}")
            if not value >= 0:
                raise SettingsError(f"the least effect {name} is {value:g}, expected a number of 0 or more")


def effects_of(name: str, own: Sequence[str]) -> dict[str, float]:
    """Give the least effects: those of a name such as ``small``, then what is said as ``h=0.1``.

    Raises:
        SettingsError: an item has another form.
    """
    effects = dict(EFFECTS[name])
    for item in own:
        effect, equals, value = item.partition("=")
        try:
            effects[effect.strip()] = float(value)
        except ValueError as error:
            raise SettingsError(f"--min-effect {item!r}: expected NAME=NUMBER such as h=0.1") from error
        if not equals:
            raise SettingsError(f"--min-effect {item!r}: expected NAME=NUMBER such as h=0.1")
    return effects
