"""What the journey report says in words: title, summary, scale of ratings, singular and plural, and names of sheets."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest

from cxnlp.cli.main import main
from cxnlp.journey.words import LANGUAGES, load_words
from scored_rows import SMALL, Row, many, report, row, write_csv

SCRIPT = re.compile(r"<(script|style)\b.*?</\1>", re.DOTALL)
NOUNS = "reviews|anmeldelser|omdömen|rows|rader|rækker|values|verdier|værdier|värden"


def page_of(tmp_path: Path) -> str:
    return (tmp_path / "report.html").read_text("utf-8")


# Title


def test_the_title_is_the_one_given_or_after_the_file(tmp_path: Path) -> None:
    found = report(tmp_path, SMALL)
    assert found["title"] == "The customer journey in reviews: scored"
    assert "<h1>The customer journey in reviews: scored</h1>" in page_of(tmp_path)
    found = report(tmp_path, SMALL, "--title", "Spring <b>& summer</b>")
    assert found["title"] == "Spring <b>& summer</b>"
    for tag in ("title", "h1"):
        assert f"<{tag}>Spring &lt;b&gt;&amp; summer&lt;/b&gt;</{tag}>" in page_of(tmp_path)
    scored = write_csv(tmp_path / "butikk_vest-2026.csv", SMALL)
    arguments = ["report", str(scored), "-o", str(tmp_path / "report.html"), "--no-evidence", "--language", "no"]
    assert main(arguments) == 0
    assert "<h1>Kundereisen i anmeldelsene: butikk vest 2026</h1>" in page_of(tmp_path)


# Summary

SAID = {
    "en": [
        "This report rests on 200 reviews in scored.csv (10 January 2026 – 10 June 2026).",
        "80.0 % [73.9 – 85.0] of the reviews are positive and 20.0 % [15.0 – 26.1] negative.",
        "Most blame goes to delivery (40 reviews, 20.0 %), and most praise to staff (160 reviews, 80.0 %).",
        "From May 2026 to June 2026, no share changed by more than chance could explain.",
    ],
    "no": [
        "Rapporten bygger på 200 anmeldelser i scored.csv (10. januar 2026 – 10. juni 2026).",
        "80,0 % [73,9 – 85,0] av anmeldelsene er positive og 20,0 % [15,0 – 26,1] negative.",
        "Mest ris får levering (40 anmeldelser, 20,0 %), og mest ros får betjening (160 anmeldelser, 80,0 %).",
        "Fra mai 2026 til juni 2026 endret ingen andel seg mer enn tilfeldigheter kan forklare.",
    ],
    "da": [
        "Rapporten bygger på 200 anmeldelser i scored.csv (10. januar 2026 – 10. juni 2026).",
        "80,0 % [73,9 – 85,0] af anmeldelserne er positive og 20,0 % [15,0 – 26,1] negative.",
        "Mest ris får levering (40 anmeldelser, 20,0 %), og mest ros får betjening (160 anmeldelser, 80,0 %).",
        "Fra maj 2026 til juni 2026 ændrede ingen andel sig mere, end tilfældigheder kan forklare.",
    ],
    "sv": [
        "Rapporten bygger på 200 omdömen i scored.csv (10 januari 2026 – 10 juni 2026).",
        "80,0 % [73,9 – 85,0] av omdömena är positiva och 20,0 % [15,0 – 26,1] negativa.",
        "Mest ris får leverans (40 omdömen, 20,0 %), och mest ros får personal (160 omdömen, 80,0 %).",
        "Från maj 2026 till juni 2026 ändrades ingen andel mer än vad slumpen kan förklara.",
    ],
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_summary_says_the_figures_in_each_language(tmp_path: Path, language: str) -> None:
    found = report(tmp_path, many(), "--language", language)
    said = [one.replace("\u00a0", " ") for one in found["summary"]]
    assert said[:-1] == SAID[language]
    assert said[-1].replace("\u00a0", " ") == load_words(language).say["sum_trust"]
    assert len(said) == 5
    for sentence in found["summary"]:
        assert f"<li>{sentence}</li>" in html.unescape(page_of(tmp_path))


def blamed(n: int, of: int, day: str) -> list[Row]:
    return [row(i, "returns:negative" if i < n else "app:positive", date=day) for i in range(of)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_largest_clear_change_is_named_with_both_shares(tmp_path: Path, language: str) -> None:
    rows = [*blamed(20, 100, "2026-01-05"), *blamed(60, 100, "2026-02-05"), row(999, date="2025-06-05")]
    found = report(tmp_path, rows, "--language", language)
    assert [s["label"] for s in found["time"]["series"] if s["change"]["clear"]] == ["returns"]
    expected = {
        "en": "From January 2026 to February 2026, the share of reviews that blame returns went from 20.0 % to 60.0 %",
        "no": "Fra januar 2026 til februar 2026 gikk andelen anmeldelser som gir ris til retur fra 20,0 % til 60,0 %",
        "da": "Fra januar 2026 til februar 2026 gik andelen af anmeldelser, der giver ris til returnering, "
        "fra 20,0 % til 60,0 %",
        "sv": "Från januari 2026 till februari 2026 gick andelen omdömen som ger ris till retur "
        "från 20,0 % till 60,0 %",
    }[language]
    assert found["summary"][3].replace("\u00a0", " ").startswith(expected + ": ")


def test_weeks_and_days_are_named(tmp_path: Path) -> None:
    rows = [row(i, "app:positive", date=f"2026-01-{5 + 7 * (i % 2):02}") for i in range(40)]
    said = report(tmp_path, rows, "--language", "sv")["summary"]
    assert said[0].endswith("(5 januari 2026 – 12 januari 2026).")
    assert said[3].startswith("Från vecka 2 2026 till vecka 3 2026 ändrades ingen andel")


def test_what_nobody_blames_or_praises_is_said(tmp_path: Path) -> None:
    def touchpoints(cell: str) -> str:
        return report(tmp_path, [row(i, cell) for i in range(12)])["summary"][2].replace("\u00a0", " ")

    assert touchpoints("app:positive") == "Most praise goes to app (12 reviews, 100.0 %); nothing is blamed."
    assert touchpoints("app:negative") == "Most blame goes to app (12 reviews, 100.0 %); nothing is praised."
    assert touchpoints("app:neutral") == "No touchpoint is praised or blamed."


ONE = {
    "en": "This report rests on 1 review in scored.csv (2 March 2026).",
    "no": "Rapporten bygger på 1 anmeldelse i scored.csv (2. mars 2026).",
    "da": "Rapporten bygger på 1 anmeldelse i scored.csv (2. marts 2026).",
    "sv": "Rapporten bygger på 1 omdöme i scored.csv (2 mars 2026).",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_one_is_singular_everywhere(tmp_path: Path, language: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = report(tmp_path, SMALL[:1], "--language", language)
    assert found["summary"][0] == ONE[language]
    assert len(found["summary"]) == 3  # of one review no share is told
    assert "report.html: 1 review of 1 row\n" in capsys.readouterr().out
    # One review undated, one with an unknown label, one marked, one of a sixteenth store.
    odd = [
        row(1, "app:negative", date="", cx_flags="needs_review", store="x"), row(2, "spaceship:negative"),
        *(row(10 + i, "app:positive", date=f"2026-0{1 + i % 2}-02", store=f"s{i // 2}") for i in range(30)),
    ]  # fmt: skip
    pages = [page_of(tmp_path)]
    report(tmp_path, odd, "--language", language, code=1)
    pages.append(page_of(tmp_path))
    words = load_words(language)
    one_review = words.counted("reviews", 1)
    for key in ("undated", "outside"):
        assert (words.say[key] % {"reviews": one_review} in pages[1]) == (key == "undated")
    assert words.say["unknown"] % {"rows": words.counted("rows", 1)} in pages[1]
    assert words.say["and_more"] % {"values": words.counted("values", 1), "reviews": one_review} in pages[1]
    for page in pages:
        shown = SCRIPT.sub("", page)
        assert not re.findall(rf"(?<![\d.,\u00a0])1 (?:{NOUNS})\b", shown)
        assert not re.findall(r"(?<![\d.,\u00a0])(?:0|[2-9]|\d\d) (?:review|anmeldelse|omdöme|row|rad|række)\b", shown)
        assert "%(" not in shown


# The scale of ratings


def rated(values: list[Any], **more: Any) -> list[Row]:
    return [row(i, "app:positive", rating=value, **more) for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("values", "options", "said", "low", "top"),
    [
        ([1, 2, 3, 4, 5, 5], [], "on a scale of 1 to 5, because its numbers run from 1 to 5. Low is 1–2, highest is 5.",
         2, 2),
        ([1, 2, 3, 6, 6, 6], [], "on a scale of 1 to 6, because its numbers run from 1 to 6. Low is 1–2, highest is 6.",
         2, 3),
        ([2, 3, 4, 9, 10, 10], [],
         "on a scale of 1 to 10, because its numbers run from 2 to 10. Low is 1–3, highest is 10.", 2, 2),
        ([0, 6, 7, 8, 9, 10], [],
         "on the scale of 0 to 10 of NPS, because its numbers run from 0 to 10. Low is 0–6, highest is 9–10.", 2, 2),
        ([2, 3, 4, 9, 10, 10], ["--rating-scale", "nps"],
         "on the scale of 0 to 10 of NPS, as was said when this page was made. Low is 0–6, highest is 9–10.", 3, 3),
        ([1, 2, 3, 5, 7, 7], ["--rating-scale", "1-7"],
         "on a scale of 1 to 7, as was said when this page was made. Low is 1–2, highest is 7.", 2, 2),
        ([20, 25, 26, 99, 100, 100], [],
         "on a scale of 0 to 100, because its numbers run from 20 to 100. Low is 0–25, highest is 100.", 2, 2),
    ],
)  # fmt: skip
def test_the_page_says_its_scale_and_what_is_low(
    tmp_path: Path, values: list[Any], options: list[str], said: str, low: int, top: int
) -> None:
    found = report(tmp_path, rated(values), *options)
    assert f"Ratings are those of the column “rating”, {said}" in page_of(tmp_path)
    overview = found["overview"]
    assert (overview["low_ratings"]["hits"], overview["top_ratings"]["hits"]) == (low, top)


def test_the_name_of_a_column_speaks_for_nps(tmp_path: Path) -> None:
    rows = [one | {"nps": value, "rating": ""} for one, value in zip(rated([""] * 4), (3, 5, 5, 2), strict=True)]
    found = report(tmp_path, rows, "--rating-column", "nps")
    assert (found["overview"]["ratings"]["nps"], found["overview"]["ratings"]["reason"]) == (True, "name")
    assert "of NPS, after the name of the column. Low is 0–6" in page_of(tmp_path)


def test_numbers_off_the_scale_are_not_counted_and_it_is_said(tmp_path: Path) -> None:
    found = report(tmp_path, rated([1, 5, 5, 9]), "--rating-scale", "stars")
    assert found["overview"]["low_ratings"]["of"] == 3
    assert "Numbers off that scale are not counted; the column has some from 1 to 9." in page_of(tmp_path)
    found = report(tmp_path, rated([1, 5, 400]))
    assert found["overview"]["low_ratings"] is None
    assert "from 1 to 400, are on no known scale and not counted; --rating-scale names one." in page_of(tmp_path)
    found = report(tmp_path, rated(["good", "bad", "bad"]))
    assert found["overview"]["low_ratings"]["hits"] == 2
    page = page_of(tmp_path)
    assert "in words such as good or bad; low is bad, highest is good." in page and "no known scale" not in page


def test_a_scale_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scored = write_csv(tmp_path / "scored.csv", SMALL)
    for wrong in ("6-1", "five", "1-1", "-1-5"):
        assert main(["report", str(scored), f"--rating-scale={wrong}", "--without-text"]) == 2
        assert f"'{wrong}' is no scale of ratings, expected stars (1 to 5)" in capsys.readouterr().err
    assert main(["columns", str(scored), "--rating-scale", "1-10"]) == 0
    assert 'Rating: column "rating", on a scale of 1 to 10.' in capsys.readouterr().out


def test_a_guess_beyond_stars_says_why_and_how_to_say_otherwise(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scored = write_csv(tmp_path / "scored.csv", rated([2, 6, 4]))
    assert main(["columns", str(scored)]) == 0
    said = (
        'Rating: column "rating", on a scale of 1 to 6, as its numbers run from 2 to 6 (--rating-scale says otherwise).'
    )
    assert said in capsys.readouterr().out


# Sheets


@pytest.mark.parametrize("language", LANGUAGES)
def test_sheets_have_short_names_of_their_own_and_are_listed(tmp_path: Path, language: str) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    first, second = (f"a column with a name that is longer than sheets may be called {i}" for i in (1, 2))
    rows = [one | {first: one["id"] % 2, second: one["id"] % 3} for one in many()]
    options = ["--language", language, "--by", first, "--by", second, "--title", "Vår & sommer"]
    report(tmp_path, rows, *options, "--xlsx", str(tmp_path / "tables.xlsx"))
    book = openpyxl.load_workbook(tmp_path / "tables.xlsx")
    names, words = book.sheetnames, load_words(language)
    assert len({name.casefold() for name in names}) == len(names)
    assert all(len(name) <= 31 for name in names)
    long = [name for name in names if "…" in name]
    assert len(long) == 2 and long[1].endswith("… 2")
    assert set(names) - set(long) <= {words.say["contents"], *words.sheets.values()}
    contents = [tuple(cell.value for cell in line) for line in book.worksheets[0].iter_rows(min_row=3)]
    assert [name for name, _ in contents] == names[1:]
    assert book.worksheets[0]["A1"].value == "Vår & sommer"
    titles = dict(contents)
    assert (titles[long[0]], titles[long[1]]) == tuple(
        words.say["divided"] % {"column": one} for one in (first, second)
    )
    assert book.worksheets[0].cell(3, 1).hyperlink.location == f"'{names[1]}'!A1"
