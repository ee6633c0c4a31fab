"""Cells to what they mean: ratings, languages, dates, titles, translations, personal columns."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.data.personal import holds_personal, is_personal
from cxnlp.data.survey import Days, Ratings
from cxnlp.data.values import NPS, STARS, Scale, date_of, joined, number_of, original_of, rating_of
from cxnlp.text.declared import language_of
from cxnlp.text.language import _NEVER, _load


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("5", 5), (" 4,5 ", 4.5), ("4.5", 4.5), ("3/5", 3), ("5 stars", 5), ("2 out of 5", 2), ("4 av 6", 4), (3, 3.0),
        ("FIVE", 5), ("★★★", 3), ("★★★☆☆", 3), ("-1", -1), (True, None), (None, None), ("", None), ("good", None),
        ("1 299,50", None), ([], None),
    ],
)  # fmt: skip
def test_numbers(cell: object, number: float | None) -> None:
    assert number_of(cell) == number


def test_ratings_on_their_scales() -> None:
    assert [rating_of(n, STARS) for n in range(7)] == [None, -1, -0.5, 0, 0.5, 1, None]
    assert [rating_of(n, NPS) for n in (0, 6, 7, 8, 9, 10, 11)] == [-1, -1, 0, 0, 1, 1, None]
    assert [rating_of(word, None) for word in ("Good", "bad", "Promoter", "Passive", "Detractor", "5", "so-so", 5)] == [
        1, -1, 1, 0, -1, None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "cells", "scale"),
    [
        ("stars", ["1", "5"], STARS),
        ("rating", ["5"], STARS),
        ("NPS", ["3", "5"], NPS),
        ("How likely are you to recommend us?", ["9"], NPS),
        ("score", ["0", "10"], NPS),
        ("score", ["1", "10"], Scale(1, 10)),
        ("terningkast", ["3", "5"], Scale(1, 6)),
        ("karakter", ["2", "6"], Scale(1, 6)),
        ("score", ["40", "95,5"], Scale(0, 100)),
        ("score", ["40", "1200"], None),
        ("score", ["-2", "2"], None),
        ("score", ["fin"], None),
    ],
)
def test_the_scale_is_found_from_all_cells_and_the_name(column: str, cells: list[str], scale: Scale | None) -> None:
    ratings = Ratings()
    for cell in cells:
        ratings.add(cell)
    assert ratings.read(column, given=None, export=None).scale == scale


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("nb-NO", "no"), ("NN", "no"), ("nor", "no"), ("Norwegian (Bokmål)", "no"), ("norsk", "no"),
        ("nn_NO.UTF-8", "no"), ("bokma\u030al", "no"), ("swe", "sv"), ("en_US", "en"), ("en (GB)", "en"),
        ("EN - English", "en"), (" Dansk ", "da"), ("fi", "fi"), ("fin", "fi"), ("ger", "de"), ("cmn-Hans-CN", "zh"),
        ("se", "se"), ("kl", "kl"), ("yue", "yue"),
        ("", ""), ("-", ""), ("unknown", ""), ("und", ""), ("xx", ""), ("zxx", ""), ("12", ""), (None, ""), (5, ""),
        ("<script>alert(1)</script>", ""), ("so good", ""), ("no thanks", ""), ("norskish", ""), ("en" * 10_000, ""),
    ],
)  # fmt: skip
def test_languages(cell: object, code: str) -> None:
    assert language_of(cell) == code


@given(st.text() | st.text("nobdasvefi-_ ()", max_size=8))
def test_a_declared_language_is_never_echoed_and_a_code_stays_what_it_is(cell: str) -> None:
    code = language_of(cell)
    assert code == "" or (code.isascii() and code.islower() and 2 <= len(code) <= 3)
    assert language_of(code) == code


def test_every_language_that_is_identified_may_be_declared() -> None:
    identified = {label for label, _ in _load().rank("hei")} - set(_NEVER)
    assert len(identified) == 138
    assert {label: language_of(label) for label in identified if language_of(label) != label} == {
        "nn": "no", "kik": "ki", "gug": "gn",
    }  # fmt: skip


def test_dates() -> None:
    april = datetime.date(2026, 4, 3)
    for cell in ("03.04.2026", "3/4/2026", "3-4-26", "03.04.2026 10:15", "2026-04-03", "2026-04-03T10:00:00Z"):
        assert date_of(cell, day_first=True) == april
    assert date_of("04/03/2026", day_first=False) == april
    assert [date_of(cell, day_first=True) for cell in ("32.01.2026", "1.13.2026", "", "5", None, "2026-02-30")] == [
        None
    ] * 6


@pytest.mark.parametrize(
    ("cells", "month_first", "day_first", "reason"),
    [
        (["03.04.2026", "17.04.2026"], False, True, "in 1 of 2 the first number is over 12"),
        (["03/04/2026", "04/17/2026"], False, False, "in 1 of 2 the second number is over 12"),
        (["03.04.2026"], True, True, "no number is over 12, and it is the custom with this sign or here"),
        (["03/04/2026"], True, False, "no number is over 12, and this export gives the month first"),
        (["03/04/2026"], False, True, "no number is over 12, and it is the custom with this sign or here"),
        (["17.04.2026", "18.04.2026", "04.17.2026"], False, True, "most of them are; not all can be"),
        (["2026-04-03", ""], False, True, ""),
    ],
)
def test_the_order_of_day_and_month(cells: list[str], month_first: bool, day_first: bool, reason: str) -> None:
    days = Days()
    for cell in cells:
        days.add(cell)
    found = days.dates(month_first=month_first, given=None)
    assert (found.day_first, found.reason) == (day_first, reason)


@pytest.mark.parametrize(
    ("title", "body", "text"),
    [
        ("Bra", "Kom fort.", "Bra\nKom fort."),
        ("Bra", "Bra, og kom fort.", "Bra, og kom fort."),
        ("Bra", "Brann på kjøkkenet", "Bra\nBrann på kjøkkenet"),
        ("Pakken kom al…", "Pakken kom  aldri frem", "Pakken kom  aldri frem"),
        ("Pakken kom al...", "pakken kom aldri frem", "pakken kom aldri frem"),
        ("Bra", "Bra", "Bra"),
        ("Bra!", "bra", "Bra!\nbra"),
        ("", " Kom fort. ", " Kom fort. "),
        (" Bra ", "", "Bra"),
        ("…", "Kom fort.", "…\nKom fort."),
    ],
)
def test_title_and_body(title: str, body: str, text: str) -> None:
    assert joined(title, body) == text


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_word_of_the_body_is_lost_by_joining(title: str, body: str) -> None:
    text = joined(title, body)
    assert text in (body, title.strip(), f"{title.strip()}\n{body}")
    assert body.strip() in text


@pytest.mark.parametrize(
    ("comment", "original"),
    [
        ("(Translated by Google) Good\n\n(Original)\nBra", "Bra"),
        ("Bra\n\n(Translated by Google)\nGood", "Bra"),
        ("(Original)\nBra\n\n(Translated by Google)\nGood", "Bra"),
        ("(Oversatt av Google) Bra\n\n(Original)\nGood", "Good"),
        ("(Translated by Google) Good", "Good"),
        ("Bra (Original)", "Bra (Original)"),
    ],
)
def test_the_original_of_a_translated_comment(comment: str, original: str) -> None:
    assert original_of(comment) == original


@pytest.mark.parametrize(
    "column",
    [
        "E-mail", "Email Address", "customer_email", "recipientEmail", "E-postadresse", "Kundens e-post", "IP Address",
        "Fornavn", "Efternamn", "Full Name", "Phone", "Mobilnr.", "LocationLatitude", "Fødselsnummer", "Adresse",
        "Navn på kunde", "Kundens navn", "Customer full name", "Epost kunde", "kontaktperson_telefon", "reviewerEmail",
    ],
)  # fmt: skip
def test_personal_columns(column: str) -> None:
    assert is_personal(column)


@pytest.mark.parametrize(
    "column",
    [
        "id", "Product name", "How was our phone support?", "Did you get our e-mail?", "Mobile app rating", "review",
        "Hvordan var svaret du fikk på e-post", "Kommentar", "Shop", "Latitude of choice",
        "Customer service by phone", "Name of the product", "Butikknavn", "Customer comment", "kunde siden",
    ],
)  # fmt: skip
def test_other_columns_are_not_personal(column: str) -> None:
    assert not is_personal(column)


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        ("user", {"name": "kari", "email": "kari@x.no"}, True),
        ("user", {"name": "Kari"}, True),
        ("meta", {"items": [{"id": 1}, {"telefon": "22 33 44 55"}]}, True),
        ("meta", {"items": [{"mobile": 22334455}]}, True),
        ("meta", {"customer": {"name": "Kari"}}, True),
        ("product", {"name": "Jakke", "colour": "Red"}, False),
        ("store", {"address": "Storgata 1"}, False),
        ("touchpoints", {"phone": "negative", "email": "positive"}, False),
        ("probabilities", {"touchpoints": {"phone": 0.01, "email": 0.99}}, False),
        ("scores", [1, 2], False),
        ("email", "a@b.no", False),  # its name says that
    ],
)
def test_objects_that_hold_personal_data(column: str, value: object, found: bool) -> None:
    assert holds_personal(column, value) == found
