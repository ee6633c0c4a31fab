"""Workbooks to label in: what is written, what people do to them, and what comes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import given, settings

import tiny
from cxnlp.cli.main import main
from cxnlp.loop.sheet import EXACT, id_of_cell, id_to_cell
from cxnlp.loop.sheet_read import read_sheet
from cxnlp.loop.sheet_write import write_sheet
from cxnlp.taxonomy import Taxonomy
from labels_random import assert_same, items_of, labelled

TOY = tiny.toy_taxonomy()  # mood bad good, parts door roof with view minus plus, when (first) before during after
TITLES = ["id", "text", "mood", "parts", "parts: door", "parts: roof", "first", "when: before", "when: during",
          "when: after", "lang"]  # fmt: skip
RECORDS = [
    {
        "id": "a",
        "lang": "no",
        "text": "Fin dør",
        "mood": "good",
        "parts": {"door": "plus"},
        "when": ["during", "before"],
    },
    {"id": "b", "lang": "da", "text": "Intet om døre", "mood": "bad", "parts": {}},
    {"id": "c", "lang": "sv", "text": "Tak och dörr", "parts": {"door": None, "roof": "minus"}},
    {"id": "d", "lang": "en", "text": "Nobody has read this"},
]  # fmt: skip


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text(TOY.source, "utf-8")
    return path


def export(tmp_path: Path, toml: Path, records: list[dict[str, Any]], *more: str) -> Path:
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
    out = tmp_path / "label.xlsx"
    arguments = ["labels", "export", str(tmp_path / "in.jsonl"), "--to", "xlsx", "--output", str(out)]
    assert main([*arguments, "--taxonomy", str(toml), *more]) == 0
    return out


def load(tmp_path: Path, toml: Path, book: Path, *more: str) -> tuple[int, list[dict[str, Any]]]:
    out = tmp_path / "labels.jsonl"
    arguments = ["labels", "import", str(book), "--from", "xlsx", "--output", str(out), "--taxonomy", str(toml)]
    code = main([*arguments, *more])
    return code, [json.loads(line) for line in out.read_text("utf-8").split("\n")[:-1]]


def predicted(record: dict[str, Any]) -> dict[str, Any]:
    labels = {"mood": "bad", "parts": {}, "when": ["after"]}
    return {**labels, **record, "confidence": 0.7, "flags": []}


def test_the_sheet_as_a_person_sees_it(tmp_path: Path, toml: Path) -> None:
    book = openpyxl.load_workbook(export(tmp_path, toml, RECORDS))
    assert book.sheetnames == ["Reviews", "Labels", "Exact texts"]
    sheet = book["Reviews"]
    rows = list(sheet.iter_rows(values_only=True))
    assert list(rows[0]) == TITLES
    assert rows[1] == ("a", "Fin dør", "good", None, "plus", None, "during", "x", "x", None, "no")
    assert rows[2] == ("b", "Intet om døre", "bad", "none", *[None] * 6, "da")
    assert rows[3] == ("c", "Tak och dörr", None, None, "x", "minus", *[None] * 4, "sv")
    assert rows[4] == ("d", "Nobody has read this", *[None] * 8, "en")
    assert sheet.freeze_panes == "C2"
    assert sheet["B2"].alignment.wrap_text


def drop_downs(book: Any) -> dict[str, list[str]]:
    """Column title to the options that its drop-down offers."""
    sheet = book["Reviews"]
    found = {}
    for validation in sheet.data_validations.dataValidation:
        (area,) = validation.sqref.ranges
        assert (area.min_row, area.max_row) == (2, sheet.max_row)
        source = validation.formula1
        if source.startswith('"'):
            options = source.strip('"').split(",")
        else:
            name, _, cells = source.partition("!")
            options = [cell[0].value for cell in book[name][cells.replace("$", "")]]
        found[sheet.cell(1, area.min_col).value] = options
    return found


def test_every_cell_of_a_label_has_a_drop_down_with_its_options(tmp_path: Path, toml: Path) -> None:
    found = drop_downs(openpyxl.load_workbook(export(tmp_path, toml, RECORDS)))
    assert found == {
        "mood": ["bad", "good"],
        "parts": ["none"],
        "parts: door": ["minus", "plus", "x"],
        "parts: roof": ["minus", "plus", "x"],
        "first": ["before", "during", "after"],
        "when: before": ["x"],
        "when: during": ["x"],
        "when: after": ["x"],
    }


def test_definitions_of_the_guidelines_stand_beside_the_labels(tmp_path: Path) -> None:
    tiny.write_jsonl(tmp_path / "in.jsonl", [{"id": 1, "text": "Bra"}])
    guidelines = tiny.REPOSITORY / "data" / "annotation-guidelines.md"
    out = tmp_path / "label.xlsx"
    arguments = ["labels", "export", str(tmp_path / "in.jsonl"), "--to", "xlsx", "--output", str(out)]
    assert main([*arguments, "--guidelines", str(guidelines)]) == 0
    rows = list(openpyxl.load_workbook(out)["Labels"].iter_rows(values_only=True))
    meaning = {(facet, label): text for facet, label, text in rows}
    assert meaning["touchpoints", "phone"] == "telephone contact, waiting on hold, call-backs"
    assert meaning["phases", "retention"].startswith("comes back, is a regular")
    assert meaning["sentiment", "mixed"].startswith("real praise and real criticism")
    assert meaning["polarity", "negative"] is None  # the table of sentiments is not that of polarities
    assert len(rows) == 1 + 4 + 19 + 4 + 7  # "none" of touchpoints, "x" of polarity


def test_labels_come_back_and_what_is_unknown_stays_unknown(tmp_path: Path, toml: Path) -> None:
    code, back = load(tmp_path, toml, export(tmp_path, toml, RECORDS))
    assert (code, back) == (0, RECORDS)


def test_what_a_model_filled_in_counts_only_once_a_person_has_seen_it(
    tmp_path: Path, toml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export(tmp_path, toml, [predicted(record) for record in RECORDS[:2]])
    assert load(tmp_path, toml, path)[1] == [{"id": r["id"], "lang": r["lang"], "text": r["text"]} for r in RECORDS[:2]]
    assert '2 rows without a mark under "done?"' in capsys.readouterr().err
    book = openpyxl.load_workbook(path)
    assert [cell.value for cell in book["Reviews"][1]][:3] == ["id", "text", "done?"]
    assert drop_downs(book)["done?"] == ["x"]
    book["Reviews"]["C3"] = "X"
    book["Reviews"]["D3"] = "good"  # the model said bad
    book.save(path)
    assert load(tmp_path, toml, path)[1][1] == {**RECORDS[1], "mood": "good", "when": ["after"]}
    assert load(tmp_path, toml, path, "--only-labelled")[1] == [{**RECORDS[1], "mood": "good", "when": ["after"]}]
    assert load(tmp_path, toml, path, "--all-rows")[1][0] == RECORDS[0]


def test_without_labels_a_scored_file_is_exported_blind(tmp_path: Path, toml: Path) -> None:
    path = export(tmp_path, toml, [predicted(record) for record in RECORDS if record["id"] != "c"], "--labels", "none")
    rows = list(openpyxl.load_workbook(path)["Reviews"].iter_rows(values_only=True))
    assert list(rows[0]) == TITLES
    assert all(set(row[2:-1]) == {None} for row in rows[1:])


def test_what_people_do_to_sheets(tmp_path: Path, toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = export(tmp_path, toml, [{**r, "text": f"{r['text']} {i}"} for i, r in enumerate(RECORDS * 2)
                                   for r in [{**r, "id": f"{r['id']}{i}"}]])  # fmt: skip
    book = openpyxl.load_workbook(path)
    sheet = book["Reviews"]
    rows = [list(row) for row in sheet.iter_rows(min_row=2, values_only=True)]
    del rows[3]  # d3
    rows.reverse()  # sorted anew: d7 c6 b5 a4 c2 b1 a0
    rows[0][2] = " GOOD  "
    rows[1][4] = "Plus"
    rows[2][3] = "X"  # a mark in place of "none"
    rows[3][7] = "maybe"  # in a column that takes a mark only
    rows[4][5] = "mynus"
    rows[5][2] = "goood"
    rows.append([None] * 11)
    rows.append([None, "Skrevet til"])
    rows.append([*rows[6]])  # copied
    sheet.delete_rows(1, sheet.max_row)
    sheet.append([*(f"{title.upper()} " for title in TITLES), "my notes"])
    for row in rows:
        sheet.append([*row, "ask Bo"])
    book.save(path)
    code, back = load(tmp_path, toml, path)
    assert code == 1
    found = {record.pop("id"): record for record in back}
    assert list(found) == ["d7", "c6", "b5", "a4", "c2", "b1", "a0"]
    assert found["d7"] == {"lang": "en", "text": "Nobody has read this 7", "mood": "good"}
    assert found["c6"]["parts"] == {"door": "plus", "roof": "minus"}
    assert found["b5"]["parts"] == {}
    assert found["a4"] == {"lang": "no", "text": "Fin dør 4", "mood": "good", "parts": {"door": "plus"}}
    assert found["c2"] == {"lang": "sv", "text": "Tak och dörr 2"}  # a part of a facet is not the facet
    assert found["b1"] == {"lang": "da", "text": "Intet om døre 1", "parts": {}}
    err = capsys.readouterr().err
    for line in (
        'row 5: column "when: before": neither "x" nor empty',
        "row 6: unknown polarity 'mynus' of 'roof', expected one of minus, plus; did you mean 'minus'?",
        "row 7: unknown label 'goood' in mood; did you mean 'good'?",
        'row 10: no "id"',
        "row 11: an id that stands above already",
    ):
        assert line in err
    assert err.count(", row ") == 5, err
    assert not any(text in err for text in ("Fin", "Tak", "Intet", "Nobody", "Skrevet"))


def test_words_of_the_language_are_told_with_the_nearest_label(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny.write_jsonl(tmp_path / "in.jsonl", [{"id": i, "text": "Helt greit"} for i in range(3)])
    path = tmp_path / "label.xlsx"
    assert main(["labels", "export", str(tmp_path / "in.jsonl"), "--to", "xlsx", "--output", str(path)]) == 0
    book = openpyxl.load_workbook(path)
    for row, word in ((2, "negativ"), (3, "nøytral"), (4, "Helt greit, men ikke noe som jeg ville ha kjøpt igjen")):
        book["Reviews"].cell(row, 3).value = word
    book.save(path)
    out = tmp_path / "labels.jsonl"
    assert main(["labels", "import", str(path), "--from", "xlsx", "--output", str(out)]) == 1
    err = capsys.readouterr().err
    assert "row 2: unknown label 'negativ' in sentiment; did you mean 'negative'?" in err
    assert "row 3: unknown label 'nøytral' in sentiment; did you mean 'neutral'?" in err
    assert "row 4: unknown label of 53 characters" in err and "igjen" not in err
    assert [json.loads(line) for line in out.read_text("utf-8").split("\n")[:-1]] == [
        {"id": str(i), "text": "Helt greit"} for i in range(3)
    ]


def test_a_column_that_was_removed_leaves_its_facet_unknown(
    tmp_path: Path, toml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = export(tmp_path, toml, RECORDS)
    book = openpyxl.load_workbook(path)
    book["Reviews"].delete_cols(TITLES.index("parts: roof") + 1)
    book.save(path)
    code, back = load(tmp_path, toml, path)
    assert code == 1
    assert [set(record) - {"id", "lang", "text"} for record in back] == [{"mood", "when"}, {"mood"}, set(), set()]
    assert "no column 'parts: roof', so that parts is unknown in every row" in capsys.readouterr().err


def test_marks_that_contradict_each_other(tmp_path: Path, toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = export(tmp_path, toml, RECORDS)
    book = openpyxl.load_workbook(path)
    book["Reviews"]["D2"] = "none"  # beside a door
    book["Reviews"]["G2"] = None  # two phases and no main one
    book["Reviews"]["G4"] = "after"  # a main one without its own mark is meant
    book.save(path)
    code, back = load(tmp_path, toml, path)
    assert (code, back[0]) == (1, {"id": "a", "lang": "no", "text": "Fin dør", "mood": "good"})
    assert back[2]["when"] == ["after"]
    err = capsys.readouterr().err
    assert 'row 2: parts has labels and "none of these"' in err
    assert "row 2: when has 2 labels and none under first" in err


@pytest.mark.parametrize("text", ["=1+1", "+47 12 34 56 78 er opptatt", "@SUM(A1)", "-Bra butikk", "\t=cmd", "＝1"])
def test_no_text_runs_as_a_formula(text: str, tmp_path: Path, toml: Path) -> None:
    path = export(tmp_path, toml, [{"id": "=2+2", "text": text}])
    sheet = openpyxl.load_workbook(path)["Reviews"]
    for cell in (sheet["A2"], sheet["B2"]):
        assert cell.data_type == "s" and cell.quotePrefix
    assert load(tmp_path, toml, path)[1] == [{"id": "=2+2", "text": text}]


@pytest.mark.parametrize(
    "text", ["a\x01b", "a\r\nb", "_x0041_", "<r>b</r>", "\ud800 half", "a\ufffe", "å🙂" * 20_000, "\x7f", "\x85"]
)
def test_what_a_cell_cannot_hold_stands_whole_in_a_sheet_of_its_own(text: str, tmp_path: Path, toml: Path) -> None:
    path = export(tmp_path, toml, [{"id": f"{text[:40]}", "text": text}, {"id": "b", "text": "plain"}])
    book = openpyxl.load_workbook(path)
    parts = [row[2] for row in book[EXACT].iter_rows(min_row=2, values_only=True)]
    assert json.loads("".join(parts)) == text
    assert all(part.isascii() and len(part) <= 30_000 for part in parts)
    book.save(path)  # by a program that writes such signs in another way
    back = load(tmp_path, toml, path)[1]
    assert [(record["id"], record["text"]) for record in back] == [(text[:40], text), ("b", "plain")]


def test_texts_count_as_shown_where_the_sheet_of_exact_ones_was_removed(tmp_path: Path, toml: Path) -> None:
    path = export(tmp_path, toml, [{"id": "a", "text": "line\r\nline"}])
    book = openpyxl.load_workbook(path)
    del book[EXACT]
    book["Reviews"]["B2"] = "line\nline"
    book.save(path)
    assert load(tmp_path, toml, path)[1] == [{"id": "a", "text": "line\nline"}]


@pytest.mark.parametrize("identity", ["", " a", "007", '"quoted"', "a\nb", "x" * 300, "=1", "å🙂", "\x00", '"'])
def test_ids_survive_cells(identity: str) -> None:
    cell = id_to_cell(identity)
    assert cell == cell.strip() and cell.isprintable()
    assert id_of_cell(cell) == identity


@given(labelled())
@settings(max_examples=25)
def test_a_round_trip_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: tuple[Taxonomy, list[dict[str, Any]]]
) -> None:
    taxonomy, records = data
    folder = tmp_path_factory.mktemp("sheet")
    items = items_of(folder / "in.jsonl", taxonomy, records)
    write_sheet(folder / "a.xlsx", taxonomy, items, {})
    assert_same(taxonomy, items, read_sheet(folder / "a.xlsx", taxonomy))


def test_the_same_reviews_give_the_same_bytes_and_nothing_half_written(
    tmp_path: Path, toml: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = export(tmp_path, toml, RECORDS).read_bytes()
    assert export(tmp_path, toml, RECORDS).read_bytes() == first

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cxnlp.loop.sheet_write.close_book", fail)
    arguments = ["labels", "export", str(tmp_path / "in.jsonl"), "--to", "xlsx", "--taxonomy", str(toml)]
    assert main([*arguments, "--output", str(tmp_path / "label.xlsx")]) == 2
    assert (tmp_path / "label.xlsx").read_bytes() == first
    assert not [path for path in tmp_path.iterdir() if "part" in path.name]


def test_files_that_cannot_be_used(tmp_path: Path, toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = export(tmp_path, toml, RECORDS)
    out = str(tmp_path / "labels.jsonl")
    tail = ["--from", "xlsx", "--taxonomy", str(toml), "--output"]
    for name, content, said in (
        ("none.xlsx", None, "none.xlsx"),
        ("a.csv", "id,text\n1,Bra\n", "is no workbook"),
        ("b.xlsx", "PK", "damaged"),
    ):
        if content is not None:
            (tmp_path / name).write_text(content, "utf-8")
        assert main(["labels", "import", str(tmp_path / name), *tail, out]) == 2
        assert said in capsys.readouterr().err
    assert main(["labels", "import", str(path), "--sheet", "Labels", *tail, out]) == 2
    assert 'no columns "id" and "text" in sheet "Labels"' in capsys.readouterr().err
    assert main(["labels", "import", str(path), *tail, str(path)]) == 2
    assert "would overwrite" in capsys.readouterr().err
    assert not Path(out).exists()
