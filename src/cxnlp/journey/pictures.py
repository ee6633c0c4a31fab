"""The pictures of a journey report: what each shows, in words and numbers of the page's language."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cxnlp.evaluation.report import FEW
from cxnlp.journey.charts import Bars, Figure, Line, bars, line
from cxnlp.journey.parts import BLAME, PRAISE
from cxnlp.journey.ratings import low_ratings, top_ratings
from cxnlp.journey.result import Change, Division, Journey, Levers, Series, Share
from cxnlp.journey.tables import Tables
from cxnlp.journey.words import Words

_LINES = 9
"""Charts over time: the verdicts, ratings, and the touchpoints that are blamed most; the table has all."""
_TONES = {BLAME: "blame", PRAISE: "praise", "low": "blame"}


@dataclass(frozen=True)
class Pictures:
    """Lays out bars and lines for the template."""

    journey: Journey
    tables: Tables
    words: Words

    def verdicts(self) -> Bars:
        """Give the shares of the verdicts."""
        return bars([
            self._figure(self.tables.measure_name(label), one, _TONES.get(label, "plain"))
            for label, one in self.journey.overview.verdicts.items()
        ])  # fmt: skip

    def mend(self) -> Bars:
        """Give what blame goes with."""
        return self._levers(self.journey.mend, "blamed", "blame")

    def delight(self) -> Bars:
        """Give what praise goes with."""
        return self._levers(self.journey.delight, "praised", "praise")

    def levers_note(self, key: str, levers: Levers) -> str:
        """Say what the bars are."""
        values = {"of": self.words.count(levers.outcome.of), "share": self.words.percent(levers.outcome.value)}
        if scale := self.journey.overview.ratings:
            values |= {"low": low_ratings(scale, self.words), "top": top_ratings(scale, self.words)}
        return self.words.say[f"{key}_{levers.against or 'nothing'}"] % values

    def moments(self) -> Bars:
        """Give the differences in score."""
        words = self.words
        return bars([
            Figure(
                self.tables.touchpoint(m.touchpoint),
                f"{words.signed(m.difference, 2)} {words.interval(m.low, m.high, scale=1, places=2)}",
                m.difference, m.low, m.high,
                note=f"{words.say['praised']} {words.count(m.praised)}, {words.say['blamed']} {words.count(m.blamed)}",
            )
            for m in self.journey.moments
        ])  # fmt: skip

    def lines(self) -> list[Line]:
        """Give the charts over time."""
        time = self.journey.time
        return [self._line(series, time.periods) for series in time.series[:_LINES]] if time else []

    def changes(self) -> list[tuple[str, str, str]]:
        """Give the clear changes: measure, up or down, and by how much."""
        return [
            (self.tables.series_name(series), *self._said(series.change))
            for series in (self.journey.time.series if self.journey.time else ())
            if series.change and series.change.clear
        ]

    def division(self, division: Division) -> list[tuple[str, Bars]]:
        """Give a set of bars for each measure of a division."""
        out = []
        for place, measure in enumerate(division.groups[0].shares):
            figures = []
            for group in division.groups:
                note = f"{self.words.say['reviews']}: {self.words.count(group.reviews)}"
                if place == 0 and group.against_rest and group.against_rest.clear:
                    note += f" · {self.words.say['higher' if group.against_rest.difference > 0 else 'lower']}"
                name = self.tables.group_name(division, group.name)
                figures.append(self._figure(name, group.shares[measure], _TONES.get(measure, "plain"), note))
            out.append((self.tables.measure_name(measure), bars(figures)))
        return out

    def flags(self) -> Bars:
        """Give the shares of rows that have a flag."""
        flags = self.journey.trust.flags
        return bars([self._figure(self.tables.flag(name), one, "plain") for name, one in flags.items()], least=0.1)

    def corrected(self) -> list[tuple[str, Bars]]:
        """Give the corrected shares by question; those of which too little is known stand in the table alone."""
        words, found = self.words, dict[str, list[Figure]]()
        for c in self.journey.trust.corrected:
            if math.isnan(c.value):
                continue
            note = f"{words.say['said']} {words.percent(c.said.value)}"
            shown = f"{words.percent(c.value)} {words.interval(c.low, c.high)}"
            name = words.label(c.facet, c.label)
            few = c.gold < FEW
            found.setdefault(c.facet, []).append(Figure(name, shown, c.value, c.low, c.high, note=note, few=few))
        return [(words.facet(facet), bars(figures)) for facet, figures in found.items()]

    def unweighed(self, levers: Levers) -> str:
        """List the touchpoints that have too few reviews to be weighed."""
        few = [row for row in levers.rows if levers.against and math.isnan(row.weight)]
        return ", ".join(
            f"{self.tables.touchpoint(row.touchpoint)} ({self.words.count(row.reviews.hits)})" for row in few
        )

    def _levers(self, levers: Levers, judged: str, tone: str) -> Bars:
        words, figures = self.words, []
        for row in levers.rows:
            name = self.tables.touchpoint(row.touchpoint)
            note = f"{words.say[judged]} {words.percent(row.reviews.value)} ({words.count(row.reviews.hits)})"
            if not levers.against:
                figures.append(self._figure(name, row.reviews, tone))
            elif not math.isnan(row.weight):
                shown = f"{words.number(100 * row.weight, 1)} {words.interval(row.weight_low, row.weight_high)}"
                note += f" · {words.say['effect']} {words.signed(100 * row.effect)}"
                figures.append(Figure(name, shown, row.weight, row.weight_low, row.weight_high, tone, note))
        return bars(figures)

    def _line(self, series: Series, periods: Sequence[str]) -> Line:
        words, titles = self.words, []
        for period, one in zip(periods, series.shares, strict=True):
            counts = f"{words.count(one.hits)}/{words.count(one.of)}"
            titles.append(f"{period}: {words.percent(one.value)} {words.interval(one.low, one.high)}, {counts}")
        last = series.shares[-1]
        note = f"{words.say['last']} {words.percent(last.value)} {words.interval(last.low, last.high)}"
        clear = series.change is not None and series.change.clear
        if series.change and clear:
            note += " · " + ", ".join(self._said(series.change))
        tone = "blame" if series.kind != "verdict" else _TONES.get(series.label, "plain")
        return line(self.tables.series_name(series), tone, series.shares, titles, note, clear)

    def _said(self, change: Change) -> tuple[str, str]:
        up = change.difference > 0
        amount = f"{self.words.signed(100 * change.difference)} {self.words.interval(change.low, change.high)}"
        return self.words.say["changed_up" if up else "changed_down"], amount

    def _figure(self, name: str, one: Share, tone: str, note: str = "") -> Figure:
        words = self.words
        shown = f"{words.percent(one.value)} {words.interval(one.low, one.high)}"
        note = note or f"{words.count(one.hits)}/{words.count(one.of)}"
        value, low, high = (one.value, one.low, one.high) if one.of else (0.0, 0.0, 0.0)
        return Figure(name, shown, value, low, high, tone, note, one.of < FEW)
