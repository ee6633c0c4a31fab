"""Reading files of reviews: encodings, delimiters, quotes, columns."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.data.delimited import records
from cxnlp.data.encodings import LONG_MARK, find_encoding, text_lines
from cxnlp.data.source import open_source
from cxnlp.data.tables import ReadingOptions, Row, Table, open_table, read_rows
from cxnlp.errors import DataError

NORDIC = "abc dxyz ABC åäöøæ ÅÄÖØÆ é 0123"
CODECS = {"utf-8": "utf-8", "utf-8-sig": "utf-8-sig", "utf-16": "utf-16", "utf-16-le": "utf-16-le", "cp1252": "cp1252"}


def write(folder: Path, text: str | bytes, name: str = "reviews.csv", codec: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode(codec))
    return path


def read(path: Path, **options: str) -> tuple[Table, list[Row]]:
    table = open_table(path, ReadingOptions(**options))
    rows = list(read_rows(table))
    assert table.n_rows == len(rows)
    return table, rows


@pytest.mark.parametrize("delimiter", [";", ",", "\t", "|"])
@pytest.mark.parametrize("codec", CODECS)
def test_every_encoding_and_delimiter_is_found(tmp_path: Path, codec: str, delimiter: str) -> None:
    lines = ["id", "1"], ["review", 'Størst på "søte" blåbær;\r\nog, ærlig\ttalt | billig'], ["rating", "5"]
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(zip(*lines, strict=True))
    table, rows = read(write(tmp_path, buffer.getvalue(), codec=codec))
    assert (table.encoding.codec, table.delimiter, table.text_column) == (CODECS[codec], delimiter, "review")
    assert [row.text for row in rows] == [lines[1][1]]
    assert rows[0].fields == {"id": "1", "review": lines[1][1], "rating": "5"}
    assert rows[0].flags == ()


def tables(alphabet: st.SearchStrategy[str]) -> st.SearchStrategy[list[list[str]]]:
    cells = st.text(alphabet, max_size=12)
    return st.lists(st.lists(cells, min_size=3, max_size=3), min_size=1, max_size=8)


@given(
    tables(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), st.sampled_from(";,\t|"), st.booleans()
)
def test_any_table_of_unicode_cells_is_read_back(cells: list[list[str]], delimiter: str, quote_all: bool) -> None:
    check_round_trip(cells, delimiter, quote_all, ["utf-8", "utf-8-sig", "utf-16"])


@given(tables(st.sampled_from(NORDIC + "\n\r\"';,\t|")), st.sampled_from(";,\t|"), st.booleans())
def test_any_table_of_nordic_cells_is_read_back(cells: list[list[str]], delimiter: str, quote_all: bool) -> None:
    check_round_trip(cells, delimiter, quote_all, ["utf-8", "utf-16", "utf-16-le", "cp1252"])


def check_round_trip(cells: list[list[str]], delimiter: str, quote_all: bool, codecs: list[str]) -> None:
    import tempfile

    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL)
    writer.writerows([["id", "review", "rating"], *cells])
    with tempfile.TemporaryDirectory() as folder:
        for codec in codecs:
            table, rows = read(write(Path(folder), buffer.getvalue(), codec=codec))
            assert table.delimiter == delimiter
            assert [list(row.fields.values()) for row in rows] == cells
            assert all(row.flags == () for row in rows)


@given(st.lists(st.text(st.sampled_from('ab",;\n\r'), max_size=8), min_size=1, max_size=12))
def test_no_character_but_quotes_is_lost_from_any_text_at_all(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = list(records(io.StringIO(text, newline=""), ","))
    kept = [c for record in found for cell in record.fields for c in cell if c in "ab;"]
    assert kept == [c for c in text if c in "ab;"]
    assert [record.line for record in found] == sorted({record.line for record in found})


def test_a_one_row_windows_1252_file_is_not_taken_for_utf8(tmp_path: Path) -> None:
    table, rows = read(write(tmp_path, "id;review\r\n1;Grøt på boks\r\n", codec="cp1252"))
    assert (table.encoding.name, rows[0].text, rows[0].flags) == ("Windows-1252", "Grøt på boks", ())


def test_utf8_is_checked_beyond_the_first_block(tmp_path: Path) -> None:
    body = b"id;review\n" + b"1;plain words here\n" * 70_000 + "2;blåbær og rømme".encode("cp1252") + b"\n"
    assert len(body) > 1 << 20
    assert find_encoding(open_source(write(tmp_path, body))).codec == "cp1252"


def test_a_character_across_two_blocks_is_valid(tmp_path: Path) -> None:
    body = b"x" * ((1 << 20) - 1) + "å".encode() + b"\n"
    assert find_encoding(open_source(write(tmp_path, body))).codec == "utf-8"


def test_given_encoding_and_delimiter_win(tmp_path: Path) -> None:
    path = write(tmp_path, "a:review\n1:ok så\n", codec="mac-roman")
    table, rows = read(path, encoding="mac-roman", delimiter=":")
    assert (table.encoding.codec, rows[0].text) == ("mac-roman", "ok så")
    with pytest.raises(DataError, match="unknown encoding 'utf-9'"):
        open_table(path, ReadingOptions(encoding="utf-9"))
    with pytest.raises(DataError, match="unknown encoding 'base64'"):
        open_table(path, ReadingOptions(encoding="base64"))
    with pytest.raises(DataError, match="expected one character"):
        open_table(path, ReadingOptions(delimiter="::"))


def test_a_given_encoding_reads_with_and_without_its_mark(tmp_path: Path) -> None:
    for codec, given_name in [("utf-16", "utf-16-le"), ("utf-16-le", "utf-16"), ("utf-8-sig", "utf8")]:
        table, rows = read(write(tmp_path, "review;n\nså bra;1\n", codec=codec), encoding=given_name)
        assert (table.columns, rows[0].text) == (("review", "n"), "så bra")


def test_commas_in_a_header_do_not_beat_the_delimiter(tmp_path: Path) -> None:
    header = "id;What, if anything, should we change?;score\n"
    text = header + "1;More staff in the evening please;3\n2;Nothing, all of it is good;5\n"
    table, rows = read(write(tmp_path, text))
    assert (table.delimiter, table.text_column) == (";", "What, if anything, should we change?")
    assert [row.text for row in rows] == ["More staff in the evening please", "Nothing, all of it is good"]
    assert table.text_column_reason == "the column with the longest texts"


def test_a_comma_in_the_header_alone_divides_nothing(tmp_path: Path) -> None:
    table, rows = read(write(tmp_path, "Words, please\nthe coffee was cold again\nnice people work here\n"))
    assert (table.columns, rows[0].text) == (("Words, please",), "the coffee was cold again")


def test_one_column_keeps_commas_and_blank_lines_between_rows(tmp_path: Path) -> None:
    _, rows = read(write(tmp_path, 'review\nGod, men dyr\n\n"Et ""sitat"", her"\n\n\n'))
    assert [(row.line, row.text, row.flags) for row in rows] == [
        (2, "God, men dyr", ()),
        (3, "", ()),
        (4, 'Et "sitat", her', ()),
    ]


def test_blank_lines_are_no_rows_where_there_are_columns(tmp_path: Path) -> None:
    _, rows = read(write(tmp_path, "\n\nid,review\n\n1,ok\n,\n\n"))
    assert [(row.line, row.text) for row in rows] == [(5, "ok"), (6, "")]


def test_line_numbers_count_lines_within_quotes(tmp_path: Path) -> None:
    _, rows = read(write(tmp_path, 'id,review\r\n1,"a\r\nb\nc"\r\n2,d\r\n'))
    assert [(row.line, row.text) for row in rows] == [(2, "a\r\nb\nc"), (5, "d")]


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (["id", " Review Text ", "review"], "Review Text"),
        (["comment", "Review"], "Review"),
        (["dato", "OMDÖME"], "OMDÖME"),
        (["dato", "anmeldelse"], "anmeldelse"),
        (["reviewText", "n"], "reviewText"),
        (["id", "fri_tekst"], "fri_tekst"),
    ],
)
def test_the_text_column_is_known_by_name(tmp_path: Path, header: list[str], chosen: str) -> None:
    rows = ["x y z"] * len(header)
    table, _ = read(write(tmp_path, ";".join(header) + "\n" + ";".join(rows) + "\n"))
    assert table.text_column == chosen


def test_other_candidates_are_named_and_a_column_of_numbers_is_none(tmp_path: Path) -> None:
    table, _ = read(write(tmp_path, "comment,text\nfine,fine too\n"))
    assert (table.text_column, table.text_column_reason) == ("text", "by its name; others that could be: comment")
    table, _ = read(write(tmp_path, "review,comment\n5,fine\n4,\n"))
    assert (table.text_column, table.text_column_reason) == ("comment", "by its name")


def test_a_named_text_column_wins_and_an_unknown_one_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "review, Answer to it\nfine,thanks\n")
    assert [row.text for row in read(path, text_column="answer to it")[1]] == ["thanks"]
    with pytest.raises(
        DataError, match=r"no column 'reviews'; .*columns are: review, Answer to it; did you mean 'review'"
    ):
        open_table(path, ReadingOptions(text_column="reviews"))


def test_two_long_columns_are_not_guessed_between(tmp_path: Path) -> None:
    row = "one two three four five,one two three four five\n"
    with pytest.raises(DataError, match=r"no column is surely the text .* the columns are: q1, q2"):
        open_table(write(tmp_path, "q1,q2\n" + row))


def test_a_file_without_header_is_refused_without_quoting_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="reads like a text") as caught:
        open_table(write(tmp_path, "Hele leiligheten luktet av kaffe\nOg vi kommer gjerne tilbake hit\n"))
    assert "kaffe" not in str(caught.value)


def test_repeated_and_empty_headers_get_names_of_their_own(tmp_path: Path) -> None:
    table, rows = read(write(tmp_path, "id,,review,id,id_2,\n1,2,hei,4,5,6\n"))
    assert table.header == ("id", "", "review", "id", "id_2", "")
    assert table.columns == ("id", "column_2", "review", "id_3", "id_2", "column_6")
    assert list(rows[0].fields.values()) == ["1", "2", "hei", "4", "5", "6"]


def test_short_and_long_rows_are_flagged_and_keep_everything(tmp_path: Path) -> None:
    _, rows = read(write(tmp_path, "id,review,note\n1,fin\n2,fin,a,b,c\n3,fin,,,\n4,fin,x\n"))
    assert [(list(row.fields.values()), row.flags) for row in rows] == [
        (["1", "fin", ""], ("too_few_fields",)),
        (["2", "fin", "a,b,c"], ("too_many_fields",)),
        (["3", "fin", ""], ()),
        (["4", "fin", "x"], ()),
    ]
    assert rows[1].problem == "5 cells, expected 3; what is too much is in the last cell"


def test_a_quote_left_open_costs_one_row(tmp_path: Path) -> None:
    text = 'id,review,note\n1,"not closed,x\n2,"fine, here",y\n3,plain,z\n4,"never closed\n5,last,w\n'
    _, rows = read(write(tmp_path, text))
    assert [(row.line, list(row.fields.values()), row.flags) for row in rows] == [
        (2, ["1", '"not closed', "x"], ("bad_quotes",)),
        (3, ["2", "fine, here", "y"], ()),
        (4, ["3", "plain", "z"], ()),
        (5, ["4", "never closed", ""], ("bad_quotes", "too_few_fields")),
        (6, ["5", "last", "w"], ()),
    ]


def test_a_stray_quote_inside_quotes_is_flagged_and_kept(tmp_path: Path) -> None:
    _, rows = read(write(tmp_path, 'id,review\n1,"she said "hi" to me"\n2,the 55" one\n'))
    assert [(row.text, row.flags) for row in rows] == [
        ('she said "hi" to me', ("bad_quotes",)),
        ('the 55" one', ()),
    ]


def test_jsonl_keeps_types_order_and_broken_lines(tmp_path: Path) -> None:
    lines = [
        '{"id": 1, "text": "fin", "tags": ["a"]}',
        "{oops",
        "",
        "[1]",
        '{"text": null}',
        '{"text": 7}',
        '{"text": {}}',
    ]
    table, rows = read(write(tmp_path, "\n".join(lines), "reviews.jsonl"))
    assert (table.columns, table.text_column) == (("id", "text", "tags"), "text")
    assert [(row.line, row.text, row.flags) for row in rows] == [
        (1, "fin", ()),
        (2, "", ("broken_line",)),
        (4, "", ("broken_line",)),
        (5, "", ()),
        (6, "7", ()),
        (7, "", ("not_text",)),
    ]
    assert rows[0].fields == {"id": 1, "text": "fin", "tags": ["a"]}
    assert rows[1].fields == {"text": "{oops"}
    assert rows[2].problem == "a JSON list, expected an object"


def test_jsonl_of_absurd_numbers_and_depth_is_broken_not_fatal(tmp_path: Path) -> None:
    lines = ['{"text": "ok"}', '{"text": ' + "9" * 5000 + "}", "[" * 100_000]
    _, rows = read(write(tmp_path, "\n".join(lines), "reviews.ndjson"))
    assert [row.flags for row in rows] == [(), ("broken_line",), ("broken_line",)]


def test_jsonl_in_utf16_and_with_another_text_key(tmp_path: Path) -> None:
    path = write(tmp_path, '{"verbatim": "blå"}\r\n{"verbatim": "rød"}\r\n', "reviews.jsonl", "utf-16")
    assert [row.text for row in read(path)[1]] == ["blå", "rød"]


@given(st.lists(st.sampled_from(["a", "aaaa", "å", "\n", "\r\n", "\r"]), max_size=9))
def test_lines_are_cut_where_they_are_too_long_and_nowhere_else(parts: list[str]) -> None:
    import tempfile

    text = "".join(parts) or "a"
    expected = []
    for line in io.StringIO(text, newline=""):
        body = line.rstrip("\r\n")
        expected.append(line if len(body) <= 5 else f"{body[:5]}{LONG_MARK}\n")
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("cxnlp.data.encodings.MAX_LINE_CHARS", 5)
        source = open_source(write(Path(folder), text))
        assert list(text_lines(source, find_encoding(source, "utf-8"))) == expected


def test_personal_data_inside_an_object_stays_behind(tmp_path: Path) -> None:
    rows = [
        {"review": "Bra", "user": {"name": "Ola", "email": "o@x.no"}, "product": {"name": "Jakke"}},
        {"review": "Fint", "user": {"name": "Kari"}, "product": {"name": "Sko"}},
    ]
    path = tmp_path / "nested.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    assert open_table(path).carried == ("review", "product")
    assert open_table(path, ReadingOptions(keep_personal=True)).carried == ("review", "user", "product")
