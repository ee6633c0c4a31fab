"""`cxnlp data errors`: labels that are likely to be wrong are found, shown, and never changed."""

from __future__ import annotations

import csv
import importlib.util
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from cxnlp.cli.main import main
from cxnlp.data import Review, split_of
from cxnlp.data.tables import open_table, read_rows
from cxnlp.evaluation.tfidf import TfidfScorer
from cxnlp.loop.confident import NONE, doubts
from cxnlp.loop.label_errors import LabelledReview, crossed_probabilities, find_label_errors
from cxnlp.text import text_hash

pytest.importorskip("sklearn")

TOY = tiny.toy_taxonomy()  # the axis: mood bad good, parts door roof, view minus plus of each, when before during after
_TOML = TOY.source


def record(i: int) -> dict[str, Any]:
    """A review whose words say every label: door or roof, good or bad."""
    part, mood = ("door", "roof")[i % 2], ("bad", "good")[i // 2 % 2]
    thing = {"door": "Døren", "roof": "Taket"}[part]
    words = {"bad": "stygg og ødelagt", "good": "fin og nydelig"}[mood]
    time = ("før åpning", "under besøket", "etter kjøpet")[i % 3]
    return {
        "id": f"r{i}", "lang": "no", "text": f"{thing} var {words} {time}, butikk {i} meldte fra.", "mood": mood,
        "parts": {part: {"bad": "minus", "good": "plus"}[mood]}, "when": [("before", "during", "after")[i % 3]],
    }  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with toy.toml and rows.jsonl: sixty reviews of which three have a wrong label."""
    (tmp_path / "toy.toml").write_text(_TOML, "utf-8")
    rows = [record(i) for i in range(60)]
    rows[10]["mood"] = "bad"  # good
    rows[21]["parts"] = {"door": "minus"}  # roof
    rows[32]["parts"] = {"door": "plus"}  # minus
    tiny.write_jsonl(tmp_path / "rows.jsonl", rows)
    return tmp_path


def errors(home: Path, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
    output = home / "errors.jsonl"
    given = ["data", "errors", str(home / "rows.jsonl"), "--taxonomy", str(home / "toy.toml"), "--folds", "3"]
    assert main([*given, "--output", str(output), *arguments]) == code
    return [json.loads(line) for line in output.read_text("utf-8").splitlines()]


# Confident learning, counted by hand


def test_doubts_counted_by_hand() -> None:
    probs = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.45, 0.55], [0.4, 0.6]], np.float32)
    # Label 0 is given to the first three: usual (0.9 + 0.7 + 0.2) / 3 = 0.6. Label 1: (0.55 + 0.6) / 2 = 0.575.
    found = doubts(probs, np.array([0, 0, 0, 1, 1]))
    assert found.suggested.tolist() == [NONE, NONE, 1, NONE, NONE]
    assert found.confidence == pytest.approx([0, 0, 0.8, 0, 0], abs=1e-6)


def test_a_rare_label_has_a_threshold_of_its_own() -> None:
    # Yes is given once, with 0.3; the review with 0.35 is doubted although its "no" has 0.65: no usually has more.
    yes = np.array([0.3, 0.35, 0.01, 0.02, 0.03], np.float32)
    found = doubts(np.stack([1 - yes, yes], axis=1), np.array([1, 0, 0, 0, 0]))
    assert found.suggested.tolist() == [NONE, 1, NONE, NONE, NONE]


def test_a_label_that_is_given_nowhere_is_not_suggested() -> None:
    probs = np.array([[0.5, 0.1, 0.4], [0.1, 0.2, 0.7]], np.float32)
    assert doubts(probs, np.array([0, 1])).suggested.tolist() == [NONE, NONE]


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0.01, 1)), max_size=20))
def test_doubts_hold_for_any_probabilities(rows: list[tuple[int, float, float, float]]) -> None:
    labels = np.array([row[0] for row in rows], np.int64)
    raw = np.array([row[1:] for row in rows], np.float32).reshape(len(rows), 3)
    probs = raw / raw.sum(axis=1, keepdims=True) if len(rows) else raw
    found = doubts(probs, labels)
    assert ((found.confidence >= 0) & (found.confidence <= 1)).all()
    for given_label, new, sure in zip(labels, found.suggested, found.confidence, strict=True):
        assert new != given_label
        assert new == NONE or new in labels
        assert new != NONE or sure == 0
    order = np.arange(len(rows))[::-1]
    assert doubts(probs[order], labels[order]).suggested.tolist() == found.suggested[order].tolist()
    certain = np.eye(3, dtype=np.float32)[labels]
    assert set(doubts(certain, labels).suggested.tolist()) <= {NONE}


def test_each_kind_of_facet_has_its_own_question() -> None:
    labels: Sequence[dict[str, Any]] = [
        {"mood": "good", "parts": {"door": "plus"}},
        {"mood": "bad", "parts": {"roof": "minus"}},
        {"mood": "good", "parts": {"door": ""}},  # its polarity is not known
        {},
    ]
    found = [LabelledReview(Path("x"), i, Review(str(i), "tekst", "no", value)) for i, value in enumerate(labels)]
    # mood, parts, view of door and of roof, when
    probs = np.array(
        [
            [0.1, 0.9, 0.8, 0.1, 0.9, 0.1, 0.5, 0.5, 0, 0, 0],
            [0.2, 0.8, 0.8, 0.9, 0.5, 0.5, 0.1, 0.9, 0, 0, 0],
            [0.9, 0.1, 0.8, 0.2, 0.9, 0.1, 0.5, 0.5, 0, 0, 0],
            [0.9, 0.1, 0.9, 0.9, 0.9, 0.1, 0.5, 0.5, 0, 0, 0],
        ],
        np.float32,
    )
    made = {
        (error.where.line, error.facet, error.given, error.suggested) for error in find_label_errors(TOY, found, probs)
    }
    assert made == {
        (1, "mood", "bad", "good"),
        (2, "mood", "good", "bad"),
        (1, "parts", "", "door"),
        (0, "view", "door:plus", "door:minus"),
        (1, "view", "roof:minus", "roof:plus"),
    }


# The command


def test_wrong_labels_stand_first(home: Path) -> None:
    found = errors(home)
    first = {}
    for row in found:
        first.setdefault(row["facet"], row)
    assert {key: first["mood"][key] for key in ("line", "id", "lang", "given", "suggested")} == {
        "line": 11, "id": "r10", "lang": "no", "given": "bad", "suggested": "good",
    }  # fmt: skip
    parts = {(row["line"], row["given"], row["suggested"]) for row in found if row["facet"] == "parts"}
    assert {(22, "door", ""), (22, "", "roof")} <= parts
    assert (first["view"]["line"], first["view"]["given"], first["view"]["suggested"]) == (
        33,
        "door:plus",
        "door:minus",
    )
    assert first["mood"]["file"] == str(home / "rows.jsonl")
    assert [row["rank"] for row in found] == list(range(1, len(found) + 1))
    assert [row["confidence"] for row in found] == sorted((row["confidence"] for row in found), reverse=True)


def test_nothing_is_changed_and_texts_are_shown_only_when_asked_for(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (home / "rows.jsonl").read_bytes()
    assert all("text" not in row for row in errors(home))
    texts = {row["id"]: row["text"] for row in errors(home, "--with-text")}
    assert texts["r10"] == record(10)["text"]
    printed = capsys.readouterr()
    assert "none was changed" in printed.out and "fold 3 of 3 done" in printed.err
    assert "reviews teach a linear model little" in printed.err
    assert "butikk" not in printed.out + printed.err
    assert (home / "rows.jsonl").read_bytes() == before


def test_printed_without_an_output(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    given = ["data", "errors", str(home / "rows.jsonl"), "--taxonomy", str(home / "toy.toml"), "--folds", "3"]
    assert main(given) == 0
    out = capsys.readouterr().out
    assert "rows.jsonl, line 22" in out and "no such parts" in out
    assert "butikk" not in out


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_tables(kind: str, home: Path) -> None:
    output = home / f"errors.{kind}"
    given = ["data", "errors", str(home / "rows.jsonl"), "--taxonomy", str(home / "toy.toml"), "--folds", "3"]
    assert main([*given, "--top", "3", "--with-text", "--output", str(output)]) == 0
    rows = list(read_rows(open_table(output)))
    assert len(rows) == 3
    assert rows[0].text.startswith(("Døren", "Taket"))
    assert list(rows[0].fields)[:9] == [
        "rank", "file", "line", "id", "lang", "facet", "given", "suggested", "confidence"
    ]  # fmt: skip


def test_the_same_seed_finds_the_same(home: Path) -> None:
    assert errors(home, "--seed", "2") == errors(home, "--seed", "2")


def test_copies_of_a_text_are_never_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    reviews = [Review(str(i), text, "no", {"mood": "good"}) for i in range(40) for text in (f"Hus {i}", f" HUS  {i}")]
    trained: list[set[str]] = []
    asked: list[set[str]] = []
    train = TfidfScorer.train

    def spy(taxonomy: Any, rest: Sequence[Review]) -> TfidfScorer:
        trained.append({text_hash(review.text) for review in rest})
        return train(taxonomy, rest)

    def probabilities(self: TfidfScorer, texts: Sequence[str]) -> np.ndarray:
        asked.append({text_hash(text) for text in texts})
        return np.zeros((len(texts), TOY.n_logits), np.float32)

    monkeypatch.setattr(TfidfScorer, "train", spy)
    monkeypatch.setattr(TfidfScorer, "probabilities", probabilities)
    crossed_probabilities(TOY, reviews, folds=4)
    assert len(trained) == len(asked) == 4
    assert all(not a & b for a, b in zip(trained, asked, strict=True))
    assert sum(map(len, asked)) == 40  # each text in one fold


def test_broken_lines_are_named_and_the_rest_is_judged(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = home / "rows.jsonl"
    path.write_text(path.read_text("utf-8") + '{"text": "Butikken", "mood": "odd"}\n{"text": " "}\n[1]\n', "utf-8")
    assert len(errors(home, code=1)) > 0
    err = capsys.readouterr().err
    assert all(f"{path}, line {number}: " in err for number in (61, 62, 63))
    assert "Butikken" not in err


def test_by_a_bundle_with_its_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    praise = ["Helt topp butikk!", "Lovely staff, thank you", "Strålende service", "Underbart bemötande, tack!"]
    blame = ["Elendig service.", "Terrible app, it never works", "Pakken kom aldri, elendig", "Usel kundtjänst"]
    rows = [{"id": text, "text": text, "sentiment": "positive"} for text in praise]
    rows += [{"id": text, "text": text, "sentiment": "negative"} for text in blame]
    rows[1]["sentiment"] = "negative"
    for number, row in enumerate(rows, 1):
        row["id"] = f"r{number}"
    path = tiny.write_jsonl(tmp_path / "rows.jsonl", rows)
    output = tmp_path / "errors.csv"
    assert main(["data", "errors", str(path), "--bundle", "default", "--output", str(output)]) == 0
    err = capsys.readouterr().err
    n_train = sum(split_of(row["text"]) == "train" for row in rows)
    assert "a model hardly doubts labels that it was trained on" in err and f"{n_train} of the 8 reviews" in err
    with output.open(encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    assert {(row["facet"], row["id"], row["given"], row["suggested"]) for row in found[:1]} == {
        ("sentiment", "r2", "negative", "positive")
    }


def test_mistakes_are_explained(home: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows, toml = str(home / "rows.jsonl"), str(home / "toy.toml")
    unlabelled = str(tiny.write_jsonl(home / "plain.jsonl", [{"text": f"Døren {i}"} for i in range(9)]))
    for arguments, message in (
        ([rows, "--taxonomy", toml, "--folds", "1"], "1 folds, expected 2 or more"),
        ([rows, "--taxonomy", toml, "--top", "0"], "--top 0: expected"),
        ([rows, "--taxonomy", toml, "--with-text"], "--with-text puts texts into --output"),
        ([rows, "--taxonomy", toml, "--output", rows], "would overwrite"),
        ([rows, "--taxonomy", toml, "--output", str(home / "x.pdf")], "unknown kind of output '.pdf'"),
        ([rows, "--taxonomy", toml, "--bundle", "default"], "--taxonomy and --bundle"),
        ([unlabelled], "no labelled review"),
        ([str(home / "none.jsonl")], "none.jsonl"),
    ):
        assert main(["data", "errors", *arguments]) == 2
        err = capsys.readouterr().err
        assert message in err and "Traceback" not in err


def test_without_scikit_learn(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert main(["data", "errors", str(home / "rows.jsonl")]) == 2
    assert 'pip install "cxnlp[report]"' in capsys.readouterr().err


# The benchmark


def test_the_benchmark_makes_as_many_labels_wrong_as_it_says() -> None:
    spec = importlib.util.spec_from_file_location("flips", tiny.REPOSITORY / "benchmarks" / "label_errors.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rows = [record(i) for i in range(60)]
    reviews = [
        Review(row["id"], row["text"], "no", {"mood": row["mood"], "parts": row["parts"], "when": tuple(row["when"])})
        for row in rows
    ]
    flipped, made = module.flip(TOY, reviews, 0.1, 0)
    assert len(made) == 6 * 3 + 5  # of polarities 10 % of the 54 whose label was left alone
    for row, facet, given_label, right in made:
        if facet == "mood":
            assert flipped[row].labels["mood"] == given_label != right == reviews[row].labels["mood"]
        elif facet == "view":
            name, _, polarity = right.partition(":")
            assert reviews[row].labels["parts"][name] == polarity != given_label.partition(":")[2]
        else:
            before, after = reviews[row].labels[facet], flipped[row].labels[facet]
            assert (right in before) == bool(right) and (given_label in before) is False
            assert facet != "when" or given_label in after
    untouched = set(range(60)) - {row for row, *_ in made}
    assert all(flipped[row] == reviews[row] for row in untouched)
