"""Old annotations under a changed taxonomy: counted by hand, nothing guessed, old files left alone."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from cxnlp.cli.main import main
from cxnlp.data.changes import Changes, plan
from cxnlp.data.migrate import Migrator
from cxnlp.data.read import read_reviews
from cxnlp.data.review import review_from_record
from cxnlp.errors import SettingsError
from cxnlp.taxonomy import parse_taxonomy

OLD = """
name = "old"
[facets.mood]
kind = "one_of"
labels = ["bad", "so", "good"]
[facets.topics]
kind = "any_of"
labels = ["room", "web", "shop", "support", "fax"]
[facets.view]
kind = "polarity"
of = "topics"
labels = ["minus", "none", "plus"]
[facets.when]
kind = "any_of"
main = "first"
labels = ["before", "during", "after"]
[facets.guest]
kind = "one_of"
labels = ["alone", "family"]
"""
NEW = """
name = "new"
[facets.mood]
kind = "one_of"
labels = ["bad", "okay", "good", "mixed"]
[facets.touchpoints]
kind = "any_of"
labels = ["room", "website", "chat", "phone", "parking"]
[facets.polarity]
kind = "polarity"
of = "touchpoints"
labels = ["negative", "neutral", "positive"]
[facets.when]
kind = "any_of"
main = "first"
labels = ["before", "stay"]
"""
CHANGES = """
[facets]
topics = "touchpoints"
view = "polarity"
guest = []
[labels.mood]
so = "okay"
[labels.topics]
web = "website"
shop = "website"
support = ["chat", "phone"]
fax = []
[labels.view]
minus = "negative"
none = "neutral"
plus = "positive"
[labels.when]
during = "stay"
after = []
[new.mood]
mixed = "absent"
[new.touchpoints]
parking = "absent"
"""
ROWS: list[dict[str, Any]] = [
    {"id": "1", "text": "Fint rom.", "mood": "good", "topics": {"room": "plus", "fax": "minus"}, "when": ["during"]},
    {"id": "2", "text": "Siden er treg.", "mood": "so", "topics": {"web": "minus", "shop": "minus"}, "note": "x"},
    {"id": "3", "text": "Siden er pen, butikken ikke.", "topics": {"shop": "minus", "room": "plus", "web": "plus"}},
    {"id": "4", "text": "Ingen svarte.", "topics": {"support": "minus", "room": None}, "guest": "family"},
    {"id": "5", "text": "Til neste år!", "topics": ["web"], "when": ["after", "before"]},
    {"id": "6", "text": "Ukjent.", "topics": None, "when": ["before", "after"]},
    {"id": "7", "text": "Ingenting.", "topics": {}},
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    tiny.write_jsonl(tmp_path / "reviews.jsonl", ROWS)
    for name, text in (("old.toml", OLD), ("new.toml", NEW), ("changes.toml", CHANGES)):
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def migrate(home: Path, *more: str, files: tuple[str, ...] = ("reviews.jsonl",)) -> int:
    taxonomies = ["--from", str(home / "old.toml"), "--to", str(home / "new.toml"), "--map", str(home / "changes.toml")]
    paths = [str(home / name) for name in files]
    return main(["taxonomy", "migrate", *paths, *taxonomies, "--output", str(home / "out"), *more])


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_every_change_counted_by_hand(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (home / "reviews.jsonl").read_bytes()
    assert migrate(home) == 0
    assert (home / "reviews.jsonl").read_bytes() == before
    found = {row.pop("id"): row for row in rows(home / "out" / "reviews.jsonl")}
    assert found == {
        "1": {"text": "Fint rom.", "mood": "good", "touchpoints": {"room": "positive"}, "when": ["stay"]},
        "2": {"text": "Siden er treg.", "mood": "okay", "touchpoints": {"website": "negative"}, "note": "x"},
        # Merged labels whose polarities differ: the label is sure, its polarity is not.
        "3": {"text": "Siden er pen, butikken ikke.", "touchpoints": {"website": None, "room": "positive"}},
        # A split label: which of them is not known, so the facet is not, and absent is not said of the others.
        "4": {"text": "Ingen svarte.", "touchpoints": None},
        # The main label is gone, and the second was not labelled as the main one.
        "5": {"text": "Til neste år!", "touchpoints": ["website"], "when": None},
        "6": {"text": "Ukjent.", "touchpoints": None, "when": ["before"]},
        "7": {"text": "Ingenting.", "touchpoints": {}},
    }
    todo = {row["id"]: row for row in rows(home / "out" / "to-label.jsonl")}
    assert set(todo) == {"3", "4", "5"}
    assert todo["4"]["touchpoints"] == {"room": None}
    assert todo["4"]["todo"] == {"touchpoints": "support was split into chat, phone"}
    assert todo["5"]["when"] == ["before"] and todo["5"]["from"] == {"file": "reviews.jsonl", "line": 5}
    out = capsys.readouterr().out
    assert out.startswith("7 records, 7 of them changed")
    for n, what in (
        (7, "facet topics renamed touchpoints"), (1, "facet guest deleted"), (1, "mood: label so renamed okay"),
        (3, "touchpoints: label web merged into website"), (1, "touchpoints: label fax deleted"),
        (2, "touchpoints: label shop merged into website"), (2, "when: label after deleted"),
        (2, "touchpoints: labels shop, web of one review made one, website"),
        (1, "touchpoints: label support split into chat, phone"), (2, "touchpoints: polarity minus renamed negative"),
        (1, "touchpoints: polarity of website unknown: merged labels had several"),
    ):  # fmt: skip
        assert f"{n:>7,}  {what}" in out
    assert "reviews.jsonl, line 3: touchpoints: shop, web became website" in " ".join(out.split())
    assert "For a person: 3" in out
    assert not any(row["text"] in out for row in ROWS)


def test_the_new_files_are_read_by_the_new_taxonomy(home: Path) -> None:
    assert migrate(home) == 0
    new = parse_taxonomy(NEW, "new")
    labels = [review_from_record(row, new).labels for row in rows(home / "out" / "reviews.jsonl")]
    assert labels[3] == {}  # unknown, and not "none of these"
    assert labels[2] == {"touchpoints": {"website": "", "room": "positive"}}


def test_a_completed_file_is_a_file_of_reviews(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert migrate(home) == 0
    assert main(["taxonomy", "check", str(home / "new.toml"), str(home / "out" / "to-label.jsonl")]) == 1
    out = capsys.readouterr().out
    assert "3 reviews that can be read" in out and "cannot be read" not in out


def test_what_a_person_has_to_label_is_unknown_until_it_is_taken_out_of_todo(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert migrate(home) == 0
    capsys.readouterr()
    files = sorted(str(path) for path in (home / "out").glob("*.jsonl"))
    check = ["data", "check", "--taxonomy", str(home / "new.toml"), "--json", str(home / "audit.json"), *files]
    assert main(check) == 1
    out = capsys.readouterr().out
    assert "3 reviews are still to be labelled, as their todo says (touchpoints 2, when 1)" in " ".join(out.split())
    assert "unfinished labels: 3\n" in out
    found = json.loads((home / "audit.json").read_text("utf-8"))
    # Known: of the seven all but 4 and 6, and of those to label only the fifth, which is there for another facet.
    assert sum(found["counts"]["labelled"]["touchpoints"].values()) == 5 + 1
    assert sum(found["counts"]["labelled"]["when"].values()) == 2
    assert "conflicting labels" not in found["problems"]  # the suggestions contradict nobody
    new = parse_taxonomy(NEW, "new")
    reviews = {review.id: review for review in read_reviews(home / "out" / "to-label.jsonl", new)[0]}
    assert reviews["4"].labels == {} and reviews["4"].unfinished == ("touchpoints",)
    # Labelled, and taken out of todo: known.
    done = {row["id"]: row for row in rows(home / "out" / "to-label.jsonl")}["4"]
    done["touchpoints"], done["todo"] = {"chat": "negative", "room": None}, {}
    tiny.write_jsonl(home / "out" / "to-label.jsonl", [done])
    (review,), _ = read_reviews(home / "out" / "to-label.jsonl", new)
    assert review.labels == {"touchpoints": {"chat": "negative", "room": ""}} and review.unfinished == ()


@pytest.mark.parametrize("todo", [{"topics": "look again", "mood": ""}, ["topics", "mood"]])
def test_what_was_unfinished_before_stays_so_under_its_new_name(home: Path, todo: object) -> None:
    record = {"id": "1", "text": "Rommet.", "topics": {"web": "plus"}, "when": ["before"], "todo": todo}
    tiny.write_jsonl(home / "reviews.jsonl", [record])
    assert migrate(home) == 0
    (made,) = rows(home / "out" / "reviews.jsonl")
    assert made == {"id": "1", "text": "Rommet.", "touchpoints": None, "when": ["before"], "mood": None}
    (open_one,) = rows(home / "out" / "to-label.jsonl")
    assert open_one["touchpoints"] == {"website": "positive"} and open_one["mood"] is None
    assert open_one["todo"] == dict.fromkeys(["mood", "touchpoints"], "was still to be labelled before")


def test_bad_rows_do_not_lose_good_ones(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (home / "reviews.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "8", "text"\n{"id": "9", "text": "Hei", "mood": "good", "topics": ["rom"]}\n')
    assert migrate(home) == 1
    found = rows(home / "out" / "reviews.jsonl")
    assert len(found) == 8
    assert found[7] == {"id": "9", "text": "Hei", "mood": "good", "touchpoints": None}
    out = " ".join(capsys.readouterr().out.split())
    assert "Left out, no record: 1" in out and "line 8: not a JSON object" in out
    assert "line 9: touchpoints: unknown label 'rom' in topics; did you mean 'room'?" in out


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ('so = "okay"', "", "labels.mood: 'so' would be 'so', which the new facet 'mood' does not have"),
        ('so = "okay"', 'sos = "okay"', "labels.mood: the old taxonomy has no label 'sos'; did you mean 'so'?"),
        ("guest = []", "", "facets.guest: the new taxonomy has no facet 'guest'"),
        ("guest = []", 'guest = "when"', "is one_of, and 'when' is any_of"),
        ("guest = []", 'guest = "mood"', "facets.guest: 'mood' becomes 'mood' as well"),
        ("guest = []", 'guests = []\nguest = []', "facets.guests: the old taxonomy has no such facet"),
        ("guest = []", 'guest = ["mood", "when"]', "a facet cannot be split"),
        ('parking = "absent"', "", "no old label leads to 'parking'; say what reviews labelled before know of it"),
        ('parking = "absent"', 'parking = "no"', "new.touchpoints.parking: is 'no', expected one of absent, unknown"),
        ('parking = "absent"', 'parking = "absent"\nroom = "absent"', "new.touchpoints.room: an old label leads there"),
        ("topics = \"touchpoints\"", "topics = []", "facets.view: it is the polarity of 'topics'"),
        ("[labels.when]", '[labels.guest]\nalone = []\n[labels.when]', "labels.guest: the facet is deleted"),
        ("[facets]", "[facet]", "unknown key; did you mean 'facets'?"),
    ],
)  # fmt: skip
def test_a_change_that_is_left_open_is_refused(
    home: Path, was: str, now: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert was in CHANGES
    (home / "changes.toml").write_text(CHANGES.replace(was, now, 1), "utf-8")
    assert migrate(home) == 2
    assert message in capsys.readouterr().err
    assert not (home / "out").exists()


def test_labels_unknown_in_what_was_labelled_before(home: Path) -> None:
    (home / "changes.toml").write_text(CHANGES.replace('parking = "absent"', 'parking = "unknown"'), "utf-8")
    assert migrate(home) == 0
    assert [row["touchpoints"] for row in rows(home / "out" / "reviews.jsonl")] == [None] * 7
    todo = {row["id"]: row for row in rows(home / "out" / "to-label.jsonl")}
    assert set(todo) == set("123457")  # the sixth was unknown before
    assert todo["1"]["touchpoints"] == {"room": "positive"}


def test_a_folder_with_something_in_it_is_left_alone(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "out").mkdir()
    (home / "out" / "mine.txt").write_text("x", "utf-8")
    assert migrate(home) == 2
    assert "exists already; name a new folder" in capsys.readouterr().err
    assert [path.name for path in (home / "out").iterdir()] == ["mine.txt"]


def test_files_of_one_name_are_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "more").mkdir()
    tiny.write_jsonl(home / "more" / "reviews.jsonl", ROWS[:1])
    assert migrate(home, files=("reviews.jsonl", "more/reviews.jsonl")) == 2
    assert "would be written under the name of" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_leaves_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = sorted(path.name for path in home.iterdir())
    assert migrate(home, files=("reviews.jsonl", "none.jsonl")) == 2
    assert "none.jsonl: cannot be read" in capsys.readouterr().err
    assert sorted(path.name for path in home.iterdir()) == names


def test_a_place_that_cannot_be_written_is_said(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert migrate(home) == 2
    assert "No space left on device); nothing was changed there; free some space" in capsys.readouterr().err
    assert not (home / "out").exists() and not list(home.glob(".out*"))


def test_others_may_read_the_folder(home: Path) -> None:
    assert migrate(home) == 0
    assert stat.S_IMODE((home / "out").stat().st_mode) == 0o755


def test_a_key_that_is_a_facet_only_now(home: Path) -> None:
    tiny.write_jsonl(home / "reviews.jsonl", [{"text": "Hei", "touchpoints": "desk 4", "topics": ["room"]}])
    assert migrate(home) == 0
    assert rows(home / "out" / "reviews.jsonl") == [{"text": "Hei", "touchpoints": ["room"]}]


def test_without_changes_the_taxonomy_may_grow_by_facets_only() -> None:
    old, new = parse_taxonomy(OLD, "old"), parse_taxonomy(OLD.replace('"fax"', '"fax", "spa"'), "new")
    with pytest.raises(SettingsError, match="no old label leads to 'spa'"):
        plan(old, new, Changes(), "changes")
    more = parse_taxonomy(OLD + '[facets.price]\nkind = "one_of"\nlabels = ["low", "high"]\n', "more")
    record = {"text": "Hei", "mood": "bad", "price": "low"}
    assert Migrator(old, more, plan(old, more, Changes(), "changes")).record(record) == (record, [])
    made, todo = Migrator(old, more, plan(old, more, Changes(), "changes")).record({"text": "Hei", "price": "cheap"})
    assert made["price"] is None and todo[0].facet == "price"


_TOPICS = st.dictionaries(
    st.sampled_from(["room", "web", "shop", "support", "fax"]), st.sampled_from(["minus", "none", "plus", None])
)


@given(_TOPICS)
def test_whatever_the_labels_nothing_is_invented(topics: dict[str, str | None]) -> None:
    old, new = parse_taxonomy(OLD, "old"), parse_taxonomy(NEW, "new")
    changes = Changes(
        {"topics": "touchpoints", "view": "polarity", "guest": ()},
        {"mood": {"so": "okay"},
         "topics": {"web": "website", "shop": "website", "support": ("chat", "phone"), "fax": ()},
         "view": {"minus": "negative", "none": "neutral", "plus": "positive"}, "when": {"during": "stay", "after": ()}},
        {"mood": {"mixed": "absent"}, "touchpoints": {"parking": "absent"}},
    )  # fmt: skip
    made, todo = Migrator(old, new, plan(old, new, changes, "changes")).record({"text": "x", "topics": topics})
    if "support" in topics:
        assert made["touchpoints"] is None and todo
        return
    expected = {"room": {topics["room"]}} if "room" in topics else {}
    if website := {topics[name] for name in ("web", "shop") if name in topics}:
        expected["website"] = website
    names = {"minus": "negative", "none": "neutral", "plus": "positive", None: None}
    sure = {label: names[next(iter(some))] if len(some) == 1 else None for label, some in expected.items()}
    assert made["touchpoints"] == sure
    assert bool(todo) == any(len(some - {None}) > 1 for some in expected.values())
    review_from_record(made, new)
