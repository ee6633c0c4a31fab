"""The exact figures behind every picture, as tables: of the page, its CSV files, and the workbook."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cxnlp.journey.parts import Parts
from cxnlp.journey.result import Change, Division, Journey, Levers, OverTime, Series, Share
from cxnlp.journey.words import Words

TEXT, COUNT, SHARE, NUMBER = "text", "count", "share", "number"
Value = str | int | float


@dataclass(frozen=True)
class Head:
    """A column, and what its values are: ``text``, ``count``, ``share`` (0 to 1, or a difference) or ``number``."""

    name: str
    kind: str = TEXT


@dataclass(frozen=True)
class Table:
    """Values as they were counted; NaN where there is none."""

    key: str
    title: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Value]]


class Tables:
    """Lays a report out as tables, in the words of one language."""

    def __init__(self, journey: Journey, parts: Parts, words: Words) -> None:
        self._journey = journey
        self._parts = parts
        self._words = words

    def all(self) -> list[Table]:
        """Give all tables, in the order of the page."""
        journey = self._journey
        found = [self._verdicts()] if journey.overview.verdicts else []
        found += [self._map(), self._levers("mend", journey.mend), self._levers("delight", journey.delight)]
        found += [self._moments()]
        if journey.time:
            found += [self._time(journey.time), self._changes(journey.time)]
        found += [self._division(i, one) for i, one in enumerate(journey.divisions)]
        return [*found, self._flags(), *([self._corrected()] if journey.trust.corrected else [])]

    def series_name(self, series: Series) -> str:
        """Name a line of the charts over time."""
        say = self._words.say
        if series.kind == "rating":
            return say["rating_share"]
        facet = self._parts.verdict if series.kind == "verdict" else self._parts.touchpoints
        return say[f"{series.kind}_share"] % {"label": self._words.label(facet.name if facet else "", series.label)}

    def column_name(self, division: Division) -> str:
        """Name what reviews are divided by."""
        return self._words.say["language"] if division.column == "language" else division.column

    def group_name(self, division: Division, name: str) -> str:
        """Name a group."""
        if division.column == "language":
            name = self._words.languages.get(name, name)
        return name or self._words.say["nameless"]

    def measure_name(self, key: str) -> str:
        """Name a share of a group."""
        verdict = self._parts.verdict
        if key == "low":
            return self._words.say["low_ratings"]
        return self._words.label(verdict.name if verdict else "", key)

    def touchpoint(self, label: str) -> str:
        """Name a touchpoint."""
        return self._words.label(self._parts.touchpoints.name, label)

    def phase(self, label: str | None) -> str:
        """Name a phase, or all of them."""
        if label is None:
            return self._words.say["all_phases"]
        return self._words.label(self._parts.phases.name if self._parts.phases else "", label)

    def flag(self, name: str) -> str:
        """Name a flag and what it says."""
        meaning = self._words.say.get(f"flag_{name}")
        return f"{name}: {meaning}" if meaning else name

    def _heads(self, *keys: tuple[str, str]) -> list[Head]:
        return [Head(self._words.say[name], kind) for name, kind in keys]

    def _interval(self, name: str) -> list[Head]:
        return self._with_ends(self._words.say[name], SHARE)

    def _with_ends(self, title: str, kind: str) -> list[Head]:
        say = self._words.say
        return [Head(title, kind), Head(f"{title}, {say['low']}", kind), Head(f"{title}, {say['high']}", kind)]

    def _verdicts(self) -> Table:
        facet = self._parts.verdict
        assert facet is not None
        heads = [Head(self._words.facet(facet.name)), *self._heads(("reviews", COUNT), ("of", COUNT))]
        heads += self._interval("share")
        rows: list[list[Value]] = [
            [self._words.label(facet.name, label), *_share(one)]
            for label, one in self._journey.overview.verdicts.items()
        ]
        return Table("verdicts", self._words.say["figures"], heads, rows)

    def _map(self) -> Table:
        heads = self._heads(
            ("touchpoint", TEXT), ("phase", TEXT), ("reviews", COUNT), ("praised", COUNT), ("blamed", COUNT),
            ("balance", NUMBER),
        )  # fmt: skip
        rows: list[list[Value]] = [
            [self.touchpoint(c.touchpoint), self.phase(c.phase), c.reviews, c.praised, c.blamed, round(c.balance, 4)]
            for c in self._journey.map
        ]
        return Table("map", self._words.say["map"], heads, rows)

    def _levers(self, key: str, levers: Levers) -> Table:
        judged = "blamed" if key == "mend" else "praised"
        heads = self._heads(("touchpoint", TEXT), (judged, COUNT), ("of", COUNT))
        heads += [*self._interval("share"), *self._interval("effect"), *self._interval("weight")]
        rows: list[list[Value]] = [
            [
                self.touchpoint(row.touchpoint), *_share(row.reviews), row.effect, row.effect_low, row.effect_high,
                row.weight, row.weight_low, row.weight_high,
            ]
            for row in levers.rows
        ]  # fmt: skip
        return Table(key, self._words.say[key], heads, rows)

    def _moments(self) -> Table:
        say = self._words.say
        heads = self._heads(
            ("touchpoint", TEXT), ("praised", COUNT), ("blamed", COUNT), ("praised_score", NUMBER),
            ("blamed_score", NUMBER),
        )  # fmt: skip
        heads += self._with_ends(say["difference"], NUMBER)
        rows: list[list[Value]] = [
            [
                self.touchpoint(m.touchpoint), m.praised, m.blamed, m.praised_score, m.blamed_score, m.difference,
                m.low, m.high,
            ]
            for m in self._journey.moments
        ]  # fmt: skip
        return Table("moments", say["moments"], heads, rows)

    def _time(self, time: OverTime) -> Table:
        heads = self._heads(("measure", TEXT), ("period", TEXT), ("reviews", COUNT), ("of", COUNT))
        heads += self._interval("share")
        rows = [
            [self.series_name(series), period, *_share(one)]
            for series in time.series
            for period, one in zip(time.periods, series.shares, strict=True)
        ]
        return Table("time", self._words.say["time"], heads, rows)

    def _changes(self, time: OverTime) -> Table:
        say = self._words.say
        heads = [*self._heads(("measure", TEXT), ("before", SHARE), ("last", SHARE)), *self._interval("difference")]
        rows = []
        for series in time.series:
            shares = [one.value for one in series.shares[-2:]]
            rows.append([self.series_name(series), *shares, *self._change(series.change, "changed_up", "changed_down")])
        return Table("changes", say["changes"], [*heads, Head("")], rows)

    def _change(self, change: Change | None, up: str, down: str) -> list[Value]:
        if change is None:
            return [math.nan, math.nan, math.nan, self._words.say["too_few"]]
        word = (up if change.difference > 0 else down) if change.clear else "not_clear"
        return [change.difference, change.low, change.high, self._words.say[word]]

    def _division(self, place: int, division: Division) -> Table:
        say = self._words.say
        names = list(division.groups[0].shares)
        heads = [Head(say["value"]), Head(say["reviews"], COUNT)]
        for name in names:
            heads += self._with_ends(self.measure_name(name), SHARE)
        heads += [*self._interval("against_rest"), Head(""), Head(say["most_blamed"])]
        rows = []
        for group in division.groups:
            row: list[Value] = [self.group_name(division, group.name), group.reviews]
            for one in group.shares.values():
                row += [one.value, one.low, one.high]
            blamed = ", ".join(f"{self.touchpoint(t)} {self._words.count(s.hits)}" for t, s in group.blamed)
            rows.append([*row, *self._change(group.against_rest, "higher", "lower"), blamed])
        return Table(f"by-{place}", say["divided"] % {"column": self.column_name(division)}, heads, rows)

    def _flags(self) -> Table:
        heads = [*self._heads(("flag", TEXT), ("rows", COUNT), ("of", COUNT)), *self._interval("share")]
        rows = [[self.flag(name), *_share(one)] for name, one in self._journey.trust.flags.items()]
        return Table("flags", self._words.say["trust"], heads, rows)

    def _corrected(self) -> Table:
        heads = self._heads(("question", TEXT), ("label", TEXT), ("reviews", COUNT), ("said", SHARE))
        heads += [*self._interval("corrected_value"), *self._heads(("gold", COUNT))]
        rows: list[list[Value]] = [
            [
                self._words.facet(c.facet), self._words.label(c.facet, c.label), c.said.hits, c.said.value, c.value,
                c.low, c.high, c.gold,
            ]
            for c in self._journey.trust.corrected
        ]  # fmt: skip
        return Table("corrected", self._words.say["corrected"], heads, rows)


def _share(one: Share) -> Iterable[Value]:
    return one.hits, one.of, one.value, one.low, one.high
