"""Known exports: each entry of the table has a fixture, is known by its columns, and is read as a person would."""

from __future__ import annotations

from pathlib import Path

import pytest

from cxnlp.data.formats import FORMATS, recognise
from cxnlp.data.tables import ReadingOptions, Row, Table, open_table, read_rows
from cxnlp.errors import DataError

FIXTURES = {path.stem: path for path in sorted(Path(__file__).with_name("exports").iterdir())}


def read(name: str, options: ReadingOptions | None = None) -> tuple[Table, list[Row]]:
    table = open_table(FIXTURES[name], options or ReadingOptions())
    rows = list(read_rows(table))
    assert table.n_rows == len(rows)
    return table, rows


def said(table: Table, start: str) -> list[str]:
    return [sentence for sentence in table.decisions if sentence.startswith(start)]


def test_every_format_has_a_fixture_and_only_its_own_entry_matches() -> None:
    assert set(FIXTURES) - {"nordic-excel"} == {export.name for export in FORMATS}
    for export in FORMATS:
        if export.refusal:
            continue
        table = open_table(FIXTURES[export.name])
        assert table.format == export.name
        assert [other.name for other in FORMATS if other.matches(table.columns)] == [export.name]


def test_names_are_known_in_any_case_and_with_blanks() -> None:
    assert recognise([" review id", "REVIEW STARS", "Review Content ", "x"]).name == "trustpilot"
    assert recognise(["review", "stars"]).name == "generic"
    with pytest.raises(DataError, match=r"'trustpilott' is not known; did you mean 'trustpilot'\?"):
        recognise([], "trustpilott")


def test_trustpilot() -> None:
    table, rows = read("trustpilot")
    assert [(row.text, row.rating, row.language) for row in rows] == [
        ("Pakken kom aldri frem og ingen svarer på telefon. Skuffet.", -1.0, "no"),
        ("Rigtig god service\nJeg fik hjælp med det samme, og varen var pakket pænt ind.", 1.0, "da"),
        ("NA", 0.0, "sv"),
    ]
    gone = {"Review Consumer User Id", "Review Username", "Review User Email"}
    assert set(table.columns) - set(table.carried) == gone
    assert said(table, "Personal") == [
        "Personal columns not carried to the output: Review Consumer User Id, Review Username, Review User Email "
        "(--keep-personal carries them)."
    ]
    assert said(table, "Text") == ['Text: column "Review Content" (that of Trustpilot service reviews).']
    assert table.roles["id"] == "Review Id"


def test_personal_columns_are_carried_when_asked() -> None:
    table, _ = read("trustpilot", ReadingOptions(keep_personal=True))
    assert table.carried == table.columns
    assert said(table, "Personal") == []


def test_trustpilot_products() -> None:
    table, rows = read("trustpilot-product")
    assert [(row.text, row.rating) for row in rows] == [
        ("Tett og lett, men hetten er for liten.", 0.5),
        ("None", -0.5),
    ]
    assert "consumer_name" not in table.carried


def test_google_play_counts_the_last_edit_of_a_review() -> None:
    table, rows = read("google-play")
    assert table.encoding.name == "UTF-16"
    # AOq1 comes again later; AOq2 comes again further down but was updated earlier; rows alike in all cells are one.
    assert [(row.text, row.rating, row.language) for row in rows] == [
        ("Bästa appen för bussbiljetter", 1.0, "sv"),
        ("Nå virker den igjen, takk!", 0.5, "no"),
        ("Langsom\nDen er blevet meget langsom", -0.5, "da"),
        ("", 0.0, "en"),
    ]
    assert table.left_out == {"earlier version of a review that was edited": 3}
    assert said(table, "Left out") == ["Left out: 3 rows, earlier version of a review that was edited."]


def test_left_out_rows_are_counted_anew_by_each_reading() -> None:
    table, _ = read("google-play")
    assert sum(1 for _ in read_rows(table)) == 4
    assert table.left_out.total() == 3


def test_google_business_scores_what_the_customer_wrote() -> None:
    table, rows = read("google-business")
    assert [(row.text, row.rating) for row in rows] == [
        ("Veldig god mat og hyggelige folk.", 1.0),
        ("Maten var kall.", -0.5),
        ("", 0.0),
    ]
    assert "(Translated by Google)" in rows[0].fields["comment"]
    assert "reviewer" not in table.carried
    assert 'JSON: the objects of the list "reviews".' in table.decisions


def test_app_store_lifts_the_attributes() -> None:
    table, rows = read("app-store")
    assert [(row.text, row.rating) for row in rows] == [
        ("Logger meg ut\nJeg må logge inn på nytt hver eneste dag.", -0.5),
        ("Great app for the bus.", 1.0),
    ]
    assert table.columns == (
        "type", "id", "links", "rating", "title", "body", "reviewerNickname", "createdDate", "territory",
    )  # fmt: skip
    assert "reviewerNickname" not in table.carried


def test_qualtrics_leaves_out_headers_previews_and_unfinished_responses() -> None:
    table, rows = read("qualtrics")
    assert [(row.line, row.text, row.rating, row.language) for row in rows] == [
        (5, "Rask levering og hyggelige folk på kundeservice hele veien", 1.0, "no"),
        (8, "Jag fick vänta i tre veckor på svar från er", -1.0, "sv"),
        (10, "null", 0.0, "no"),
    ]
    assert said(table, "Left out") == [
        "Left out: 2 rows, preview or test response (--keep-unfinished keeps them).",
        "Left out: 1 row, unfinished response (--keep-unfinished keeps them).",
    ]
    assert said(table, "Rating") == ['Rating: column "Q1_NPS", on a scale of 0 to 10, as of NPS.']
    gone = set(table.columns) - set(table.carried)
    assert gone == {
        "IPAddress", "RecipientLastName", "RecipientFirstName", "RecipientEmail", "LocationLatitude",
        "LocationLongitude",
    }  # fmt: skip
    _, everything = read("qualtrics", ReadingOptions(keep_unfinished=True))
    assert len(everything) == 6


@pytest.mark.parametrize("extra", ["", "x" + "," * 19 + "\n"])
def test_qualtrics_with_blank_lines_and_a_fourth_header(tmp_path: Path, extra: str) -> None:
    text = FIXTURES["qualtrics"].read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    first = text.index('"{""ImportId""')
    path = tmp_path / "four.csv"
    path.write_text("\n\n" + text[:first] + extra + text[first:], "utf-8")
    assert next(read_rows(open_table(path))).text.startswith("Rask levering")
    assert open_table(path).n_rows == 3


def test_surveymonkey_with_and_without_its_second_header(tmp_path: Path) -> None:
    table, rows = read("surveymonkey")
    assert [row.text for row in rows] == ["Kortere kø i kassen, ellers er alt bra", "Nothing", ""]
    assert said(table, "Text")[0].endswith("(the one open-ended question).")
    assert said(table, "Date")[0].endswith(
        "month first (no number is over 12, and this export gives the month first), so that 03/04/2026 is 4 March."
    )
    assert {"IP Address", "Email Address", "First Name", "Last Name"} == set(table.columns) - set(table.carried)
    lines = FIXTURES["surveymonkey"].read_bytes().decode().split("\r\n")
    (tmp_path / "one.csv").write_bytes("\r\n".join([lines[0], *lines[2:]]).encode())
    assert [row.text for row in read_rows(open_table(tmp_path / "one.csv"))] == [row.text for row in rows]


def test_zendesk_says_what_to_export_instead() -> None:
    with pytest.raises(DataError, match=r"Zendesk tickets export, and it holds no text .* Export the tickets as JSON"):
        open_table(FIXTURES["zendesk"])
    table, rows = read("zendesk", ReadingOptions(text_column="Subject"))
    assert (table.format, rows[0].text) == ("zendesk", "Pakke borte")


def test_plain_nordic_excel() -> None:
    table, rows = read("nordic-excel")
    assert [(row.text, row.rating) for row in rows] == [
        ("Grei butikk; men «køen» var lang – og dyrt", 0.75),
        ("Fikk feil størrelse.\nMåtte betale returen selv", -1.0),
        ("n/a", 1.0),
    ]
    assert table.decisions == (
        "Encoding: Windows-1252.",
        'Delimiter: ";" (divides the rows as the header).',
        "Format: no known export; columns found by their names and cells.",
        'Text: column "Kommentar" (by its name).',
        'Rating: column "Karakter", on a scale of 1 to 5, with a decimal comma.',
        'Date: column "Dato", day first (in 2 of 3 the first number is over 12), so that 03.04.2026 is 3 April.',
        "Personal columns not carried to the output: Navn, E-post (--keep-personal carries them).",
    )


def test_options_win_over_the_mapping_and_the_mapping_over_the_guess(tmp_path: Path) -> None:
    mapping = tmp_path / "map.toml"
    mapping.write_text(
        'text = "b"\nrating = "c"\nrating_scale = "1-6"\nid = "kode"\npersonal = ["d"]\ncarry = ["E-post"]\n'
        'date = "dato"\ndate_order = "month-first"\n[leave_out]\nc = ["0"]\n',
        "utf-8",
    )
    path = tmp_path / "in.csv"
    path.write_text("kode;a;b;c;d;E-post;dato\n1;x;god;6;p;q@r.no;03.04.2026\n2;y;dårlig;0;p;;\n", "utf-8")
    table = open_table(path, ReadingOptions(mapping=mapping))
    assert [(row.text, row.rating) for row in read_rows(table)] == [("god", 1.0)]
    assert (table.roles["id"], table.carried) == ("kode", ("kode", "a", "b", "c", "E-post", "dato"))
    assert (table.day_first, table.left_out) == (False, {"as the mapping says": 1})
    assert [row.text for row in read_rows(open_table(path, ReadingOptions(mapping=mapping, text_column="a")))] == ["x"]


@pytest.mark.parametrize(
    ("header", "options", "expected"),
    [
        ("title;review;note", {}, "Bra\nfin"),
        ("title;review;note", {"text_column": "review"}, "Bra\nfin"),  # to name what is guessed changes nothing
        ("Overskrift;beskrivelse;note", {"text_column": "beskrivelse"}, "Bra\nfin"),
        ("title;review;note", {"text_column": "note"}, "Bra\nok"),
        ("title;review;note", {"text_column": "title"}, "Bra"),  # not joined with itself
        ("title;headline;note", {"text_column": "title"}, "Bra"),  # nor with another title
        ("title;What do you think?;note", {"text_column": "what do you think"}, "fin"),  # perhaps the customer's own
        ("title;review;note", {"title_column": ""}, "fin"),
        ("title;review;note", {"text_column": "review", "title_column": ""}, "fin"),
        ("title;review;note", {"text_column": "review", "title_column": "note"}, "ok\nfin"),
    ],
)
def test_a_title_beside_a_text_that_is_named(
    tmp_path: Path, header: str, options: dict[str, str], expected: str
) -> None:
    (tmp_path / "in.csv").write_text(f"{header}\nBra;fin;ok\n", "utf-8")
    table = open_table(tmp_path / "in.csv", ReadingOptions(**options))
    assert [row.text for row in read_rows(table)] == [expected]


def test_a_mapping_says_that_there_is_no_title_or_rating(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("title;review;score\nBra;fin;5\n", "utf-8")
    (tmp_path / "map.toml").write_text('text = "review"\ntitle = ""\nrating = ""\n', "utf-8")
    table = open_table(tmp_path / "in.csv", ReadingOptions(mapping=tmp_path / "map.toml"))
    assert [(row.text, row.rating) for row in read_rows(table)] == [("fin", None)]
    table = open_table(tmp_path / "in.csv", ReadingOptions(mapping=tmp_path / "map.toml", title_column="title"))
    assert [row.text for row in read_rows(table)] == ["Bra\nfin"]


def test_a_survey_has_no_titles_of_answers(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("Respondent ID,Collector ID,Title,Comment\n1,2,Engineer,fin\n", "utf-8")
    table = open_table(tmp_path / "in.csv", ReadingOptions(text_column="Comment"))
    assert (table.format, [row.text for row in read_rows(table)]) == ("surveymonkey", ["fin"])


def test_a_mapping_with_a_wrong_key_or_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("a;b\n1;x\n", "utf-8")
    mapping = tmp_path / "map.toml"
    for text, message in [
        ('txt = "b"', r"map.toml: txt: unknown key; did you mean 'text'\?"),
        ('text = "bb"', r"no column 'bb'; name one with --text-column; the columns are: a, b"),
        ('text = "b"\n[leave_out]\nq = ["1"]', "no column 'q'; name one with leave_out in the mapping"),
    ]:
        mapping.write_text(text, "utf-8")
        with pytest.raises(Exception, match=message):
            open_table(tmp_path / "in.csv", ReadingOptions(mapping=mapping))
