"""Labels that a person has still to complete: unknown to whatever reads labelled JSONL, and counted aloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import tiny
from cxnlp.cli.main import main
from cxnlp.data import Review, review_from_record, unfinished_note
from cxnlp.errors import DataError
from cxnlp.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy()
RECORD = {"id": "1", "lang": "no", "text": "Rask levering.", "sentiment": "positive", "touchpoints": {}}


@pytest.mark.parametrize(
    ("todo", "known"),
    [
        ({"touchpoints": "price was split"}, {"sentiment"}),
        (["touchpoints", "sentiment"], set()),
        ("touchpoints", {"sentiment"}),
        ({}, {"sentiment", "touchpoints"}),
        (None, {"sentiment", "touchpoints"}),
        (7, {"sentiment", "touchpoints"}),
        ("call them back", {"sentiment", "touchpoints"}),  # somebody else's key of that name
        ({"phases": ""}, {"sentiment", "touchpoints"}),
    ],
)
def test_a_facet_that_todo_names_is_unknown(todo: Any, known: set[str]) -> None:
    assert set(review_from_record({**RECORD, "todo": todo}, TAXONOMY).labels) == known


def test_half_a_label_is_no_error_where_it_is_unfinished() -> None:
    half = {**RECORD, "touchpoints": {"deliv": "positive"}}
    assert review_from_record({**half, "todo": ["touchpoints"]}, TAXONOMY).labels == {"sentiment": "positive"}
    with pytest.raises(DataError, match="deliv"):
        review_from_record(half, TAXONOMY)


def test_the_note_counts_reviews_and_facets() -> None:
    reviews = [Review(str(i), "Fin", unfinished=names) for i, names in enumerate([("a", "b"), (), ("b",)])]
    assert unfinished_note(reviews[1:2]) == ""
    assert unfinished_note(reviews[:1]).startswith("1 review is still to be labelled, as its todo says (a 1, b 1);")
    assert unfinished_note(reviews).startswith("2 reviews are still to be labelled, as their todo says (a 1, b 2);")


def test_the_audit_names_them_and_what_may_be_meant(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        {**RECORD, "id": "1", "todo": {"touchpoints": "Rask levering."}},
        {**RECORD, "id": "2", "text": "Treg app.", "todo": ["touchpoint"]},
        {"id": "3", "lang": "no", "text": "Grei kasse.", "touchpoints": {"nonsense": None}, "todo": ["touchpoints"]},
        {**RECORD, "id": "4", "text": "Fin butikk.", "todo": "later"},
    ]
    data = tiny.write_jsonl(tmp_path / "rows.jsonl", rows)
    assert main(["data", "check", str(data)]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "2 reviews are still to be labelled, as their todo says (touchpoints 2); these facets count" in out
    assert "unfinished labels: 3 " in out
    assert "line 1: touchpoints: unknown until labelled and taken out of todo" in out
    assert "line 2: todo names 'touchpoint', which is no facet; did you mean 'touchpoints'?" in out
    assert "no labels" not in out and "unknown label:" not in out and "line 4" not in out
    assert "Rask levering" not in out
