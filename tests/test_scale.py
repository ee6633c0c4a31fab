"""The figures of the guide on scale follow from its rates, and the operations from the shipped network."""

from __future__ import annotations

import json
import re

import pytest

import tiny
from cxnlp.taxonomy import load_taxonomy

TEXT = (tiny.REPOSITORY / "docs" / "scale.md").read_text("utf-8")
REVIEWS = {"10⁶": 1e6, "10⁸": 1e8, "10⁹": 1e9}


def rows(head: str) -> list[list[str]]:
    """The rows of the table whose head begins so."""
    (table,) = re.findall(rf"^\| {re.escape(head)} \|.*\n\|[ -|]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def number(cell: str) -> float:
    return float(re.sub(r"[^0-9.]", "", cell))


def rounds_to(value: float, cell: str) -> bool:
    """Whether the cell gives the value to its last digit."""
    shown = re.sub(r"[^0-9.]", "", cell)
    places = len(shown.partition(".")[2])
    return abs(value - float(shown)) <= 0.51 * 10**-places


CPU_MS = {name: float(ms) for name, ms in re.findall(r"^\| ([a-z][^|]*?) \| ([0-9.]+) ms \|$", TEXT, re.MULTILINE)}


def test_the_parts_of_the_time_add_up() -> None:
    assert set(CPU_MS) == {
        "the network", "identification of languages", "reading, tokenising, labels, writing", "all",
    }  # fmt: skip
    assert sum(CPU_MS.values()) == pytest.approx(2 * CPU_MS["all"])


def test_core_hours_follow_from_the_time_of_a_review() -> None:
    found = rows("reviews")
    assert [row[0] for row in found] == list(REVIEWS)
    for name, core_hours, two, many in found:
        expected = REVIEWS[name] * CPU_MS["all"] / 1000 / 3600
        assert rounds_to(expected, core_hours)
        assert rounds_to(expected / 2, two)
        assert rounds_to(expected / 64, many)


def test_what_the_processor_can_bring() -> None:
    without_network = CPU_MS["all"] - CPU_MS["the network"]
    assert f"take {without_network:.1f} ms of a core" in TEXT
    for cores, *hours in rows("cores beside each GPU"):
        for reviews, cell in zip(REVIEWS.values(), hours, strict=True):
            assert rounds_to(reviews * without_network / 1000 / 3600 / int(cores), cell)


def test_the_operations_of_a_token_are_those_of_the_shipped_network() -> None:
    config = json.loads((tiny.REPOSITORY / "models" / "nordic-small" / "manifest.json").read_text("utf-8"))["encoder"]
    h, layers, inner = config["hidden_size"], config["num_hidden_layers"], config["intermediate_size"]
    taxonomy = load_taxonomy()
    counts = {facet.name: len(taxonomy[facet.of].labels if facet.of else facet.labels) for facet in taxonomy.facets}
    queries = sum(counts.values())
    linear, attention = 2 * layers * (4 * h * h + 2 * h * inner), layers * 4 * 80 * h
    labels = 2 * h * h + 4 * queries * h
    assert f"attention of the {queries} labels" in TEXT
    heads = 2 * h * h * queries + 2 * sum(h * len(f.labels) * (counts[f.name] if f.of else 1) for f in taxonomy.facets)
    for value, shown in ((linear, "42.5"), (attention, "1.5"), (labels, "0.4"), (linear + attention + labels, "44.3")):
        assert rounds_to(value / 1e6, shown)
        assert f"| {shown} |" in TEXT
    assert rounds_to(heads / 1e6, "13.9")
    a_review = 47.6 * (linear + attention + labels) + heads
    assert f"{a_review / 1e6:,.0f} million" in TEXT
    for _, peak, seconds, *hours in rows("GPU"):
        assert rounds_to(1e6 * a_review / number(peak) / 1e12, seconds)
        for reviews, cell in zip((1e8, 1e9), hours, strict=True):
            assert rounds_to(reviews * a_review / number(peak) / 1e12 / 3600, cell)
