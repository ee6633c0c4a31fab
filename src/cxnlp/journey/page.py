"""The page of a journey report: one file that holds everything, and asks no other machine for anything."""

from __future__ import annotations

import hashlib
import json
import math
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from cxnlp.evaluation.report import FEW
from cxnlp.journey.charts import diameter, mix
from cxnlp.journey.choose import Chosen
from cxnlp.journey.pictures import Pictures
from cxnlp.journey.ratings import scale_sentences
from cxnlp.journey.result import Cell, Journey
from cxnlp.journey.rows import ScoredFile
from cxnlp.journey.shown import ShownReviews
from cxnlp.journey.tables import COUNT, NUMBER, SHARE, Head, Tables, Value
from cxnlp.journey.words import Words
from cxnlp.reports import environment
from cxnlp.version import __version__

_PLACES = 4
# Inside a script element nothing may end it or begin a comment.
_IN_SCRIPT = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


@dataclass(frozen=True)
class Page:
    """What a page is made of."""

    journey: Journey
    scored: ScoredFile
    chosen: Chosen
    shown: ShownReviews
    words: Words
    model: str
    """The model's name."""
    title: str
    summary: Sequence[str]
    """The sentences at the top."""

    def html(self) -> str:
        """Give the page. Whatever comes from data (names, labels, texts) is escaped.

        Raises:
            ExtraError: jinja2 is not installed.
        """
        engine = environment()
        words, journey = self.words, self.journey
        tables = Tables(journey, self.scored.parts, words)
        script = _asset("journey.js")
        return engine.get_template("journey.html").render(
            w=words.say,
            words=words,
            title=self.title,
            summary=self.summary,
            scale=scale_sentences(read, words, rated=bool(journey.overview.low_ratings))
            if (read := journey.overview.ratings)
            else [],
            journey=journey,
            tables={table.key: table for table in tables.all()},
            pictures=Pictures(journey, tables, words),
            map_rows=self._map_rows(tables),
            phases=[tables.phase(phase) for phase in journey.phases],
            phase_main=bool((facet := self.scored.parts.phases) and facet.main),
            shows_text=any(one.passage for one in self.shown.reviews.values()),
            evidence=self.shown.evidence,
            style=_asset("journey.css"),
            script=script,
            script_hash=b64encode(hashlib.sha256(script.encode()).digest()).decode(),
            data=self._data(tables),
            show=self._cell,
            raw=_raw,
            per=self.chosen.per_polarity,
            few=FEW,
            version=__version__,
            model=self.model,
        )

    def _map_rows(self, tables: Tables) -> list[dict[str, Any]]:
        most = max((c.reviews for c in self.journey.map if c.phase is not None), default=0)
        most = most or max((c.reviews for c in self.journey.map), default=0)
        rows: dict[str, list[dict[str, Any]]] = {}
        for cell in self.journey.map:
            rows.setdefault(cell.touchpoint, []).append(self._map_cell(cell, most, tables))
        return [{"name": tables.touchpoint(label), "cells": cells} for label, cells in rows.items()]

    def _map_cell(self, cell: Cell, most: int, tables: Tables) -> dict[str, Any]:
        words = self.words
        tone, strength = mix(cell)
        said = words.say["cell"] % {
            "touchpoint": tables.touchpoint(cell.touchpoint),
            "phase": tables.phase(cell.phase),
            "reviews": words.counted("reviews", cell.reviews),
            "praised": words.count(cell.praised),
            "blamed": words.count(cell.blamed),
        }
        return {
            "key": self._key(cell.touchpoint, cell.phase),
            "n": cell.reviews,
            "shown": words.count(cell.reviews),
            "counted": words.counted("reviews", cell.reviews),
            "balance": words.signed(cell.balance, 1) if abs(cell.balance) >= 0.05 else "0",
            "em": min(2.6, diameter(cell, most)),
            "tone": tone,
            "strength": strength,
            "said": said,
            "all": cell.phase is None,
        }

    def _key(self, touchpoint: str, phase: str | None) -> str:
        parts = self.scored.parts
        place = "all" if phase is None else str(parts.phase_labels.index(phase))
        return f"{parts.touchpoints.labels.index(touchpoint)}-{place}"

    def _data(self, tables: Tables) -> str:
        """Give the reviews, and those behind each cell, as JSON that can stand in a page."""
        parts = self.scored.parts
        order = {i: place for place, i in enumerate(self.shown.reviews)}
        cells = {
            self._key(*key): {
                polarity: [order[i] for i in many] for polarity in parts.polarity.labels if (many := cell.get(polarity))
            }
            for key, cell in self.chosen.cells.items()
        }
        data = {
            "reviews": [self._review(i, tables) for i in order],
            "cells": cells,
            "polarities": {label: self.words.label(parts.polarity.name, label) for label in parts.polarity.labels},
            "touchpoints": [tables.touchpoint(label) for label in parts.touchpoints.labels],
            "say": {key: self.words.say[key] for key in ("row", "rating", "certain", "needs_a_look", "no_text")},
        }
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).translate(_IN_SCRIPT)

    def _review(self, i: int, tables: Tables) -> dict[str, Any]:
        one, words = self.shown.reviews[i], self.words
        parts, review = self.scored.parts, one.review
        found: dict[str, Any] = {
            "row": words.count(one.line),
            "day": review.day.isoformat() if review.day else "",
            "language": words.languages.get(review.language, review.language),
            "verdict": words.label(parts.verdict.name, review.verdict) if parts.verdict else "",
            "rating": one.rating,
            "certain": words.percent(review.confidence),
        }
        if review.needs_review:
            found["look"] = 1
        if one.passage:
            labels = parts.touchpoints.labels
            marks = {labels.index(k): v for k, v in one.passage.marks.items() if k in review.touchpoints}
            found |= {"text": one.passage.text, "marks": marks}
        return found

    def _cell(self, value: Value, head: Head) -> str:
        if isinstance(value, str):
            return value
        if head.kind == COUNT:
            return self.words.count(int(value))
        if head.kind == SHARE:
            return self.words.percent(value)
        return self.words.number(value) if head.kind == NUMBER else str(value)


def _raw(value: Value) -> str:
    """Write a value for a CSV file: as counted, and nothing where there is none."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.{_PLACES}f}"
    return str(value)


def _asset(name: str) -> str:
    return resources.files("cxnlp.reports").joinpath(f"templates/{name}").read_text("utf-8")
