"""Results that people open: cells that would run as formulas, workbooks and their limits, typed columns."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import zipfile
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.data import write_xlsx
from cxnlp.data.kinds import Column, add_kinds, as_text, common_kind
from cxnlp.data.safe import runs_as_formula, safe_cell
from cxnlp.data.tables import open_table
from cxnlp.data.write_lines import CsvWriter
from cxnlp.errors import DataError
from cxnlp.inference.hooks import Hooks
from cxnlp.inference.options import ScoreOptions, Watch
from cxnlp.inference.score import score_file
from cxnlp.inference.tally import ScoreSummary
from fake_tagger import FakeTagger

openpyxl = pytest.importorskip("openpyxl")

FORMULAS = [
    "=1+1", "=HYPERLINK(\"http://x\")", "+1+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=", "@", "-2+3|cmd",
    "+47 22 33 44 55 ring", "＝1+1", "- dårlig mat", "-cmd", "+", "-5x", "--1",
]  # fmt: skip
PLAIN = [
    "", "-5", "+5", "-5.25", "-5,25", "-1.234,50", "-1 234", "+4722334455", "-12%", "-.5", "-", "--", "a=1", " =1",
    "'=1", "bra", "5-3", "1+1",
]  # fmt: skip


@pytest.mark.parametrize("cell", FORMULAS)
def test_a_formula_is_made_safe(cell: str) -> None:
    assert safe_cell(cell) == "'" + cell


@pytest.mark.parametrize("cell", PLAIN)
def test_numbers_and_other_text_stay(cell: str) -> None:
    assert safe_cell(cell) == cell


@given(st.text())
def test_what_is_made_safe_is_safe_and_stays_as_it_is(cell: str) -> None:
    made = safe_cell(cell)
    assert not runs_as_formula(made)
    assert safe_cell(made) == made
    assert made.removeprefix("'") == cell.removeprefix("'")


def write(folder: Path, text: str, name: str = "in.csv") -> Path:
    (folder / name).write_text(text, "utf-8")
    return folder / name


def score(folder: Path, source: Path, name: str, **options: object) -> ScoreSummary:
    return score_file(FakeTagger(), open_table(source), folder / name, options=ScoreOptions(**options))


def test_csv_for_a_spreadsheet(tmp_path: Path) -> None:
    source = write(tmp_path, 'id;=cmd;review\n"=1+1";-5;-fin mat\n2;@x;ok\n')
    summary = score(tmp_path, source, "out.csv", decimal=",")
    data = (tmp_path / "out.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    header, first, second = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=";")
    assert header[:3] == ["id", "'=cmd", "review"]
    assert (first[:3], second[:3]) == (["'=1+1", "-5", "'-fin mat"], ["2", "'@x", "ok"])
    score_of, confidence = header.index("cx_sentiment_score"), header.index("cx_confidence")
    made = FakeTagger().tag(["-fin mat"])[0]  # the model reads the text as it is
    assert first[confidence] == f"{made.confidence:.4f}".replace(".", ",")
    assert "," in first[score_of] and "." not in first[score_of]
    assert summary.notes == ("4 cells would run as a formula in a spreadsheet; an apostrophe (') was put before each",)


def test_csv_for_a_program(tmp_path: Path) -> None:
    source = write(tmp_path, "id;review\n1;bra, men dyrt\n")
    score(tmp_path, source, "out.csv", bom=False, delimiter="\t")
    data = (tmp_path / "out.csv").read_bytes()
    assert data.startswith(b"id\treview\tcx_language\t")
    score(tmp_path, source, "out.csv", format="tsv")
    assert (tmp_path / "out.csv").read_bytes() == b"\xef\xbb\xbf" + data


def test_jsonl_is_as_it_was(tmp_path: Path) -> None:
    score(tmp_path, write(tmp_path, "id,review\n=1,-fin mat\n"), "out.jsonl")
    record = json.loads((tmp_path / "out.jsonl").read_text("utf-8"))
    assert (record["id"], record["review"], record["text"]) == ("=1", "-fin mat", "-fin mat")


def test_numbers_of_a_csv() -> None:
    file = io.StringIO(newline="")
    writer = CsvWriter(file, [Column("a", "a"), Column("b", "b", decimals=2)], ";", ",")
    writer.write([1.5, -0.126])
    writer.write([-3, None])
    writer.write([True, math.inf])
    writer.write([date(2026, 4, 3), datetime(2026, 4, 3, 12, 30)])
    assert writer.close() == ()
    assert file.getvalue() == "a;b\r\n1,5;-0,13\r\n-3;\r\ntrue;inf\r\n2026-04-03;2026-04-03 12:30:00\r\n"


def sheets(path: Path) -> dict[str, list[tuple[object, ...]]]:
    book = openpyxl.load_workbook(path)
    return {sheet.title: list(sheet.iter_rows(values_only=True)) for sheet in book}


def test_a_workbook(tmp_path: Path) -> None:
    texts = ["fin mat", "=1+1", "-5", "_x0041_ \x0b <r>", "<r>&</r>", "lang  linje\r\n👍 ", "0047"]
    buffer = io.StringIO()
    csv.writer(buffer).writerows([["id", "review"], *enumerate(texts)])
    source = tmp_path / "in.csv"
    source.write_bytes(buffer.getvalue().encode())
    summary = score(tmp_path, source, "out.xlsx")
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    (sheet,) = book
    assert (sheet.title, sheet.freeze_panes, sheet.auto_filter.ref) == ("Reviews", "A2", "A1:K8")
    assert sheet["A1"].font.bold
    assert 8 <= sheet.column_dimensions["B"].width <= 61
    found = [row[1].value for row in sheet.iter_rows(min_row=2)]
    assert [openpyxl.utils.escape.unescape(text) for text in found] == [
        text if text != "<r>&</r>" else " <r>&</r>" for text in texts
    ]
    assert all(row[1].data_type == "s" for row in sheet.iter_rows(min_row=2))  # text, and no formula
    assert [row[1].quotePrefix for row in sheet.iter_rows(min_row=2)] == [False, True, *[False] * 5]
    made = FakeTagger().tag(["fin mat"])[0]
    header = [cell.value for cell in sheet[1]]
    assert sheet[2][header.index("cx_confidence")].value == round(made.confidence, 4)  # a number
    assert sheet[2][header.index("cx_confidence")].number_format == "0.0000"
    assert summary.notes == ()
    score(tmp_path, source, "again.xlsx")
    assert (tmp_path / "again.xlsx").read_bytes() == (tmp_path / "out.xlsx").read_bytes()
    assert zipfile.ZipFile(tmp_path / "out.xlsx").testzip() is None


def test_values_of_a_workbook_keep_their_types(tmp_path: Path) -> None:
    columns = [Column("a", "a")]
    moment = datetime(2026, 4, 3, 12, 30)
    values = [1, 2.5, True, moment, date(2026, 4, 3), 2**60, math.nan, {"a": 1}, None, date(1800, 1, 1), "\ud800\uffff"]
    writer = write_xlsx.XlsxWriter(tmp_path / "a.xlsx", columns)
    for value in values:
        writer.write([value])
    writer.close()
    found = [row[0] for row in sheets(tmp_path / "a.xlsx")["Reviews"]]
    assert found == [
        "a", 1, 2.5, True, moment, datetime(2026, 4, 3), str(2**60), "NaN", '{"a": 1}', None, "1800-01-01",
        "\ufffd\ufffd",
    ]  # fmt: skip


def test_more_rows_than_a_sheet_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_xlsx, "MAX_ROWS", 4)
    summary = score(tmp_path, write(tmp_path, "id,review\n" + "".join(f"{i},nr {i}\n" for i in range(7))), "out.xlsx")
    found = sheets(tmp_path / "out.xlsx")
    assert {name: [row[0] for row in rows] for name, rows in found.items()} == {
        "Reviews": ["id", "0", "1", "2"],
        "Reviews 2": ["id", "3", "4", "5"],
        "Reviews 3": ["id", "6"],
    }
    assert summary.notes == ("more rows than a sheet holds: they go on in 3 sheets",)
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    assert [(sheet.freeze_panes, sheet.auto_filter.ref[-1]) for sheet in book] == [
        ("A2", "4"),
        ("A2", "4"),
        ("A2", "2"),
    ]


def test_a_text_longer_than_a_cell_holds(tmp_path: Path) -> None:
    long = "".join(f"ord{i} 👍" for i in range(9_000))
    source = write(tmp_path, f'id,review\n1,kort\n2,"{long}"\n3,{"x" * 32_766}\n4,{"y" * 32_767}\n')
    summary = score(tmp_path, source, "out.xlsx")
    found = sheets(tmp_path / "out.xlsx")
    main, (header, *rest) = found["Reviews"], found["Long cells"]
    assert header == ("sheet", "row", "column", "part", "text")
    parts = [row for row in rest if row[1] == 3]
    assert [row[:4] for row in parts] == [("Reviews", 3, "review", i + 2) for i in range(len(parts))]
    assert main[2][1] + "".join(row[4] for row in parts) == long
    assert main[3][1] == "x" * 32_766
    assert main[4][1] + rest[-1][4] == "y" * 32_767
    cells = [cell for rows in found.values() for row in rows for cell in row if isinstance(cell, str)]
    assert max(len(cell.encode("utf-16-le")) // 2 for cell in cells) <= 32_767
    assert summary.notes == ('2 texts longer than a cell holds: the rest is in the sheet "Long cells"',)


@given(st.text(st.sampled_from("a👍 ="), min_size=0, max_size=60), st.integers(3, 9))
def test_pieces_of_a_long_text(text: str, limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write_xlsx, "MAX_CELL_UNITS", limit)
        pieces = write_xlsx.split_cell(text)
    assert "".join(pieces) == text
    assert all(len(piece.encode("utf-16-le")) // 2 <= limit for piece in pieces)


def test_too_many_columns_for_a_workbook(tmp_path: Path) -> None:
    columns = [Column(str(i), str(i)) for i in range(16_385)]
    with pytest.raises(DataError, match="16,385 columns, a workbook holds 16,384"):
        write_xlsx.XlsxWriter(tmp_path / "a.xlsx", columns)


def test_parquet_has_types(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    lines = [
        {"text": "fin", "n": 1, "x": 1, "ok": True, "mixed": 1, "tags": ["a"], "big": 2**70},
        {"text": "=grei", "n": None, "x": 2.5, "ok": False, "mixed": "a", "big": 1},
    ]
    source = write(tmp_path, "".join(json.dumps(line) + "\n" for line in lines), "in.jsonl")
    score(tmp_path, source, "out.parquet")
    table = pq.read_table(tmp_path / "out.parquet")
    types = {field.name: str(field.type) for field in table.schema}
    assert types | {
        "text": "string", "n": "int64", "x": "double", "ok": "bool", "mixed": "string", "tags": "string",
        "big": "string", "cx_sentiment": "string", "cx_sentiment_score": "double", "cx_confidence": "double",
    } == types  # fmt: skip
    first, second = table.to_pylist()
    assert (first["n"], first["x"], first["mixed"], first["tags"], first["big"]) == (1, 1.0, "1", '["a"]', str(2**70))
    assert (second["text"], second["n"], second["tags"]) == ("=grei", None, None)  # no spreadsheet, no formula
    assert first["cx_confidence"] == round(FakeTagger().tag(["fin"])[0].confidence, 4)


def test_parquet_in_row_groups_with_unique_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("cxnlp.data.write_parquet._GROUP_ROWS", 1_000)
    source = write(tmp_path, "review,n,n\n" + "".join(f"nr {i},{i},x\n" for i in range(2_500)))
    score(tmp_path, source, "out.parquet")
    found = pq.ParquetFile(tmp_path / "out.parquet")
    assert [found.metadata.row_group(i).num_rows for i in range(found.num_row_groups)] == [1_000, 1_000, 500]
    names = found.schema_arrow.names
    assert len(set(names)) == len(names) == 3 + 9
    assert found.read().column("n").to_pylist() == [str(i) for i in range(2_500)]


def test_dates_of_parquet_stay_dates(tmp_path: Path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    day, moment = date(2026, 4, 3), datetime(2026, 4, 3, 12, 30, 15)
    columns = {
        "review": pa.array(["fin", "grei", ""]),
        "day": pa.array([day, None, date(1800, 1, 1)]),
        "moment": pa.array([moment, datetime(1900, 1, 1), None], pa.timestamp("ns")),
        "zone": pa.array([moment, None, None], pa.timestamp("us", "UTC")),
    }
    pq.write_table(pa.table(columns), tmp_path / "in.parquet")
    for name in ("out.parquet", "out.xlsx", "out.csv", "out.jsonl"):
        score_file(FakeTagger(), open_table(tmp_path / "in.parquet"), tmp_path / name, hooks=Hooks(mask=hide_digits))
    found = pq.read_table(tmp_path / "out.parquet")
    types = [str(found.schema.field(name).type) for name in ("day", "moment", "zone")]
    assert types == ["date32[day]", "timestamp[us]", "string"]
    assert found["day"].to_pylist() == columns["day"].to_pylist()
    assert found["moment"].to_pylist() == [moment, datetime(1900, 1, 1), None]
    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    rows = list(book["Reviews"].iter_rows(min_row=2, values_only=True))
    assert [row[1] for row in rows] == [datetime(2026, 4, 3), None, "1800-01-01"]
    assert [row[2] for row in rows][::2] == [moment, None]
    assert [book["Reviews"].column_dimensions[name].width >= width for name, width in (("B", 11), ("C", 20))] == [
        True
    ] * 2
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as file:
        first, *_, last = csv.DictReader(file)
    assert [first[name] for name in ("day", "moment", "zone")] == [
        "2026-04-03", "2026-04-03 12:30:15", "####-##-## ##:##:##+##:##",
    ]  # fmt: skip
    assert (last["day"], last["moment"]) == ("1800-01-01", "")
    record = json.loads((tmp_path / "out.jsonl").read_text("utf-8").splitlines()[0])
    assert (record["day"], record["moment"]) == ("2026-04-03", "2026-04-03 12:30:15")


def hide_digits(text: str) -> str:
    return re.sub("[0-9]", "#", text)


@pytest.mark.parametrize("name", ["out.parquet", "out.xlsx"])
def test_a_run_with_dates_goes_on_to_the_same_bytes(tmp_path: Path, name: str) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    days = pa.array([date(2026, 4, 3), None])
    pq.write_table(pa.table({"review": ["fin", "grei"], "day": days}), tmp_path / "in.parquet")

    class Stopped(Watch):
        def phase(self, name: str, n_rows: int | None) -> None:
            if name == "writing":
                raise KeyboardInterrupt

    table = open_table(tmp_path / "in.parquet")
    score_file(FakeTagger(), table, tmp_path / f"whole_{name}")
    with pytest.raises(KeyboardInterrupt):
        score_file(FakeTagger(), table, tmp_path / name, watch=Stopped())
    assert score_file(FakeTagger(), table, tmp_path / name).n_kept == 2
    assert (tmp_path / name).read_bytes() == (tmp_path / f"whole_{name}").read_bytes()


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxnlp.inference.paths.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r'pip install "cxnlp\[parquet\]"'):
        score(tmp_path, write(tmp_path, "id,review\n1,a\n"), "out.parquet")


def test_kinds_of_values() -> None:
    kinds: dict[str, set[str]] = {}
    add_kinds(kinds, {"a": 1, "b": "x", "c": None, "d": "", "e": datetime(2026, 1, 1)})
    add_kinds(kinds, {"a": 1.5, "b": True, "c": None, "d": 2, "e": date(2026, 1, 1)})
    assert {name: common_kind(found) for name, found in kinds.items()} == {
        "a": "float", "b": "text", "d": "int", "e": "text",
    }  # fmt: skip
    assert as_text(b"x") == "b'x'"
