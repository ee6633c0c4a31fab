"""Files that cannot be what they say, or would fill the memory: refused with a reason, or read with a flag."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from cxnlp.data.tables import ReadingOptions, open_table, read_rows
from cxnlp.errors import DataError
from test_readers import peak, workbook

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
SHEET = "xl/worksheets/sheet1.xml"


def refused(path: Path) -> str:
    with pytest.raises(DataError) as caught:
        open_table(path)
    assert str(caught.value).startswith(f"{path}: ")
    return str(caught.value)


def good(folder: Path) -> Path:
    return workbook(folder / "w.xlsx", [["nr", "review"], *([i, f"omtale {i}"] for i in range(300))])


def repacked(path: Path, name: str, data: bytes) -> Path:
    """Replace a part of a workbook."""
    with zipfile.ZipFile(path) as old:
        parts = {part: old.read(part) for part in old.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for part, content in (parts | {name: data}).items():
            new.writestr(part, content)
    return path


def test_an_encrypted_workbook_and_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "w.xlsx"
    path.write_bytes(OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le") + b"\0" * 600)
    assert "protected by a password; open it in Excel, take the password off" in refused(path)
    path.write_bytes(OLE + b"\0" * 1200)
    assert "of the old kind (.xls); save it as .xlsx" in refused(path)
    path.write_bytes(b"nr;review\n1;fin\n")
    assert "is not an XLSX workbook; if it is text" in refused(path)


@pytest.mark.parametrize("part", [0.05, 0.5, 0.9, 0.999])
def test_a_truncated_workbook(tmp_path: Path, part: float) -> None:
    path = good(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    assert "cut off or damaged" in refused(path)


@pytest.mark.parametrize("place", [0.2, 0.4, 0.6, 0.8])
def test_a_workbook_with_changed_bytes_is_refused_or_read(tmp_path: Path, place: float) -> None:
    path = good(tmp_path)
    data = bytearray(path.read_bytes())
    for i in range(8):
        data[int(len(data) * place) + i] ^= 0x5A
    path.write_bytes(data)
    try:
        open_table(path)
    except DataError as error:
        assert "damaged" in str(error)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = repacked(good(tmp_path), "xl/media/image1.png", b"\0" * 60_000_000)
    assert path.stat().st_size < 200_000
    assert "times as large unpacked, expected at most 200 times" in refused(path)


def test_a_zip_bomb_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    path = repacked(good(tmp_path), SHEET, b"\0" * 60_000_000)
    data = path.read_bytes()
    # Both the header beside the part and the directory at the end are told that it is small.
    path.write_bytes(data.replace((60_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little")))
    assert "cut off or damaged" in refused(path)


def test_parts_that_are_large_together_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = good(tmp_path)
    monkeypatch.setattr("cxnlp.data.workbook_check.MAX_BYTES", 5_000)
    assert "GB unpacked, expected at most" in refused(path)


@pytest.mark.parametrize(
    "cell",
    [
        '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
        "<row r='1048576'><c r = 'ZZ9'/></row>",
        '<row><c r="A99999999999999"><v>1</v></c></row>',
        '<row><c r="XF&#68;1048576"><v>1</v></c></row>',
    ],
)
def test_two_cells_at_the_ends_of_a_sheet_are_refused(tmp_path: Path, cell: str) -> None:
    path = good(tmp_path)
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read(SHEET).decode()
    repacked(path, SHEET, sheet.replace("</sheetData>", f"{cell}</sheetData>").encode())
    assert "columns, expected at most 50,000,000 cells; delete what lies far" in refused(path)


@pytest.mark.parametrize("damage", ["</row>", "<v>0</v>", 'r="A2"', "<sheetData>"])
def test_a_sheet_that_is_malformed_is_refused(tmp_path: Path, damage: str) -> None:
    path = good(tmp_path)
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read(SHEET).decode()
    assert damage in sheet
    repacked(
        path, SHEET, sheet.replace(damage, {"<v>0</v>": "<v>9999</v>", 'r="A2"': 'r="2A"'}.get(damage, "<")).encode()
    )
    assert "the workbook is damaged" in refused(path)


def test_a_zip_that_is_no_workbook(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.xlsx", "w") as archive:
        archive.writestr("a.txt", "hei")
    assert "the workbook is damaged" in refused(tmp_path / "w.xlsx")


def test_a_parquet_with_a_wrong_footer(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    path = tmp_path / "r.parquet"
    parquet.write_table(pyarrow.table({"review": ["fin", "god"]}), path)
    data = path.read_bytes()
    for damaged in (data[:-4] + b"PAR2", data[:-8] + b"\xff\xff\xff\x7fPAR1", data[:-20], b"PAR1", b"review\nfin\n"):
        path.write_bytes(damaged)
        assert "not a whole Parquet file" in refused(path)


def test_a_parquet_with_a_damaged_page(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    path = tmp_path / "r.parquet"
    texts = [f"omtale {i} {i * 7919 % 1013}" for i in range(2000)]
    parquet.write_table(pyarrow.table({"review": texts}), path, use_dictionary=False, compression="snappy")
    data = bytearray(path.read_bytes())
    data[4:60] = b"\xff" * 56
    path.write_bytes(data)
    assert "not a whole Parquet file" in refused(path)


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    path.write_bytes(b"PAR1")
    code = (
        "import sys; sys.modules['pyarrow'] = None; from pathlib import Path\n"
        "from cxnlp.data.tables import open_table; from cxnlp.errors import BackendError\n"
        f"try:\n    open_table(Path({str(path)!r}))\nexcept BackendError as error:\n    print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith('Parquet needs pyarrow: pip install "cxnlp[parquet]"')


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is not told there")
def test_a_line_of_100_mb_is_cut_and_flagged_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    with path.open("wb") as file:
        file.write(b"id;review\n1;fin\n2;")
        for _ in range(100):
            file.write(b"meget lang " * 90_910)
        file.write(b"\n3;god\n")
    assert path.stat().st_size > 100_000_000
    table = open_table(path)
    rows = list(read_rows(table))
    assert [(row.fields["id"], row.flags) for row in rows] == [("1", ()), ("2", ("long_line",)), ("3", ())]
    assert len(rows[1].text) == 16_000_000 - len("2;")
    assert rows[1].problem == "a line of more than 16 million characters; what is beyond was cut off"
    del rows
    assert peak(path)[1] < 300


@pytest.mark.parametrize("rest", ["\n", "\r\n", "\r", '"\r\n'])
def test_a_long_line_with_any_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rest: str) -> None:
    monkeypatch.setattr("cxnlp.data.encodings.MAX_LINE_CHARS", 100)
    path = tmp_path / "r.csv"
    quote = '"' if rest.startswith('"') else ""
    end = rest.lstrip('"')
    for length in (94, 95, 96, 97, 98, 99, 100, 101, 102, 198, 199, 200, 201, 202, 350):
        lines = ["id;review", f"1;{quote}{'x' * length}{rest.removesuffix(end)}", "2;god", "3;fin", ""]
        path.write_bytes(end.join(lines).encode())
        rows = list(read_rows(open_table(path)))
        assert [row.fields["id"] for row in rows] == ["1", "2", "3"], length
        assert ("long_line" in rows[0].flags) == (length + 2 + 2 * len(quote) > 100), length
        assert rows[0].text.strip('"') == "x" * min(length, 98 - len(quote))
        assert [row.line for row in rows] == [2, 3, 4], length


def test_a_long_line_of_json_is_broken_and_the_others_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxnlp.data.encodings.MAX_LINE_CHARS", 100)
    path = tmp_path / "r.jsonl"
    path.write_text('{"review": "fin"}\n{"review": "' + "x" * 200 + '"}\n{"review": "god"}\n', "utf-8")
    rows = list(read_rows(open_table(path)))
    assert [(row.line, row.text, row.flags) for row in rows] == [
        (1, "fin", ()),
        (2, "", ("broken_line",)),
        (3, "god", ()),
    ]


def test_two_encodings_in_one_file_flag_the_rows_of_the_lesser(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    utf8, cp1252 = "1;blåbær på fjøla\n".encode(), "2;rømmegrøt\n".encode("cp1252")
    path.write_bytes(b"id;review\n" + utf8 * 3 + cp1252 + utf8)
    rows = list(read_rows(open_table(path)))
    assert [row.flags for row in rows] == [(), (), (), ("invalid_bytes",), ()]
    assert [row.text for row in rows][3:] == ["r\ufffdmmegr\ufffdt", "blåbær på fjøla"]
    path.write_bytes(b"id;review\n" + cp1252 * 3 + utf8)
    rows = list(read_rows(open_table(path)))
    assert [row.text for row in rows][:3] == ["rømmegrøt"] * 3
    assert len(rows) == 4


def test_two_thousand_columns(tmp_path: Path) -> None:
    names = [f"q{i}" for i in range(1999)]
    path = tmp_path / "r.csv"
    path.write_text(";".join([*names, "kommentar"]) + "\n" + ";".join([*["1"] * 1999, "fin"]) + "\n", "utf-8")
    table = open_table(path)
    assert (len(table.columns), table.text_column) == (2000, "kommentar")
    assert [row.text for row in read_rows(table)] == ["fin"]
    path.write_text(";" * 1998 + "kommentar\n" + "1;" * 1998 + "fin\n", "utf-8")
    assert len(set(open_table(path).columns)) == 1999
    wide = workbook(tmp_path / "w.xlsx", [[*names, "kommentar"], [*range(1999), "fin"]])
    assert [row.text for row in read_rows(open_table(wide))] == ["fin"]


@pytest.mark.parametrize("name", ["r.csv", "w.xlsx"])
def test_duplicate_column_names_keep_their_cells(tmp_path: Path, name: str) -> None:
    rows = [["review", "id", "id", "review"], ["fin", "1", "2", "fin igjen"]]
    if name == "w.xlsx":
        path = workbook(tmp_path / name, rows)
    else:
        path = tmp_path / name
        path.write_text("\n".join(map(";".join, rows)), "utf-8")
    table = open_table(path)
    (row,) = read_rows(table)
    assert (table.columns, table.carried) == (("review", "id", "id_2", "review_2"),) * 2
    assert (list(row.fields.values()), row.text) == (rows[1], "fin")


def test_a_column_named_like_ours_has_no_role(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    path.write_text("cx_language,cx_sentiment,svar,cx_flags\nsv,positive,ganske fint,\n", "utf-8")
    table = open_table(path)
    (row,) = read_rows(table)
    assert (dict(table.roles), row.text, row.language) == ({"text": "svar"}, "ganske fint", "")
    assert open_table(path, ReadingOptions(text_column="cx_sentiment")).text_column == "cx_sentiment"
