"""Composed rows of a scored file, and the report made of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from cxnlp.cli.main import main
from cxnlp.data.kinds import Column
from cxnlp.data.write_lines import CsvWriter
from cxnlp.evaluation.intervals import wilson
from cxnlp.journey.parts import parts_of
from cxnlp.taxonomy import load_taxonomy

PARTS = parts_of(load_taxonomy())
COLUMNS = (
    "id", "date", "store", "rating", "review", "cx_language", "cx_sentiment", "cx_sentiment_score", "cx_touchpoints",
    "cx_phase", "cx_phases", "cx_stage", "cx_confidence", "cx_flags",
)  # fmt: skip
NUMBERS = ("cx_sentiment_score", "cx_confidence")

Row = dict[str, Any]


def row(i: int, touchpoints: str = "", phase: str = "use", sentiment: str = "neutral", **more: Any) -> Row:
    score = {"negative": -0.9, "positive": 0.9}.get(sentiment, 0.0)
    found = {
        "id": i, "date": "2026-03-02", "store": "Oslo", "rating": "", "review": f"Anmeldelse nummer {i}.",
        "cx_language": "no", "cx_sentiment": sentiment, "cx_sentiment_score": score, "cx_touchpoints": touchpoints,
        "cx_phase": phase, "cx_phases": phase, "cx_stage": "loyalty", "cx_confidence": 0.8, "cx_flags": "",
    }  # fmt: skip
    return found | more


def write_csv(path: Path, rows: Sequence[Row], decimal: str = ".") -> Path:
    names = list(dict.fromkeys([*COLUMNS, *(name for one in rows for name in one)]))
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        columns = [Column(n, n, "float", 4) if n in NUMBERS else Column(n, n) for n in names]
        writer = CsvWriter(file, columns, decimal=decimal)
        for one in rows:
            writer.write([one.get(name, "") for name in names])
        writer.close()
    return path


SMALL = [
    row(1, "delivery:negative", "delivery", "negative", rating=1, date="2026-03-02"),
    row(2, "delivery:negative; staff:positive", "delivery", "mixed", rating=3, date="2026-03-03"),
    row(3, "delivery:positive", "delivery", "positive", rating=5, date="2026-04-02", store="Bergen"),
    row(4, "staff:positive", "support", "positive", rating=5, date="2026-04-20", store="Bergen", cx_language="sv"),
    row(5, "staff:neutral", "support", "neutral", rating="", date="", cx_flags="needs_review"),
    row(6, "", "", "", cx_confidence=None, cx_flags="empty", review="", cx_sentiment_score=None),
]


def report(tmp_path: Path, rows: Sequence[Row], *more: str, code: int = 0) -> dict[str, Any]:
    scored = write_csv(tmp_path / "scored.csv", rows)
    page, figures = tmp_path / "report.html", tmp_path / "report.json"
    arguments = ["report", str(scored), "--output", str(page), "--json", str(figures), "--no-evidence", *more]
    assert main(arguments) == code
    return json.loads(figures.read_text("utf-8"))


def share(hits: int, of: int) -> dict[str, Any]:
    low, high = wilson(hits, of)
    return {"hits": hits, "of": of, "value": pytest.approx(hits / of, abs=1e-6), "low": pytest.approx(low, abs=1e-6),
            "high": pytest.approx(high, abs=1e-6)}  # fmt: skip


def many(n_bad: int = 40, n_good: int = 160) -> list[Row]:
    """Delivery is blamed in 40 reviews, 30 of which have one star; of the other 160, 16 have."""
    rows = [row(i, "delivery:negative", "delivery", "negative", rating=1 if i < 30 else 4) for i in range(n_bad)]
    rows += [row(i, "staff:positive", "use", "positive", rating=1 if i < 16 else 5) for i in range(n_good)]
    return [one | {"id": i, "date": f"2026-0{1 + i % 6}-10"} for i, one in enumerate(rows)]


def data_of(page: str) -> dict[str, Any]:
    return json.loads(page.partition('id="data">')[2].partition("</script>")[0])  # type: ignore[no-any-return]
