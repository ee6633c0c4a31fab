"""Drift as a page of Markdown."""

from __future__ import annotations

from cxnlp.evaluation.drift import Drift
from cxnlp.evaluation.drift_show import HEADS, cells, files_of, notes_of, verdict_of
from cxnlp.evaluation.drift_words import in_words
from cxnlp.reports.markdown import escaped


def drift_markdown(drift: Drift) -> str:
    """Lay out every finding as a table, the alarms in a table of their own before it. It holds no text of a review."""
    parts = [
        "# Drift",
        "",
        escaped(in_words(drift)),
        "",
        *(f"- {escaped(line)}" for line in files_of(drift)),
        "",
        verdict_of(drift),
        "",
    ]
    if drift.alarms:
        parts += [*_table([cells(one) for one in drift.alarms], HEADS), ""]
    every = [(*cells(one), one.verdict, one.test or "–") for one in drift.findings]
    parts += ["## Every measure", "", *_table(every, (*HEADS, "verdict", "test")), ""]
    return "\n".join([*parts, *(f"{escaped(line)}\n" for line in notes_of(drift, every=True))])


def _table(rows: list[tuple[str, ...]], heads: tuple[str, ...]) -> list[str]:
    rule = "| --- | " + " | ".join("---:" for _ in heads[1:]) + " |"
    return [f"| {' | '.join(heads)} |", rule, *(f"| {' | '.join(map(escaped, row))} |" for row in rows)]
