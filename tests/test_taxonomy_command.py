"""`cxnlp taxonomy new` and `check`: a file to begin with, and what can be said of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from cxnlp.cli.main import main
from cxnlp.data.new_taxonomy import taxonomy_text
from cxnlp.taxonomy import Facet, Kind, load_taxonomy, parse_taxonomy

REVIEWS: list[dict[str, Any]] = [
    {"id": "a", "lang": "no", "text": "Fint rom, dyr frokost.", "shop": "Oslo", "stars": 4, "mood": "good",
     "topics": {"room": "plus", "breakfast": "minus"}, "trip": ["work"], "answered": "2026-01-02"},
    {"id": "b", "lang": "sv", "text": "Nja.", "shop": "Lund", "stars": 3, "mood": "bad", "topics": {"room": None},
     "trip": [], "answered": "2026-01-03"},
    {"id": "c", "lang": "sv", "text": "Bra!", "shop": "Lund", "stars": 5, "mood": "good", "topics": ["room"],
     "trip": ["work", "holiday"], "answered": "2026-01-05", "Note x": "y"},
    {"id": "d", "lang": "da", "text": "Godt.", "shop": "Oslo", "stars": 5, "mood": "good", "topics": None},
]  # fmt: skip


@pytest.fixture
def reviews(tmp_path: Path) -> Path:
    return tiny.write_jsonl(tmp_path / "reviews.jsonl", REVIEWS)


# new


def test_the_default_one_to_edit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    assert main(["taxonomy", "new", str(path)]) == 0
    made, default = load_taxonomy(path), load_taxonomy()
    assert (made.name, made.version, made.languages) == ("mine", 1, default.languages)
    assert made.facets == default.facets
    assert "# A facet is one question." in path.read_text("utf-8")
    assert "touchpoints (18)" in capsys.readouterr().out


def test_a_file_that_exists_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("precious", "utf-8")
    assert main(["taxonomy", "new", str(path)]) == 2
    assert f"{path}: exists already, and is left alone; give another name" in capsys.readouterr().err
    assert path.read_text("utf-8") == "precious"


def test_labels_of_ones_own_keep_the_names_that_a_model_knows(tmp_path: Path) -> None:
    path = tmp_path / "hotels.toml"
    assert main(["taxonomy", "new", str(path), "--labels", "room, breakfast,price,room,"]) == 0
    made, default = load_taxonomy(path), load_taxonomy()
    assert [facet.name for facet in made.facets] == ["sentiment", "touchpoints", "polarity"]
    assert made["touchpoints"].labels == ("room", "breakfast", "price")
    assert made["polarity"] == default["polarity"] and made["sentiment"] == default["sentiment"]


def test_the_labels_of_labelled_reviews(reviews: Path, tmp_path: Path) -> None:
    path = tmp_path / "found.toml"
    assert main(["taxonomy", "new", str(path), "--data", str(reviews)]) == 0
    found = {facet.name: facet for facet in load_taxonomy(path).facets}
    # Numbers and dates are no labels; a shop could be one, and whoever edits the file takes it out.
    assert list(found) == ["shop", "mood", "topics", "polarity", "trip"]
    assert found["mood"] == Facet("mood", Kind.ONE_OF, ("good", "bad"))
    assert found["topics"] == Facet("topics", Kind.ANY_OF, ("room", "breakfast"))
    assert found["polarity"] == Facet("polarity", Kind.POLARITY, ("minus", "plus"), of="topics")
    assert found["trip"] == Facet("trip", Kind.ANY_OF, ("work", "holiday"))


def test_labels_of_the_default_taxonomy_come_back_as_they_are_there(tmp_path: Path) -> None:
    rows = [
        {"text": "a", "sentiment": "positive", "touchpoints": {"staff": "positive"}, "phases": ["use", "search"]},
        {"text": "b", "sentiment": "negative", "touchpoints": {"app": "negative"}, "phases": ["search", "other"]},
    ] * 4
    known = [{**row, "phases": ["use", "search"]} for row in rows]
    made = {}
    for name, some in (("known", known), ("other", rows)):
        tiny.write_jsonl(tmp_path / f"{name}.jsonl", some)
        toml = tmp_path / f"{name}.toml"
        assert main(["taxonomy", "new", str(toml), "--data", str(tmp_path / f"{name}.jsonl")]) == 0
        made[name] = load_taxonomy(toml)
    phases = made["known"]["phases"]
    assert (phases.labels, phases.main) == (("search", "use"), "phase")
    assert phases.rollup is not None and phases.rollup.labels == {"search": "search", "use": "loyalty"}
    assert made["known"]["sentiment"].labels == ("negative", "positive")
    assert made["known"]["touchpoints"].labels == ("app", "staff")
    assert made["known"]["polarity"].labels == ("negative", "positive")
    # With a label that the default does not have, the question is another one.
    assert made["other"]["phases"] == Facet("phases", Kind.ANY_OF, ("search", "use", "other"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--labels", "room,a:b"], "'a:b' in labels: a name is text without ; : , ="),
        (["--labels", ","], "labels is [], expected a list of names"),
        (["--data", "texts.jsonl"], "no labels found; expected keys such as"),
        (["--data", "none.jsonl"], "none.jsonl: cannot be read"),
    ],
)
def test_what_makes_no_taxonomy_is_refused(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    tiny.write_jsonl(tmp_path / "texts.jsonl", [{"id": "1", "text": "Hei du"}, {"id": "2", "text": "Hei da"}])
    assert main(["taxonomy", "new", "mine.toml", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "mine.toml").exists()


_LABEL = st.text(st.characters(codec="utf-8", exclude_characters=";:,="), min_size=1, max_size=12).filter(
    lambda text: text == text.strip() and not any(ord(c) < 32 for c in text)
)


@given(st.lists(_LABEL, min_size=2, max_size=5, unique=True), _LABEL)
def test_any_label_is_written_so_that_it_is_read_back(labels: list[str], name: str) -> None:
    facets = (Facet("topics", Kind.ANY_OF, tuple(labels)), Facet("view", Kind.POLARITY, tuple(labels), of="topics"))
    made = parse_taxonomy(taxonomy_text(name, ["no"], facets), "made")
    assert (made.facets, made.name) == (facets, name)


# check


def checked(text: str, tmp_path: Path, *more: str) -> int:
    path = tmp_path / "mine.toml"
    path.write_text(text, "utf-8")
    return main(["taxonomy", "check", str(path), *more])


MINE = """
name = "mine"
[facets.mood]
kind = "one_of"
labels = ["good", "bad"]
[facets.topics]
kind = "any_of"
labels = ["room", "breakfast", "spa"]
[facets.view]
kind = "polarity"
of = "topics"
labels = ["minus", "plus"]
"""


def test_a_taxonomy_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(MINE, tmp_path) == 0
    out = capsys.readouterr().out
    assert "mine.toml: can be used; mine version 1, languages any" in out
    assert "  view (polarity of topics): 2 labels" in out


def test_one_that_cannot_be_used_is_said_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(MINE.replace('of = "topics"', 'of = "topic"'), tmp_path) == 2
    assert "mine.toml, line 11: of = 'topic' names no facet of kind any_of" in capsys.readouterr().err


def test_labels_are_counted_and_the_rare_ones_named(
    reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(MINE, tmp_path, str(reviews), "--min", "2") == 1
    out = capsys.readouterr().out
    assert "4 reviews that can be read" in out
    assert "topics: known of 3 reviews" in out
    assert "  good                                       3\n" in out
    assert "  room                                       3   plus 1, ? 2\n" in out
    assert "Fewer than 2 reviews: mood bad (1), topics breakfast (1), topics spa (0)." in out
    assert not any(row["text"] in out for row in REVIEWS)


def test_enough_of_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": str(i), "text": f"Nummer {i}", "mood": "bad" if i % 2 else "good"} for i in range(40)]
    text = MINE.partition("[facets.topics]")[0]
    assert checked(text, tmp_path, str(tiny.write_jsonl(tmp_path / "enough.jsonl", rows))) == 0
    assert "Every label has 20 reviews or more." in capsys.readouterr().out
    assert checked(text, tmp_path, str(tiny.write_jsonl(tmp_path / "fewer.jsonl", rows[:39]))) == 1
    assert "Fewer than 20 reviews: mood bad (19)." in capsys.readouterr().out


def test_blank_texts_and_copies_are_not_counted_and_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moods = [
        ("Fint.", "good"),
        (" fint. ", "good"),
        ("Fint.", "bad"),
        ("", "good"),
        (" \u200b\n", "bad"),
        ("Nei.", "bad"),
    ]
    rows = [{"id": str(i), "text": text, "mood": mood} for i, (text, mood) in enumerate(moods)]
    text = MINE.partition("[facets.topics]")[0]
    assert checked(text, tmp_path, str(tiny.write_jsonl(tmp_path / "rows.jsonl", rows)), "--min", "1") == 0
    out = capsys.readouterr().out
    said = "counted below: 2, leaving out 2 without a text and 2 with the text of an earlier one"
    assert f"\n6 reviews that can be read; {said}\n" in out
    assert "mood: known of 2 reviews" in out
    assert [line.split() for line in out.splitlines() if line.startswith("  good ")] == [["good", "1"]]
    assert checked(text, tmp_path, str(tiny.write_jsonl(tmp_path / "rows.jsonl", rows[-1:])), "--min", "1") == 1
    assert "\n1 review that can be read\n" in capsys.readouterr().out
    assert checked(text, tmp_path, str(tiny.write_jsonl(tmp_path / "rows.jsonl", rows[3:5])), "--min", "1") == 1
    assert "mood good (0), mood bad (0)" in capsys.readouterr().out  # nothing but blanks is no crash


def test_lines_that_do_not_fit_are_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": str(i), "text": f"Nummer {i}", "mood": "bad" if i % 2 else "good"} for i in range(40)]
    path = tiny.write_jsonl(tmp_path / "rows.jsonl", [*rows, {"text": "Hei", "mood": "god"}])
    assert checked(MINE.partition("[facets.topics]")[0], tmp_path, str(path)) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "Lines that cannot be read: 1" in out and "unknown label 'god' in mood; did you mean 'good'?" in out


def test_no_readable_review_is_no_crash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.jsonl").write_text("", "utf-8")
    assert checked(MINE, tmp_path, str(tmp_path / "empty.jsonl")) == 1
    assert "topics spa (0)" in " ".join(capsys.readouterr().out.split())
