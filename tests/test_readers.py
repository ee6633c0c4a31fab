"""Reading workbooks, JSON, Parquet, packed files and standard input as a user has them."""

from __future__ import annotations

import csv
import datetime
import gzip
import io
import json
import os
import signal
import string
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxnlp.data.tables import ReadingOptions, Row, Table, open_table, read_rows
from cxnlp.errors import DataError

xlsxwriter = pytest.importorskip("xlsxwriter")
NORDIC = string.ascii_letters + string.digits + " .!?æøåÆØÅäöÄÖé–«»€’;,\t\"'\n"


def read(path: Path, options: ReadingOptions | None = None) -> tuple[Table, list[Row]]:
    table = open_table(path, options or ReadingOptions())
    rows = list(read_rows(table))
    assert table.n_rows == len(rows)
    return table, rows


def workbook(path: Path, rows: list[list[Any]], sheet: str = "Ark1", top: int = 0, left: int = 0) -> Path:
    with xlsxwriter.Workbook(str(path)) as book:
        page = book.add_worksheet(sheet)
        day = book.add_format({"num_format": "dd.mm.yyyy"})
        for i, row in enumerate(rows, top):
            for j, cell in enumerate(row, left):
                if isinstance(cell, str):
                    page.write_string(i, j, cell)
                elif isinstance(cell, bool):
                    page.write_boolean(i, j, cell)
                elif isinstance(cell, datetime.date):
                    page.write_datetime(i, j, datetime.datetime(cell.year, cell.month, cell.day), day)
                elif cell is not None:
                    page.write_number(i, j, cell)
    return path


def excel_csv(rows: list[list[str]], delimiter: str) -> str:
    """Write as Excel does: CR LF between rows, LF within cells, quotes only where a cell needs them."""
    lines = []
    for row in rows:
        cells = [
            '"' + cell.replace('"', '""') + '"' if any(c in cell for c in (delimiter, '"', "\n")) else cell
            for cell in row
        ]
        lines.append(delimiter.join(cells) + "\r\n")
    return "".join(lines)


def cells(alphabet: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[str]]]:
    return st.lists(st.lists(st.text(alphabet, max_size=15), min_size=3, max_size=3), min_size=1, max_size=8)


NORDIC_CELLS = cells(st.sampled_from(NORDIC))
ANY_CELLS = cells(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n"))


@given(
    st.one_of(
        st.tuples(NORDIC_CELLS, st.just(";"), st.sampled_from(["cp1252", "utf-8-sig"])),
        st.tuples(ANY_CELLS, st.sampled_from(";,"), st.just("utf-8-sig")),  # "CSV UTF-8"
        st.tuples(ANY_CELLS, st.just("\t"), st.just("utf-16")),  # "Unicode text"
    ),
    st.booleans(),
)
def test_what_excel_writes_comes_back_cell_by_cell(made: tuple[list[list[str]], str, str], separator: bool) -> None:
    rows, delimiter, codec = made
    text = excel_csv([["Løpenr", "Kommentar", "Hva var bra?"], *rows], delimiter)
    if separator and codec != "utf-16":
        text = f"sep={delimiter}\r\n{text}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "excel.csv")
        path.write_bytes(text.encode(codec))
        table, found = read(path, ReadingOptions(format="generic"))
    assert (table.delimiter, table.text_column) == (delimiter, "Kommentar")
    assert [list(row.fields.values()) for row in found] == rows
    assert all(row.flags == () for row in found)


plain_cells = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=20),
    st.integers(-(2**40), 2**40),
    st.floats(-1e6, 1e6).map(lambda x: round(x, 6) + 0.0),
    st.booleans(),
    st.dates(datetime.date(1950, 1, 1), datetime.date(2100, 1, 1)),
)


@settings(max_examples=25)
@given(st.lists(st.lists(plain_cells, min_size=2, max_size=2), min_size=1, max_size=6), st.integers(0, 3))
def test_what_is_in_a_workbook_comes_back_cell_by_cell(rows: list[list[Any]], offset: int) -> None:
    written = [[f"id{i}", *row] for i, row in enumerate(rows)]
    with tempfile.TemporaryDirectory() as folder:
        path = workbook(Path(folder, "w.xlsx"), [["nr", "review", "x"], *written], top=offset, left=offset)
        table, found = read(path)
    assert (table.kind, table.columns, table.delimiter) == ("xlsx", ("nr", "review", "x"), "")
    expected = [[str(c) if isinstance(c, datetime.date) else c for c in row] for row in written]
    # A date has no time of day here, and a whole number no point.
    assert [list(row.fields.values()) for row in found] == expected
    assert [row.line for row in found] == list(range(offset + 2, offset + 2 + len(rows)))


def test_a_workbook_with_a_heading_above_and_several_sheets(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(str(tmp_path / "w.xlsx")) as book:
        book.add_worksheet("Tom")
        hidden = book.add_worksheet("Skjult")
        hidden.write_row(0, 0, ["review", "nei"])
        hidden.hide()
        page = book.add_worksheet("Svar")
        page.write(0, 0, "Omtaler mars 2026")
        page.write_row(2, 0, ["nr", "omtale", "karakter"])
        page.write_row(3, 0, [1, "Fin butikk", 5])
        page.write_row(6, 0, [2, 100, 1])
        book.add_worksheet("Mer").write_row(0, 0, ["review", "n"])
    table, rows = read(tmp_path / "w.xlsx")
    assert [(row.line, row.text, row.rating) for row in rows] == [(4, "Fin butikk", 1.0), (7, "100", -1.0)]
    assert table.decisions[:2] == (
        'Workbook: sheet "Svar", header in row 3.',
        "Sheets not read: Tom, Skjult, Mer; --sheet takes another.",
    )
    with pytest.raises(DataError, match=r"no sheet 'svar'; the sheets are: Tom, Skjult, Svar, Mer; did you mean"):
        open_table(tmp_path / "w.xlsx", ReadingOptions(sheet="svar"))
    with pytest.raises(DataError, match="a header and no rows"):
        open_table(tmp_path / "w.xlsx", ReadingOptions(sheet="Mer"))
    with pytest.raises(DataError, match='no text in sheet "Tom"'):
        open_table(tmp_path / "w.xlsx", ReadingOptions(sheet="Tom"))


RECORDS = [{"id": 1, "review": "blå", "n": 0.5, "big": 2**70}, {"review": "NA", "tags": ["a", {"b": None}]}, {"id": 3}]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize(
    "wrap",
    [lambda x: x, lambda x: {"reviews": x}, lambda x: {"meta": {"n": [1]}, "page": {"answers": x}}, lambda x: {"x": x}],
)
def test_json_in_its_forms_and_encodings(tmp_path: Path, codec: str, wrap: Any) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(json.dumps(wrap(RECORDS), ensure_ascii=False, indent=1).encode(codec))
    table, rows = read(path)
    assert [dict(row.fields) for row in rows] == RECORDS
    assert [row.text for row in rows] == ["blå", "NA", ""]
    assert (table.kind, table.is_json, table.columns) == ("json", True, ("id", "review", "n", "big", "tags"))


def test_a_json_list_with_other_items_keeps_its_good_ones(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    deep = "[" * 200 + "]" * 200
    path.write_text('[{"review": "fin"}, 5, null, {"review": "god"}, {"review": "x", "d": ' + deep + "}]", "utf-8")
    _, rows = read(path)
    assert [(row.text, row.flags) for row in rows] == [
        ("fin", ()),
        ("", ("broken_line",)),
        ("", ("broken_line",)),
        ("god", ()),
        ("", ("broken_line",)),
    ]
    assert rows[1].problem == "a JSON int, expected an object"


def test_bytes_that_are_not_text_are_flagged_in_a_json_list(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes('[{"review": "blåbær"}, {"review": "f'.encode() + b"\xff" + b'n"}, {"review": "ok"}]')
    _, rows = read(path)
    assert [(row.text, row.flags) for row in rows] == [("blåbær", ()), ("f\ufffdn", ("invalid_bytes",)), ("ok", ())]


@pytest.mark.parametrize(
    "text", ['[{"review": "hemmelig"}, {"review": "he', '[{"review": "hemmelig"} {', "[}", '{"a": 1']
)
def test_json_that_is_cut_off_is_refused_without_its_text(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.json").write_text(text, "utf-8")
    with pytest.raises(DataError, match="not valid JSON") as caught:
        open_table(tmp_path / "r.json")
    assert "hemmelig" not in str(caught.value)


def test_json_without_a_list_or_with_several(tmp_path: Path) -> None:
    for text, message in [
        ('{"a": {"b": [1, 2]},\n"c": 2}', "no list of objects"),
        ('{"a": [{"x": 1}], "b": [{"x": 1}]}', r"several lists of objects \(a, b\)"),
        ("[1, 2]", "no list of objects"),
        ("[]", "no list of objects"),
        ('[{"a": 1}]', "no column is surely the text"),
    ]:
        (tmp_path / "r.json").write_text(text, "utf-8")
        with pytest.raises(DataError, match=message):
            open_table(tmp_path / "r.json")


def test_lines_that_are_called_json_are_read_as_lines(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('{"review": "fin"}\n{"review": "god"}\n', "utf-8")
    table, rows = read(tmp_path / "r.json")
    assert (table.kind, [row.text for row in rows]) == ("jsonl", ["fin", "god"])


def test_parquet_with_its_types(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    columns = {
        "nr": [1, 2, None],
        "review": ["NA", None, "fin"],
        "stars": [5.0, float("nan"), 1.5],
        "when": [datetime.datetime(2026, 4, 3, 10), None, datetime.datetime(2026, 4, 4)],
        "tags": [["a"], [], None],
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "r.parquet", row_group_size=2)
    table, rows = read(tmp_path / "r.parquet")
    assert (table.kind, table.columns) == ("parquet", tuple(columns))
    assert [(row.line, row.text, row.rating) for row in rows] == [(1, "NA", 1.0), (2, "", None), (3, "fin", -0.75)]
    assert rows[0].fields["when"] == "2026-04-03 10:00:00"
    assert [row.fields["tags"] for row in rows] == [["a"], [], None]
    json.dumps([row.fields for row in rows], allow_nan=False)


TABLE = "id;review\r\n1;Blåbær, takk\r\n2;NA\r\n".encode()


def test_packed_text_is_read_as_it_is(tmp_path: Path) -> None:
    for name, data in [
        ("r.csv.gz", TABLE),
        ("r.gz", TABLE),
        ("r.jsonl.gz", b'{"review": "Bl\xc3\xa5b\xc3\xa6r, takk"}'),
    ]:
        (tmp_path / name).write_bytes(gzip.compress(data))
        assert read(tmp_path / name)[1][0].text == "Blåbær, takk"


@pytest.mark.parametrize(
    "damage", [lambda b: b[:-12], lambda b: b[:40] + b"\0\0\0\0" + b[44:], lambda b: b[:-8] + b"x" * 8]
)
def test_a_damaged_gz_is_refused(tmp_path: Path, damage: Any) -> None:
    noise = b"".join(b"%d;tekst %d\n" % (i, i * 7919 % 997) for i in range(500))
    (tmp_path / "r.csv.gz").write_bytes(damage(gzip.compress(b"id;review\n" + noise)))
    with pytest.raises(DataError, match="the gzip file is damaged or cut off"):
        open_table(tmp_path / "r.csv.gz")


class Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (TABLE, "delimited"),
        (gzip.compress(TABLE), "delimited"),
        ("id;review\r\n1;Blåbær, takk\r\n2;NA\r\n".encode("utf-16"), "delimited"),
        ('{"review": "Blåbær, takk"}\n{"review": "NA"}'.encode(), "jsonl"),
        ('[{"review": "Blåbær, takk"}, {"review": "NA"}]'.encode("utf-8-sig"), "json"),
    ],
)
def test_standard_input(monkeypatch: pytest.MonkeyPatch, data: bytes, kind: str) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(data))
    table, rows = read(Path("-"))
    assert (table.kind, [row.text for row in rows]) == (kind, ["Blåbær, takk", "NA"])
    assert [row.text for row in read_rows(table)] == ["Blåbær, takk", "NA"]


def test_a_workbook_or_nothing_from_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = workbook(tmp_path / "w.xlsx", [["nr", "review"], [1, "fin"]]).read_bytes()
    monkeypatch.setattr(sys, "stdin", Stdin(data))
    assert [row.text for row in read(Path("-"))[1]] == ["fin"]
    monkeypatch.setattr(sys, "stdin", Stdin(b""))
    with pytest.raises(DataError, match="standard input is empty"):
        open_table(Path("-"))


@pytest.mark.skipif(sys.platform == "win32", reason="a file in use has a name there")
def test_nothing_of_standard_input_stays_behind_when_killed(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    code = "import sys; from cxnlp.cli.main import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "columns", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as process:
        assert process.stdin
        process.stdin.write(TABLE * 100_000)
        process.stdin.flush()
        links = Path(f"/proc/{process.pid}/fd")
        deadline = time.monotonic() + 60
        while not any(str(tmp_path) in os.readlink(link) for link in links.iterdir()) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert time.monotonic() < deadline  # it was being kept there
        assert list(tmp_path.iterdir()) == []  # under no name
        process.send_signal(signal.SIGKILL)
    assert list(tmp_path.iterdir()) == []


def test_two_readings_of_one_source_do_not_disturb_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "".join(f"{i};tekst {i}\n" for i in range(30_000))
    monkeypatch.setattr(sys, "stdin", Stdin(f"id;review\n{body}".encode()))
    table = open_table(Path("-"))
    assert all(a.text == b.text for a, b in zip(read_rows(table), read_rows(table), strict=True))


SCRIPT = """
import sys
from pathlib import Path
from cxnlp.data.tables import open_table, read_rows
table = open_table(Path(sys.argv[1]))
n = sum(1 for row in read_rows(table))
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(n, status["VmHWM"].split()[0])
"""


def peak(path: Path) -> tuple[int, float]:
    """Give the rows read and the peak memory in MB of a program that reads the file."""
    done = subprocess.run([sys.executable, "-c", SCRIPT, str(path)], capture_output=True, text=True, check=True)
    n_rows, size = map(int, done.stdout.split())
    return n_rows, size / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is not told there")
def test_nanoseconds_of_parquet_are_cut_to_microseconds(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet as parquet

    def column(type_: pyarrow.DataType) -> pyarrow.Array:
        return pyarrow.array([1_700_000_000_123_456_789 % (86_400 * 10**9), None], type_)

    columns = {
        "review": ["Fin butikk", "Treg app"],
        "at": column(pyarrow.timestamp("ns")),
        "zoned": column(pyarrow.timestamp("ns", "Europe/Oslo")),
        "clock": column(pyarrow.time64("ns")),
        "took": column(pyarrow.duration("ns")),
    }
    parquet.write_table(pyarrow.table(columns), tmp_path / "r.parquet")
    _, rows = read(tmp_path / "r.parquet")
    first, second = (row.fields for row in rows)
    assert first["at"] == "1970-01-01 22:13:20.123456"
    assert first["zoned"] == "1970-01-01 23:13:20.123456+01:00"
    assert first["clock"] == "22:13:20.123456"
    assert first["took"] == "22:13:20.123456"
    assert not any(second[name] for name in ("at", "zoned", "clock", "took"))


@pytest.mark.parametrize("name", ["r.csv", "r.csv.gz", "r.jsonl", "r.json", "r.parquet"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, name: str) -> None:
    sizes = {}
    for n_rows in (8_000, 40_000):
        path = tmp_path / name
        rows = [
            {"id": i, "review": f"En ganske vanlig omtale nummer {i} " * 5, "stars": i % 5 + 1} for i in range(n_rows)
        ]
        if name.endswith("parquet"):
            pyarrow = pytest.importorskip("pyarrow")
            import pyarrow.parquet as parquet

            parquet.write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=1000)
        else:
            buffer = io.StringIO(newline="")
            if "csv" in name:
                csv.writer(buffer).writerows([["id", "review", "stars"], *(row.values() for row in rows)])
            elif name == "r.json":
                json.dump(rows, buffer)
            else:
                buffer.writelines(json.dumps(row) + "\n" for row in rows)
            data = buffer.getvalue().encode()
            path.write_bytes(gzip.compress(data, 1) if name.endswith("gz") else data)
        found, sizes[n_rows] = peak(path)
        assert found == n_rows
    # The larger file is 8 MB more of text; a reader that kept its rows would need several times that.
    assert sizes[40_000] < 1.15 * sizes[8_000]
