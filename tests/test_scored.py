"""Scored files read back: the four commands that count them agree, in every format and to the row."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from cxnlp.cli.main import main
from cxnlp.data.kinds import Column
from cxnlp.data.tables import ReadingOptions, open_table, read_rows
from cxnlp.data.write_parquet import ParquetWriter
from cxnlp.data.write_xlsx import XlsxWriter
from cxnlp.errors import DataError
from cxnlp.inference.cells import cell_columns, cells
from cxnlp.inference.prediction import Prediction
from cxnlp.inference.scored import ScoredRow, Status, open_scored
from cxnlp.inference.scored_cells import LabelReader
from cxnlp.journey.parts import parts_of
from cxnlp.journey.rows import read_review_rows
from cxnlp.loop.items import read_items
from cxnlp.loop.pool import read_pool
from cxnlp.taxonomy import FacetValue, load_taxonomy
from scored_rows import COLUMNS, NUMBERS, Row, row, write_csv

DEFAULT = load_taxonomy()
TOY = tiny.toy_taxonomy()  # mood bad good, parts door roof with view minus plus, when (first) before during after
FORMATS = ("csv", "xlsx", "parquet", "jsonl")
NONE: Row = {"cx_language": "", "cx_confidence": None, "cx_sentiment_score": None, "cx_stage": ""}
ROWS = [
    row(1, "delivery:negative", "delivery", "negative"),
    row(
        2, "delivery:negative; staff:positive", "delivery", "mixed", review="- treg levering, hyggelig folk", title="="
    ),
    row(3, "", "use", "neutral", review="Toimitus oli hidas", cx_language="fi", cx_flags="other_language"),
    row(4, "", "", "", review="", cx_flags="empty", **NONE),
    row(5, "", "", "", review="Modellen klarte ikke denne", cx_flags="not_scored", **NONE),
    row(6, "Pakken kom aldri", "delivery", "negative", review="Denne er skjev"),  # cells moved by a hand
    row(7, "staff:positive", "support", "Helt grei butikk", review="Denne også"),
    row(8, "staff:positive", "support", "positive", review="Hun hjalp meg raskt", cx_flags="needs_review; truncated"),
]
"""Eight rows: four labelled (1, 2, 3, 8), two not scored (4, 5), two with what is no label (6, 7)."""
STATUS = [*[Status.LABELLED] * 3, *[Status.NOT_SCORED] * 2, *[Status.UNKNOWN] * 2, Status.LABELLED]


def as_record(one: Row) -> dict[str, Any]:
    """Give a row as JSON lines have it."""
    scored = one["cx_confidence"] is not None
    touchpoints = [part.partition(":")[::2] for part in one["cx_touchpoints"].split("; ") if part]
    labels = {
        "sentiment": one["cx_sentiment"], "sentiment_score": one["cx_sentiment_score"],
        "touchpoints": dict(touchpoints), "phase": one["cx_phase"], "phases": [one["cx_phase"]],
        "stage": one["cx_stage"], "confidence": one["cx_confidence"],
    }  # fmt: skip
    return {
        **{key: one[key] for key in ("id", "date", "store", "rating", "review")}, "title": one.get("title", ""),
        "language": one["cx_language"], **(labels if scored else dict.fromkeys(labels)),
        "flags": [flag for flag in one["cx_flags"].split("; ") if flag],
    }  # fmt: skip


def write(path: Path, rows: Sequence[Row] = ROWS) -> Path:
    """Write rows, the eight if no others are given, as `cxnlp score` would have."""
    if path.suffix == ".csv":
        return write_csv(path, rows)
    if path.suffix == ".jsonl":
        return tiny.write_jsonl(path, [as_record(one) for one in rows])
    names = (*COLUMNS, "title")
    columns = [Column(name, name, "float", 4) if name in NUMBERS else Column(name, name) for name in names]
    writer = XlsxWriter(path, columns) if path.suffix == ".xlsx" else ParquetWriter(path, columns)
    for one in rows:
        writer.write([str(one[name]) if name in ("id", "rating") else one.get(name, "") for name in names])
    writer.close()
    return path


def plain(found: ScoredRow) -> dict[str, Any]:
    said = found.prediction
    return {
        "status": found.status, "text": found.text, "flags": found.flags, "scores": dict(found.scores),
        "wrong": found.problem and found.problem.reason, "evidence": dict(found.evidence),
        "said": said and (said.labels, said.confidence, said.language, said.needs_review),
    }  # fmt: skip


@pytest.mark.parametrize("kind", FORMATS)
def test_four_commands_agree_on_one_file(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn")
    scored = write(tmp_path / f"scored.{kind}")
    first = 1 if kind in ("jsonl", "parquet") else 2  # below the header
    wrong = [
        f"cxnlp: {scored}, line {first + place}: no label of the taxonomy in '{facet}'"
        for place, facet in ((5, "touchpoints"), (6, "sentiment"))
    ]

    def run(command: str, *arguments: str | Path) -> tuple[int, str]:
        code = main([*command.split(), str(scored), *map(str, arguments)])
        printed = capsys.readouterr()
        named = [line for line in printed.err.splitlines() if ", line " in line]
        assert named == wrong * (2 if command == "monitor" else 1)
        assert not re.search("Pakken|butikk|Denne|treg|Hun", printed.err + printed.out)
        return code, printed.out

    figures, drift, tasks = (tmp_path / f"{name}.json" for name in ("report", "drift", "tasks"))
    page = ("--output", tmp_path / "r.html", "--without-text", "--no-evidence")
    assert run("report", *page, "--json", figures)[0] == 1
    found = json.loads(figures.read_text("utf-8"))
    assert (found["overview"]["rows"], found["overview"]["reviews"], found["trust"]["unknown"]) == (8, 4, 2)
    flags = {name: one["hits"] for name, one in found["trust"]["flags"].items()}
    assert flags == {"needs_review": 1, "other_language": 1, "empty": 1, "not_scored": 1, "truncated": 1}

    assert run("monitor", scored, "--min-reviews", "2", "--json", drift)[0] == 0
    read = {"file": str(scored), "rows": 8, "labelled": 4, "unread": 2}
    assert json.loads(drift.read_text("utf-8"))["new"] == read

    code, out = run("suggest", "--budget", "9", "--other-languages", "--output", tmp_path / "next.jsonl")
    assert code == 1 and out.startswith("4 of 4 reviews suggested")
    assert "broken, or with labels or a confidence that cannot be read 2" in out
    assert "without a text 1" in out and "not scored 1" in out

    code, out = run("labels export", "--to", "argilla", "--output", tasks)
    assert code == 1 and "8 reviews, 6 with labels" in out
    answered = [
        {name for name in one["suggestions"] if name != "phase"} for one in json.loads(tasks.read_text("ascii"))
    ]
    every = {"sentiment", "touchpoints", "phases"}
    # Of the two that cannot be read the other facets go to the person all the same.
    assert answered == [every, every, every, set(), set(), every - {"touchpoints"}, every - {"sentiment"}, every]


def test_every_format_gives_the_same_rows(tmp_path: Path) -> None:
    read = {kind: list(map(plain, open_scored(write(tmp_path / f"s.{kind}"), DEFAULT).rows())) for kind in FORMATS}
    assert [one["status"] for one in read["csv"]] == STATUS
    second = read["csv"][1]
    assert second["text"] == "=\n- treg levering, hyggelig folk"  # without the apostrophes that CSV has before both
    labels = {
        "sentiment": "mixed", "touchpoints": {"delivery": "negative", "staff": "positive"}, "phases": ("delivery",),
    }  # fmt: skip
    assert second["said"] == (labels, 0.8, "no", False)
    assert (second["scores"], second["flags"]) == ({"sentiment": 0.0}, ())
    assert read["csv"][7]["flags"] == ("needs_review", "truncated") and read["csv"][7]["said"][3]
    for kind in FORMATS:
        assert read[kind] == read["csv"], kind


def test_what_score_writes_is_read_back(tmp_path: Path) -> None:
    pytest.importorskip("spacy")
    reviews = tmp_path / "reviews.csv"
    texts = [one["text"] for one in tiny.records()[:3]]
    texts += ["", "- treg levering", f"{texts[0]} {texts[1]}"]
    with reviews.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "title", "review"], *([i, f"Nr {i}", text] for i, text in enumerate(texts))])
    made = {}
    for kind in FORMATS:
        scored = tmp_path / f"scored.{kind}"
        command = ["score", str(reviews), "--evidence", "--output", str(scored)]
        assert main(command) == 0
        made[kind] = [(one, plain(one)) for one in open_scored(scored, DEFAULT).rows()]
    assert [one.text for one, _ in made["csv"]] == [
        f"Nr {i}\n{text}" if text else f"Nr {i}" for i, text in enumerate(texts)
    ]
    assert any(one.evidence for one, _ in made["csv"])
    for kind in FORMATS:
        assert [one for _, one in made[kind]] == [one for _, one in made["csv"]], kind
    for found, _ in made["jsonl"]:
        assert found.prediction is not None
        given = found.source.fields["probabilities"]
        assert found.prediction.probabilities == given
        names = [f"{DEFAULT[f].of or f}={name}" for f, of in found.prediction.probabilities.items() for name in of]
        assert names == list(DEFAULT.logit_names)
    assert not any(one.prediction and one.prediction.probabilities for one, _ in made["parquet"])


def test_broken_lines_are_named_and_the_rest_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scored = write(tmp_path / "scored.jsonl")
    with scored.open("a", encoding="utf-8") as file:
        file.write('Helt grei butikk\n{"flags": ["broken_line"], "line": 9, "raw": "Pakken kom"}\n')
    rows = list(open_scored(scored, DEFAULT).rows())
    assert [(one.line, one.status, one.text) for one in rows[8:]] == [
        (9, Status.BROKEN, None), (10, Status.NOT_SCORED, None),
    ]  # fmt: skip
    assert rows[9].problem is None  # it was told when it was scored
    assert main(["report", str(scored), "--without-text", "--no-evidence"]) == 1
    err = capsys.readouterr().err
    assert f"{scored}, line 9: not a JSON object" in err and "line 10" not in err
    assert main(["labels", "export", str(scored), "--to", "argilla", "--output", str(tmp_path / "out.json")]) == 1
    err = capsys.readouterr().err
    assert "line 9: not a JSON object" in err and "line 10" not in err
    assert "butikk" not in err and "Pakken" not in err


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_line_that_was_broken_when_it_was_scored_is_told_no_second_time(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    reviews = tmp_path / "reviews.jsonl"
    reviews.write_text('{"text": "Fin butikk"}\n{"text": "Pakken kom aldri"}\n{broken\n', "utf-8")
    scored = tmp_path / f"scored.{kind}"
    assert main(["score", str(reviews), "--output", str(scored)]) == 1
    capsys.readouterr()
    figures, drift = tmp_path / "report.json", tmp_path / "drift.json"
    page = ["--output", str(tmp_path / "r.html"), "--without-text", "--no-evidence", "--json", str(figures)]
    commands = [
        ["report", str(scored), *page],
        ["monitor", str(scored), str(scored), "--min-reviews", "2", "--json", str(drift)],
        ["suggest", str(scored), "--budget", "9", "--other-languages", "--output", str(tmp_path / "next.jsonl")],
        ["labels", "export", str(scored), "--to", "argilla", "--output", str(tmp_path / "tasks.json")],
    ]
    for command in commands:
        assert main(command) == 0, command
        printed = capsys.readouterr()
        assert ", line " not in printed.err, command
    # But it counts as what it is.
    assert json.loads(figures.read_text("utf-8"))["trust"]["flags"]["broken_line"]["of"] == 3
    assert json.loads(drift.read_text("utf-8"))["new"]["rows"] == 3
    assert len(json.loads((tmp_path / "tasks.json").read_text("utf-8"))) == 2


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("identity", ["-abc1", "@kari", "=7+1", "+47 x"])
def test_an_id_that_a_spreadsheet_would_compute_joins_as_it_was(kind: str, identity: str, tmp_path: Path) -> None:
    rows = [{**ROWS[0], "id": identity, "store": "-Oslo", "title": ""}, {**ROWS[7], "id": "8", "title": ""}]
    scored = write(tmp_path / f"scored.{kind}", rows)
    first, _ = open_scored(scored, DEFAULT).rows()
    assert (first.source.fields["id"], first.source.fields["store"]) == (identity, "-Oslo")
    assert [item.id for item in read_items(scored, DEFAULT)[0]] == [identity, "8"]
    found = read_review_rows(scored, parts_of(DEFAULT), by=["store"])
    assert [one.groups for one in found.reviews] == [("-Oslo",), ("Oslo",)]
    texts = tiny.write_jsonl(
        tmp_path / "texts.jsonl", [{"id": identity, "text": "Helt topp"}, {"id": "8", "text": "Bra"}]
    )
    made = tmp_path / "texts.csv"
    write_csv(made, [{**rows[0], "review": "- topp"}, rows[1]])  # of which a table marks the id too
    for path, text in ((texts, "Helt topp"), (made, "- topp")):
        pool = read_pool(scored, DEFAULT, texts=path)
        assert pool.reviews[0].text == text and len(pool.reviews) == 2


def test_suggestions_of_a_marked_result_are_unmarked_where_nothing_computes(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    scored = write(tmp_path / "scored.csv", [{**ROWS[0], "id": "-abc1", "store": "=Oslo", "title": ""}])
    for name in ("next.jsonl", "next.csv"):
        assert main(["suggest", str(scored), "--budget", "1", "--output", str(tmp_path / name)]) == 0
    record = json.loads((tmp_path / "next.jsonl").read_text("utf-8"))
    assert (record["id"], record["store"]) == ("-abc1", "=Oslo")
    assert "'-abc1" in (tmp_path / "next.csv").read_text("utf-8-sig")


DAMAGED = ["oops", "7", "-0.1", "inf", "0.8 %", "yes"]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("cell", DAMAGED)
def test_a_damaged_confidence_is_named_and_costs_its_row(
    kind: str, cell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = {**ROWS[0], "cx_confidence": cell, "title": ""}
    scored = write(tmp_path / f"scored.{kind}", [damaged, *ROWS[3:5], ROWS[7]])
    rows = list(open_scored(scored, DEFAULT).rows())
    assert [one.status for one in rows] == [
        Status.UNKNOWN, Status.NOT_SCORED, Status.NOT_SCORED, Status.LABELLED
    ]  # fmt: skip
    assert rows[0].prediction is None and rows[0].problem is not None
    assert rows[0].problem.reason == "a confidence that is no number from 0 to 1"
    assert [one.problem for one in rows[1:]] == [None] * 3
    items, problems = read_items(scored, DEFAULT)
    assert [item.predicted for item in items] == [False, False, False, True] and not items[0].labels
    assert len(problems) == 1
    alone = write(tmp_path / f"alone.{kind}", [damaged])
    with pytest.raises(DataError, match=r"none of the 1 labelled rows has a confidence .*score it anew"):
        list(open_scored(alone, DEFAULT).rows())
    figures = tmp_path / "report.json"
    page = ["--output", str(tmp_path / "r.html"), "--without-text", "--no-evidence", "--json", str(figures)]
    assert main(["report", str(scored), *page]) == 1
    assert "a confidence that is no number from 0 to 1" in capsys.readouterr().err
    assert json.loads(figures.read_text("utf-8"))["trust"]["unknown"] == 1


def test_confidences_as_people_and_programs_write_them(tmp_path: Path) -> None:
    cells = ["0,8", " 1 ", "0.81234567891", "1e-1", 0, 1, math.nan, None, " "]
    reader = LabelReader(TOY, ["cx_confidence"], "cx_")
    found = [reader.confidence({"cx_confidence": cell}) for cell in cells]
    numbers = [0.8, 1.0, 0.81234567891, 0.1, 0.0, 1.0, None, None, None]
    assert found == [(number, False) for number in numbers]
    wrong = [*DAMAGED, True, [0.8], {}, 1.01, math.inf, "nan"]
    assert {reader.confidence({"cx_confidence": cell}) for cell in wrong} == {(None, True)}


def test_broken_rows_count_in_no_share(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scored = write(tmp_path / "scored.jsonl")
    with scored.open("a", encoding="utf-8") as file:
        file.write("no JSON\n" * 8)
    found = read_review_rows(scored, parts_of(DEFAULT))
    assert (found.n_rows, len(found.problems)) == (8, 2 + 8)
    drift = tmp_path / "drift.json"
    assert main(["monitor", str(scored), str(scored), "--min-reviews", "2", "--json", str(drift), "--all"]) == 0
    assert capsys.readouterr().err.count("not a JSON object") == 16
    told = json.loads(drift.read_text("utf-8"))
    assert (told["new"]["rows"], told["new"]["unread"]) == (8, 2)
    assert {one["n_new"] for one in told["findings"] if one["group"] == "flags"} <= {8}


@pytest.mark.parametrize("name", ["mine.csv", "mine.jsonl", "mine.json"])
def test_a_confidence_alone_is_nobodys_score(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    records = [{"text": "Pakken kom aldri fram", "sentiment": "negative", "confidence": 0.9}]
    if name == "mine.csv":
        path.write_text("text,sentiment,confidence\nPakken kom aldri fram,negative,0.9\n", "utf-8")
    else:
        path.write_text(json.dumps(records if name == "mine.json" else records[0]) + "\n", "utf-8")
    with pytest.raises(DataError, match="expected a file that cxnlp score wrote; score it first"):
        open_scored(path, DEFAULT)
    (item,), problems = read_items(path, DEFAULT)
    assert (item.predicted, item.confidence, problems) == (False, None, [])
    assert item.labels == ({} if name == "mine.csv" else {"sentiment": "negative"})


def test_a_persons_labels_stay_among_a_models(tmp_path: Path) -> None:
    labelled = {"id": "p", "text": "Helt topp", "sentiment": "positive", "phases": ["use"], "annotator": "anna"}
    scored = tiny.write_jsonl(tmp_path / "both.jsonl", [as_record(ROWS[0]), labelled])
    out = tmp_path / "tasks.json"
    assert main(["labels", "export", str(scored), "--to", "label-studio", "--output", str(out)]) == 0
    model, person = json.loads(out.read_text("ascii"))
    assert "predictions" in model and "annotations" not in model
    assert "annotations" in person and "predictions" not in person


def test_a_result_that_was_scored_again_has_the_labels_of_the_last_time(tmp_path: Path) -> None:
    old = {"sentiment": "negative", "touchpoints": "", "phases": "use", "confidence": "0.1", "flags": "empty"}
    again = write_csv(tmp_path / "again.csv", [{**ROWS[7], **old}])
    (found,) = open_scored(again, DEFAULT).rows()
    assert found.prediction is not None and found.prediction.labels["sentiment"] == "positive"
    former = {f"cx_{name}": value for name, value in old.items()}
    lines = tiny.write_jsonl(tmp_path / "again.jsonl", [{**former, **as_record(ROWS[7])}])
    (found,) = open_scored(lines, DEFAULT).rows()
    assert found.prediction is not None and found.prediction.labels["sentiment"] == "positive"


def test_a_file_of_another_model_or_of_none_is_refused(tmp_path: Path) -> None:
    scored = write(tmp_path / "scored.csv")
    with pytest.raises(DataError, match="no column cx_mood, cx_parts, cx_when, expected those of the taxonomy 'toy'"):
        open_scored(scored, TOY)
    strange = tiny.write_jsonl(tmp_path / "s.jsonl", [as_record(ROWS[6])] * 3)
    with pytest.raises(
        DataError, match=r"none of the 3 labelled rows has labels of the taxonomy .* name it with --model"
    ):
        list(open_scored(strange, DEFAULT).rows())
    (tmp_path / "plain.csv").write_text("review\nPakken kom aldri fram\n", "utf-8")
    for options in (ReadingOptions(), ReadingOptions(text_column="")):
        with pytest.raises(DataError, match="expected a file that cxnlp score wrote; score it first"):
            open_scored(tmp_path / "plain.csv", DEFAULT, options)
    with pytest.raises(DataError, match=r"none\.csv"):
        open_scored(tmp_path / "none.csv", DEFAULT, ReadingOptions(text_column=""))


def test_an_option_that_names_a_bundle_elsewhere_is_none_of_labels_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["labels", "export", "x.jsonl", "--to", "xlsx", "--output", str(tmp_path / "x"), "--model", "bundle"])
    assert "unrecognized arguments: --model" in capsys.readouterr().err


@st.composite
def predictions(draw: st.DrawFn) -> Prediction:
    polarity = st.sampled_from(["minus", "plus"])
    labels: dict[str, FacetValue] = {
        "mood": draw(st.sampled_from(["bad", "good"])),
        "parts": draw(st.dictionaries(st.sampled_from(["door", "roof"]), polarity)),
        "when": tuple(draw(st.lists(st.sampled_from(["before", "during", "after"]), unique=True, min_size=1))),
    }
    flags = draw(st.lists(st.sampled_from(["truncated", "needs_review", "other_language"]), unique=True))
    return Prediction(TOY, labels, {}, draw(st.integers(0, 10_000)) / 10_000, tuple(flags), "no")


@given(predictions())
def test_cells_and_records_are_read_as_they_were_meant(said: Prediction) -> None:
    record: dict[str, Any] = {name: list(v) if isinstance(v, tuple) else v for name, v in said.labels.items()}
    record |= {"confidence": said.confidence, "flags": list(said.flags), "language": "no"}
    made: list[tuple[str, Mapping[str, Any]]] = [("cx_", cells(TOY, said, said.flags)), ("", record)]
    for prefix, fields in made:
        reader = LabelReader(TOY, list(fields), prefix)
        assert reader.labels(fields) == (said.labels, "")
        assert (reader.confidence(fields), reader.flags(fields)) == ((said.confidence, False), said.flags)


JUNK = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8) | st.sampled_from(["door", "bad"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(["cx_", ""]), st.data())
def test_whatever_a_cell_holds_is_read_or_unknown(prefix: str, data: st.DataObject) -> None:
    names = [*(name.removeprefix("cx_") for name in cell_columns(TOY)), "probabilities", "evidence", "evidence_offsets"]
    fields = {prefix + name: data.draw(JUNK) for name in names}
    reader = LabelReader(TOY, list(fields), prefix)
    labels, wrong = reader.labels(fields)
    assert wrong in ("", *labels.keys() ^ {"mood", "parts", "when"})
    for name, value in labels.items():
        assert set([value] if isinstance(value, str) else value) <= set(TOY[name].labels)
    confidence, damaged = reader.confidence(fields)
    assert not damaged if confidence is not None and 0 <= confidence <= 1 else confidence is None
    assert all(
        re.fullmatch("[a-z_]{2,30}", word) for word in (*reader.flags(fields), reader.language(fields) or "none")
    )
    reader.scores(fields), reader.probabilities(fields), reader.evidence(fields, "door")


def test_unfinished_responses_that_were_scored_count(tmp_path: Path) -> None:
    answer: Row = {"Status": "IP Address", "RecordedDate": "2026-03-02"}
    survey = [row(i, **answer, ResponseId=f"R_{i}", Finished=done) for i, done in enumerate(("True", "False"))]
    scored = write_csv(tmp_path / "scored.csv", survey)
    assert len(list(read_rows(open_table(scored)))) == 1  # as a survey to score, it has one
    assert len(list(open_scored(scored, DEFAULT).rows())) == 2
    assert len(read_items(scored, DEFAULT)[0]) == 2
