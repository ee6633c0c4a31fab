"""Data frames: the columns that ``cxnlp score`` adds, whatever the frame looks like."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tiny
from cxnlp import Tagger
from cxnlp.cli.main import main
from cxnlp.errors import DataError
from cxnlp.inference.cells import cell_columns
from cxnlp.integrations.frames import tag_frame
from cxnlp.taxonomy import load_taxonomy
from cxnlp.text.personal import mask_personal
from fake_tagger import FakeTagger

pandas = pytest.importorskip("pandas", reason="needs pandas")
polars = pytest.importorskip("polars", reason="needs polars")

NEW = list(cell_columns(load_taxonomy()))
NUMBERS = {"cx_sentiment_score", "cx_confidence"}
ROWS = [
    {"id": str(number), "headline": "Bra" if number % 7 == 0 else "", "comment": record["text"], "stars": stars,
     "language": record["lang"], "shop": f"no. {number}, ring 22 33 44 55"}
    for number, (record, stars) in enumerate(zip(tiny.records()[::2], "12345" * 4, strict=True))
]  # fmt: skip
ROWS[3]["comment"] = ""
ROWS[5]["comment"] = "  Appen var helt topp.\nLeveringen var elendig! Ring 22 33 44 55. "
ROWS[6]["comment"] = ROWS[2]["comment"]


@pytest.mark.parametrize("options", [(), ("--evidence",), ("--mask-pii",), ("--title-column", "")])
def test_the_same_as_cxnlp_score(tiny_bundle: Path, tmp_path: Path, options: tuple[str, ...]) -> None:
    if "--evidence" in options:
        pytest.importorskip("spacy")
    if "--mask-pii" in options:
        pytest.importorskip("phonenumbers")
    with (tmp_path / "in.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(ROWS[0]))
        writer.writeheader()
        writer.writerows(ROWS)
    paths = [str(tmp_path / "in.csv"), "--output", str(tmp_path / "out.csv")]
    assert main(["score", *paths, "--model", str(tiny_bundle), "--text-column", "comment", "--no-bom", *options]) == 0
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        expected = list(csv.DictReader(file))
    assert {row["cx_sentiment"] for row in expected} > {""}
    frame = pandas.read_csv(tmp_path / "in.csv", dtype=str, keep_default_na=False)
    tagger = Tagger.load(tiny_bundle)
    given: dict[str, Any] = {"evidence": "--evidence" in options, "mask_pii": "--mask-pii" in options}
    if "--title-column" in options:
        given["title"] = ""
    for found in (
        tagger.tag_frame(frame, text="comment", **given),
        tag_frame(tagger, polars.DataFrame(ROWS), "comment", **given).to_pandas(),
    ):
        assert list(found.columns) == list(expected[0])
        for name in NUMBERS:
            found[name] = [f"{value:.4f}" if value == value else "" for value in found[name]]
        assert found.to_dict("records") == expected


def test_titles_ratings_and_languages_are_found_and_can_be_named() -> None:
    frame = pandas.DataFrame(
        {"title": ["Bra", None], "text": ["Rask levering", "Sent"], "about": ["Butikk", "Nett"], "stars": [5, 1]}
    )
    for given, seen in (
        ({}, ["Bra Rask levering", "Sent"]),
        ({"title": ""}, ["Rask levering", "Sent"]),
        ({"title": "about"}, ["Butikk Rask levering", "Nett Sent"]),
    ):
        tagger = FakeTagger()
        tag_frame(tagger, frame, "text", **given)
        assert tagger.seen == seen


def test_a_clear_text_that_contradicts_its_stars_is_flagged() -> None:
    texts = [f"tekst {i}" for i in range(400)]
    frame = pandas.DataFrame({"text": texts, "stars": [1] * 400, "mark": [5] * 400})
    clear = [p.sentiment == "positive" and p.sentiment_score >= 0.5 for p in FakeTagger().tag(texts)]
    assert any(clear)
    for given, expected in (({}, clear), ({"rating": "mark"}, None), ({"rating": ""}, [False] * 400)):
        flagged = tag_frame(FakeTagger(), frame, "text", **given)["cx_flags"].str.contains("rating_conflict").tolist()
        assert flagged != clear if expected is None else flagged == expected


def test_index_order_types_and_the_frame_itself_stay() -> None:
    index = pandas.MultiIndex.from_tuples([("b", 2), ("a", 1), ("b", 2)], names=["shop", "n"])
    frame = pandas.DataFrame(
        {"n": [1, 2, 3], "text": ["fin", "das ist gut", "grei"], "when": pandas.to_datetime(["2026-01-01"] * 3),
         "kind": pandas.Categorical(["x", None, "x"])}, index=index,
    )  # fmt: skip
    before = frame.copy(deep=True)
    found = tag_frame(FakeTagger(), frame, "text")
    pandas.testing.assert_frame_equal(frame, before)
    pandas.testing.assert_frame_equal(found[list(frame.columns)], before)
    assert list(found.columns) == [*frame.columns, *NEW]
    assert found["cx_flags"].tolist() == ["", "other_language", ""]
    assert found["cx_sentiment"].tolist() == [p.sentiment for p in FakeTagger().tag(frame["text"].tolist())]
    found.iloc[0, 0] = 99
    assert frame.iloc[0, 0] == 1


@pytest.mark.parametrize("dtype", ["object", "string", "category", "str"])
def test_missing_texts_of_every_type_are_empty_ones(dtype: str) -> None:
    frame = pandas.DataFrame({"text": pandas.Series(["fin", None, "grei", None], dtype=dtype)})
    found = tag_frame(FakeTagger(), frame, "text")
    assert found["cx_flags"].tolist() == ["", "empty", "", "empty"]
    assert found["cx_sentiment"].tolist()[1] == ""
    assert found["cx_confidence"].isna().tolist() == [False, True, False, True]
    assert found["text"].dtype == frame["text"].dtype


@pytest.mark.parametrize("kind", [polars.String, polars.Categorical])
def test_polars_frames(kind: Any) -> None:
    frame = polars.DataFrame(
        {"n": [1, 2, 3], "text": ["fin", None, "das ist gut"], "all": [["a"], [], None], " cx_phase": ["x", "y", "z"]},
        schema_overrides={"text": kind},
    )
    found = tag_frame(FakeTagger(), frame, "text")
    assert found.select("n", "text", "all").equals(frame.select("n", "text", "all"))
    assert found.columns == ["n", "text", "all", *NEW]
    assert found["cx_flags"].to_list() == ["", "empty", "other_language"]
    assert found["cx_confidence"].to_list()[1] is None
    types = {name: found.schema[name] for name in NEW}
    assert {name for name, its in types.items() if its == polars.Float64} == NUMBERS
    assert set(types.values()) == {polars.Float64, polars.String}


def test_frames_without_rows_have_the_same_columns() -> None:
    for empty in (pandas.DataFrame({"text": []}), pandas.DataFrame({"text": pandas.Series([], dtype="string")})):
        found = tag_frame(FakeTagger(), empty, "text")
        full = tag_frame(FakeTagger(), pandas.DataFrame({"text": ["fin"]}), "text")
        assert len(found) == 0
        assert found[NEW].dtypes.to_dict() == full[NEW].dtypes.to_dict()
    found = tag_frame(FakeTagger(), polars.DataFrame({"text": []}, schema={"text": polars.String}), "text")
    assert found.shape == (0, 1 + len(NEW))
    assert found.schema == tag_frame(FakeTagger(), polars.DataFrame({"text": ["fin"]}), "text").schema


def test_names_that_are_there_twice_or_are_no_texts() -> None:
    frame = pandas.DataFrame([["a", "fin", "b"], ["c", "grei", "d"]], columns=["shop", "text", "shop"])
    found = tag_frame(FakeTagger(), frame, "text")
    assert list(found.columns) == ["shop", "text", "shop", *NEW]
    assert found.iloc[:, [0, 2]].to_numpy().tolist() == [["a", "b"], ["c", "d"]]
    with pytest.raises(DataError, match="text: 2 columns are named 'shop', expected one; rename the others"):
        tag_frame(FakeTagger(), frame, "shop")
    numbered = pandas.DataFrame({0: ["fin"], 1: ["x"]})
    assert list(tag_frame(FakeTagger(), numbered, 0).columns) == [0, 1, *NEW]
    nested = pandas.DataFrame([["fin", 1]], columns=pandas.MultiIndex.from_tuples([("in", "text"), ("in", "n")]))
    again = tag_frame(FakeTagger(), nested, ("in", "text"))
    assert again[("cx_sentiment", "")].tolist() == [FakeTagger().tag(["fin"])[0].sentiment]


def test_a_scored_frame_is_scored_anew() -> None:
    frame = pandas.DataFrame({"text": ["fin", "grei"]})
    once = tag_frame(FakeTagger(), frame, "text")
    once["cx_sentiment"] = "old"
    pandas.testing.assert_frame_equal(tag_frame(FakeTagger(), once, "text"), tag_frame(FakeTagger(), frame, "text"))


def test_personal_data_is_masked_in_every_text() -> None:
    pytest.importorskip("phonenumbers")
    call = "Ring meg på 22 33 44 55 i dag"
    pandas_frame = pandas.DataFrame(
        {"id": ["22334455", "1"], "text": [call, "fin"], "note": pandas.Categorical([call, "fin"]), "n": [1, 2],
         "many": [[call], None]}
    )  # fmt: skip
    polars_frame = polars.DataFrame(
        {"id": ["22334455", "1"], "text": [call, "fin"], "note": [call, "fin"], "n": [1, 2], "many": [[call], None]},
        schema_overrides={"note": polars.Categorical},
    )
    for frame in (pandas_frame, polars_frame):
        tagger = FakeTagger()
        found = tag_frame(tagger, frame, "text", mask_pii=True)
        masked = tagger.seen[0]
        assert masked == mask_personal(call) != call
        assert list(found["text"]) == [masked, "fin"] == list(found["note"])
        assert list(found["many"][0]) == [masked]
        assert list(found["id"]) == ["22334455", "1"]
        assert list(found["n"]) == [1, 2]
        assert list(frame["text"]) == [call, "fin"]


def test_what_is_no_text_is_flagged_and_the_rest_goes_on() -> None:
    found = tag_frame(FakeTagger(), pandas.DataFrame({"text": ["fin", ["a"], 3, True]}), "text")
    assert found["cx_flags"].tolist() == ["", "not_text; empty", "", "not_text; empty"]


def test_many_rows_come_in_order_and_progress_is_told() -> None:
    texts = [f"tekst {i % 1_500}" for i in range(3_000)]
    told: list[int] = []
    tagger = FakeTagger()
    found = tag_frame(tagger, polars.DataFrame({"text": texts}), "text", progress=told.append)
    assert sum(told) == 3_000
    assert len(tagger.seen) == 1_500  # copies are scored once
    assert found["text"].to_list() == texts
    by_text = dict(zip(texts, found["cx_sentiment"], strict=True))
    assert found["cx_sentiment"].to_list() == [by_text[text] for text in texts]


def test_errors_name_the_columns() -> None:
    frame = pandas.DataFrame({"comment": ["fin"], "n": [1]})
    with pytest.raises(
        DataError, match="text: no column 'coment'; did you mean 'comment'\\?; the columns are: comment, n"
    ):
        tag_frame(FakeTagger(), frame, "coment")
    with pytest.raises(DataError, match="title: no column 7; the columns are: comment, n"):
        tag_frame(FakeTagger(), polars.from_pandas(frame), "comment", title=7)
    with pytest.raises(DataError, match="text is '', expected the column of the texts; the columns are: comment, n"):
        tag_frame(FakeTagger(), frame, "")
    wrong: tuple[tuple[Any, str], ...] = (
        ([{"comment": "fin"}], "the frame is of type list, expected a pandas.DataFrame or polars.DataFrame"),
        (frame["comment"], "pandas.Series, expected"),
        (polars.from_pandas(frame).lazy(), "polars.LazyFrame, expected .*; call its collect\\(\\) first"),
    )
    for given, message in wrong:
        with pytest.raises(TypeError, match=message):
            tag_frame(FakeTagger(), given, "comment")


@pytest.mark.parametrize("hidden, used", [("pandas", "polars"), ("polars", "pandas")])
def test_either_package_does_without_the_other(hidden: str, used: str) -> None:
    script = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
sys.modules[{hidden!r}] = None
import {used}
from cxnlp.inference.frames import tag_frame
from fake_tagger import FakeTagger
print(tag_frame(FakeTagger(), {used}.DataFrame({{"text": ["fin"]}}), "text")["cx_flags"][0] == "")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=tiny.environment(), capture_output=True, encoding="utf-8", timeout=120
    )
    assert done.stdout.strip() == "True", done.stderr
