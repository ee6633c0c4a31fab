"""The journey report: counted by hand, and held against known answers."""

from __future__ import annotations

import csv
import datetime
import json
import math
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.cli.main import main
from cxnlp.data.kinds import Column
from cxnlp.data.tables import ReadingOptions
from cxnlp.data.write_parquet import ParquetWriter
from cxnlp.data.write_xlsx import XlsxWriter
from cxnlp.errors import DataError, SettingsError, TaxonomyError
from cxnlp.evaluation.intervals import corrected_share, share_difference, student, welch, wilson, z_for
from cxnlp.inference.scored_cells import evidence_of
from cxnlp.journey.analysis import analyse
from cxnlp.journey.choose import choose
from cxnlp.journey.parts import parts_of
from cxnlp.journey.passages import masked_passage
from cxnlp.journey.regression import risk_differences
from cxnlp.journey.rows import ReviewRow, read_review_rows
from cxnlp.journey.words import LANGUAGES, load_words
from cxnlp.taxonomy import parse_taxonomy
from scored_rows import COLUMNS, NUMBERS, PARTS, SMALL, Row, data_of, many, report, row, share, write_csv
from tiny import toy_taxonomy

# Figures


def test_a_small_file_is_counted_as_by_hand(tmp_path: Path) -> None:
    found = report(tmp_path, SMALL)
    overview = found["overview"]
    assert (overview["rows"], overview["reviews"]) == (6, 5)
    assert (overview["first_day"], overview["last_day"]) == ("2026-03-02", "2026-04-20")
    assert overview["verdicts"] == {
        "negative": share(1, 5), "neutral": share(1, 5), "positive": share(2, 5), "mixed": share(1, 5),
    }  # fmt: skip
    assert overview["low_ratings"] == share(1, 4)
    assert overview["top_ratings"] == share(2, 4)
    cells = {(c["touchpoint"], c["phase"]): (c["reviews"], c["praised"], c["blamed"]) for c in found["map"]}
    assert {key: counts for key, counts in cells.items() if counts[0]} == {
        ("delivery", None): (3, 1, 2), ("delivery", "delivery"): (3, 1, 2),
        ("staff", None): (3, 2, 0), ("staff", "delivery"): (1, 1, 0), ("staff", "support"): (2, 1, 0),
    }  # fmt: skip
    assert [(r["touchpoint"], r["reviews"]["hits"], r["weight"]) for r in found["mend"]["rows"]] == [
        ("delivery", 2, None)  # two are too few to weigh
    ]
    assert [(r["touchpoint"], r["reviews"]["hits"]) for r in found["delight"]["rows"]] == [
        ("staff", 2),
        ("delivery", 1),
    ]
    assert found["moments"] == []
    time = found["time"]
    assert (time["unit"], time["periods"], time["reviews"], time["undated"]) == (
        "month",
        ["2026-03", "2026-04"],
        [2, 2],
        1,
    )
    lines = {(s["kind"], s["label"]): [(x["hits"], x["of"]) for x in s["shares"]] for s in time["series"]}
    assert lines == {
        ("verdict", "negative"): [(1, 2), (0, 2)], ("verdict", "positive"): [(0, 2), (2, 2)],
        ("rating", "low"): [(1, 2), (0, 2)], ("blamed", "delivery"): [(2, 2), (0, 2)],
    }  # fmt: skip
    assert not any(series["change"]["clear"] for series in time["series"])  # of two against two nothing is clear
    divisions = {d["column"]: {g["name"]: g["reviews"] for g in d["groups"]} for d in found["divisions"]}
    assert divisions == {"language": {"no": 4, "sv": 1}, "store": {"Oslo": 3, "Bergen": 2}}
    bergen = found["divisions"][1]["groups"][1]
    assert bergen["shares"] == {"negative": share(0, 2), "positive": share(2, 2), "low": share(0, 2)}
    flags = {name: (one["hits"], one["of"]) for name, one in found["trust"]["flags"].items()}
    assert flags == {"needs_review": (1, 6), "other_language": (0, 6), "empty": (1, 6)}


def test_what_to_mend_first_is_the_difference_of_shares_times_how_often(tmp_path: Path) -> None:
    found = report(tmp_path, many())
    mend, delight = found["mend"], found["delight"]
    assert mend["against"] == "rating"
    assert mend["outcome"] == share(46, 200)
    [delivery] = mend["rows"]
    assert delivery["effect"] == pytest.approx(30 / 40 - 16 / 160, abs=1e-6)
    assert delivery["weight"] == pytest.approx(40 / 200 * (0.75 - 0.1), abs=1e-6)
    assert 0 < delivery["weight_low"] < delivery["weight"] < delivery["weight_high"]
    [staff] = delight["rows"]  # praise of all 160 and nobody else: 144 of 160 against none of 40
    assert staff["effect"] == pytest.approx(0.9, abs=1e-6)


def test_without_ratings_blame_is_held_against_the_verdict_and_the_page_says_so(tmp_path: Path) -> None:
    found = report(tmp_path, [one | {"rating": ""} for one in many()])
    assert found["mend"]["against"] == "verdict"
    assert found["overview"]["low_ratings"] is None
    assert found["mend"]["rows"][0]["effect"] == pytest.approx(1)  # all 40 are negative, and no other
    assert "of the same model" in (tmp_path / "report.html").read_text("utf-8")


def test_moments_of_truth_are_differences_of_mean_scores(tmp_path: Path) -> None:
    rows = [row(i, "app:positive", "use", "positive", cx_sentiment_score=0.5 + i / 100) for i in range(12)]
    rows += [row(i, "app:negative", "use", "negative", cx_sentiment_score=-0.5 - i / 100) for i in range(14)]
    [moment] = report(tmp_path, rows)["moments"]
    assert (moment["praised"], moment["blamed"]) == (12, 14)
    assert moment["difference"] == pytest.approx(0.555 + 0.565, abs=1e-6)
    assert moment["low"] < moment["difference"] < moment["high"]


def test_a_change_is_marked_only_when_it_is_more_than_noise(tmp_path: Path) -> None:
    def blamed(n: int, day: str) -> list[Row]:
        return [row(i, "delivery:negative" if i < n else "", date=day) for i in range(100)]

    def changes(second: int, day: str) -> dict[str, bool | None]:
        rows = [*blamed(20, "2026-01-05"), *blamed(second, day), row(999, date="2025-06-05")]  # by month, not by week
        series = report(tmp_path, rows)["time"]["series"]
        return {one["label"]: one["change"] and one["change"]["clear"] for one in series}

    assert changes(60, "2026-02-05")["delivery"] is True
    assert changes(28, "2026-02-05")["delivery"] is False
    assert changes(60, "2026-08-05")["delivery"] is None  # there are no reviews of July to compare with


def test_half_a_year_with_many_reviews_is_shown_by_week(tmp_path: Path) -> None:
    days = [datetime.date(2025, 12, 29) + datetime.timedelta(days=i % 21) for i in range(210)]
    found = report(tmp_path, [row(i, date=day.isoformat()) for i, day in enumerate(days)])
    assert found["time"]["unit"] == "week"
    assert found["time"]["periods"] == ["2026-W01", "2026-W02", "2026-W03"]
    assert found["time"]["reviews"] == [70, 70, 70]


def test_a_date_wrong_by_decades_makes_no_thousand_empty_months(tmp_path: Path) -> None:
    for wrong in ("1970-01-01", "2062-01-01"):
        found = report(tmp_path, [row(1, date=wrong), row(2, date="2026-01-01"), row(3, date="2026-02-01")])
        assert (found["time"]["periods"], found["time"]["outside"]) == (["2026-01", "2026-02"], 1)


def test_ten_years_at_most_are_shown(tmp_path: Path) -> None:
    rows = [row(i, date=f"{year}-01-01") for i, year in enumerate(range(2010, 2026))]
    found = report(tmp_path, rows)["time"]
    assert (found["periods"][0], found["periods"][-1], found["outside"]) == ("2016-01", "2025-01", 6)


def test_shares_are_corrected_for_the_errors_of_an_evaluation(tmp_path: Path) -> None:
    evaluation = tmp_path / "scores.json"
    one = {"precision": 0.8, "recall": 0.9, "f1": 0.85, "low": 0, "high": 1, "support": 40, "predicted": 45}
    figures = {"touchpoints": {"micro_f1": {"all": {"support": 200}}}}
    tables = {"touchpoints": {"all": {"delivery": one}}}
    evaluation.write_text(json.dumps({"reviews": {"all": 200}, "figures": figures, "labels": tables}), "utf-8")
    found = report(tmp_path, many(), "--evaluation", str(evaluation))["trust"]
    [delivery] = found["corrected"]
    sensitivity, specificity = 36 / 40, 151 / 160  # 36 right of 45 given; 9 wrong ones among 160
    expected = (0.2 + specificity - 1) / (sensitivity + specificity - 1)
    assert delivery["said"] == share(40, 200)
    assert delivery["value"] == pytest.approx(expected, abs=1e-6)
    low, high = wilson(40, 200)
    assert delivery["high"] - delivery["low"] > high - low  # it holds the uncertainty of the evaluation too
    assert found["evaluated"] == 200


def test_what_is_no_evaluation_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scored = write_csv(tmp_path / "scored.csv", SMALL)
    wrong = tmp_path / "wrong.json"
    wrong.write_text("[1]", "utf-8")
    assert (
        main(["report", str(scored), "-o", str(tmp_path / "r.html"), "--evaluation", str(wrong), "--without-text"]) == 2
    )
    assert "expected the file of cxnlp evaluate --json" in capsys.readouterr().err
    assert not (tmp_path / "r.html").exists()


# Statistics


def test_intervals_against_published_examples() -> None:
    # Newcombe 1998, tables of examples: 56/70 and 48/80; Wilson's interval of 81/263.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert share_difference((48, 80), (56, 70)) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert math.isnan(wilson(0, 0)[0])
    # Student's 0.975 quantiles.
    assert student(9) == pytest.approx(2.262, abs=2e-3)
    assert student(30) == pytest.approx(2.042, abs=1e-3)
    assert z_for(1) == pytest.approx(1.959964)
    assert z_for(20) == pytest.approx(3.0233, abs=1e-3)
    low, high = welch((20.0, 4.0, 10), (23.0, 9.0, 15))
    error = math.sqrt(0.4 + 0.6)
    assert (low + high) / 2 == pytest.approx(3.0)
    assert (high - low) / 2 == pytest.approx(2.069 * error, abs=2e-3)  # 23 degrees of freedom


def test_corrected_intervals_hold_as_often_as_they_say() -> None:
    chance = np.random.default_rng(5)
    true, se, sp, n, rounds = 0.15, 0.8, 0.95, 500, 2000
    held = 0
    for said, found, refused in zip(
        chance.binomial(n, true * se + (1 - true) * (1 - sp), rounds), chance.binomial(60, se, rounds),
        chance.binomial(300, sp, rounds), strict=True,
    ):  # fmt: skip
        _, low, high = corrected_share((int(said), n), (int(found), 60), (int(refused), 300))
        held += low <= true <= high
    assert 0.93 <= held / rounds <= 0.985
    assert all(math.isnan(x) for x in corrected_share((5, 10), (1, 10), (5, 10)))  # no better than chance
    for found, refused in (((1, 1), (1, 4)), ((1, 1), (5, 100))):  # better, but of far too few reviews
        assert all(math.isnan(x) for x in corrected_share((5, 10), found, refused))


def test_the_regression_agrees_with_statsmodels() -> None:
    api = pytest.importorskip("statsmodels.api")
    chance = np.random.default_rng(3)
    things = chance.random((400, 3)) < (0.3, 0.2, 0.1)
    outcome = chance.random(400) < 0.1 + things @ (0.4, 0.2, 0.0)
    fitted = api.OLS(outcome.astype(float), api.add_constant(things.astype(float))).fit(cov_type="HC3")
    found = risk_differences(outcome, things)
    assert all(effect is not None for effect in found)
    assert [e.value for e in found if e] == pytest.approx(list(fitted.params[1:]))
    assert [e.error for e in found if e] == pytest.approx(list(fitted.bse[1:]))


def test_things_that_cannot_be_told_apart_are_not_weighed() -> None:
    chance = np.random.default_rng(4)
    first = chance.random(300) < 0.4
    rare = np.arange(300) < 9
    outcome = chance.random(300) < 0.2 + 0.5 * first
    one, copy, few, everyone = risk_differences(outcome, np.column_stack([first, first, rare, np.ones(300, bool)]))
    assert one is not None
    assert (copy, few, everyone) == (None, None, None)
    assert risk_differences(np.zeros(300, bool), first[:, None]) == [None]


@given(st.integers(0, 400), st.integers(1, 400))
def test_a_wilson_interval_holds_its_share(hits: int, n: int) -> None:
    hits = min(hits, n)
    low, high = wilson(hits, n)
    assert 0 <= low <= hits / n <= high <= 1


# Reading


def test_every_kind_of_result_gives_the_same_figures(tmp_path: Path) -> None:
    columns = [Column(name, name, "float", 4) if name in NUMBERS else Column(name, name) for name in COLUMNS]
    values = [[str(v) if k in ("id", "rating") else v for k, v in one.items()] for one in SMALL]
    parquet, workbook, lines = (tmp_path / f"scored.{kind}" for kind in ("parquet", "xlsx", "jsonl"))
    for writer in (ParquetWriter(parquet, columns), XlsxWriter(workbook, columns)):
        for one in values:
            writer.write(one)
        writer.close()
    lines.write_text("".join(json.dumps(as_record(one)) + "\n" for one in SMALL), "utf-8")
    expected = analyse(read_review_rows(write_csv(tmp_path / "scored.csv", SMALL), PARTS)).as_json()
    for path in (parquet, workbook, lines):
        found = analyse(read_review_rows(path, PARTS)).as_json()
        assert found == expected, path.name


def as_record(one: Row) -> dict[str, Any]:
    """Give a row as JSON lines have it."""
    empty = one["cx_flags"] == "empty"
    pairs = [part.split(":") for part in one["cx_touchpoints"].split("; ") if part]
    return {
        **{key: one[key] for key in ("id", "date", "store", "rating")}, "text": one["review"],
        "language": one["cx_language"], "sentiment": None if empty else one["cx_sentiment"],
        "sentiment_score": one["cx_sentiment_score"], "touchpoints": None if empty else dict(pairs),
        "phase": one["cx_phase"] or None, "phases": [one["cx_phase"]] if one["cx_phase"] else None,
        "stage": "loyalty", "confidence": one["cx_confidence"],
        "flags": [one["cx_flags"]] if one["cx_flags"] else [],
    }  # fmt: skip


def test_a_decimal_comma_and_other_columns_are_read(tmp_path: Path) -> None:
    rows = [one | {"land": "NO" if one["id"] % 2 else "SE"} for one in SMALL]
    scored = write_csv(tmp_path / "scored.csv", rows, decimal=",")
    assert '"0,8000"' in scored.read_text("utf-8-sig")
    found = read_review_rows(scored, PARTS, ReadingOptions(), ["land"])
    assert found.divided_by == ("land",)
    assert [one.score for one in found.reviews] == [-0.9, 0.0, 0.9, 0.9, 0.0]
    assert read_review_rows(scored, PARTS).divided_by == ("store", "land")
    with pytest.raises(DataError, match="no column 'lnd'"):
        read_review_rows(scored, PARTS, ReadingOptions(), ["lnd"])


def test_a_row_with_labels_of_another_model_is_left_out_and_said(tmp_path: Path) -> None:
    rows = [*SMALL, row(7, "spaceship:negative"), row(8, sentiment="furious")]
    found = report(tmp_path, rows, code=1)
    assert (found["overview"]["reviews"], found["trust"]["unknown"]) == (5, 2)


def test_what_was_not_scored_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plain = tmp_path / "reviews.csv"
    plain.write_text("id,review\n1,Pakken kom aldri fram til oss.\n", "utf-8")
    assert main(["report", str(plain), "--without-text"]) == 2
    error = capsys.readouterr().err
    assert "expected a file that cxnlp score wrote" in error
    assert "Pakken" not in error
    assert not (tmp_path / "reviews.report.html").exists()


def test_names_that_cannot_be_right_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scored = write_csv(tmp_path / "scored.csv", SMALL)
    before = scored.read_bytes()
    assert main(["report", str(scored), "-o", str(scored)]) == 2
    assert main(["report", str(scored), "-o", str(tmp_path / "r.html"), "--json", str(tmp_path / "r.html")]) == 2
    assert main(["report", str(scored), "--reviews", "-1"]) == 2
    assert scored.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["scored.csv"]
    assert "give each its own name" in capsys.readouterr().err


def test_a_column_about_a_person_is_not_divided_by(tmp_path: Path) -> None:
    scored = write_csv(tmp_path / "scored.csv", [one | {"customer_name": f"Kari {one['id']}"} for one in SMALL])
    with pytest.raises(DataError, match="about a person"):
        read_review_rows(scored, PARTS, ReadingOptions(), ["customer_name"])
    with pytest.raises(DataError, match="holds the reviews themselves"):
        read_review_rows(scored, PARTS, ReadingOptions(), ["review"])


def test_a_file_without_texts_gives_a_page_without_texts(tmp_path: Path) -> None:
    rows = [{key: value for key, value in one.items() if key != "review"} for one in SMALL]
    names = [name for name in COLUMNS if name != "review"]
    scored = tmp_path / "scored.csv"
    with scored.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
    assert main(["report", str(scored), "-o", str(tmp_path / "r.html"), "--no-evidence"]) == 0
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "This page holds no texts of reviews." in page
    assert not any("text" in one for one in data_of(page)["reviews"])


def test_a_taxonomy_of_ones_own_needs_praise_and_blame_only(tmp_path: Path) -> None:
    with pytest.raises(TaxonomyError, match="polarities"):
        parts_of(toy_taxonomy())  # its polarities are called minus and plus
    hotels = parse_taxonomy(
        """
name = "hotels"
[facets.topics]
kind = "any_of"
labels = ["room", "breakfast"]
[facets.topic_polarity]
kind = "polarity"
of = "topics"
labels = ["negative", "positive"]
""",
        "hotels",
    )
    scored = tmp_path / "scored.csv"
    lines = [
        "review,cx_topics,cx_confidence,cx_flags",
        '"A fine room, a poor breakfast",room:positive; breakfast:negative,0.9,',
    ]
    scored.write_text("\n".join(lines), "utf-8")
    found = analyse(read_review_rows(scored, parts_of(hotels)))
    assert [(c.touchpoint, c.phase, c.balance) for c in found.map] == [("room", None, 1.0), ("breakfast", None, -1.0)]
    assert (found.phases, found.mend.against, found.overview.verdicts) == ((), "", {})


# Which reviews are shown, and what of them


def scored_review(
    line: int, confidence: float, polarity: str = "negative", *, look: bool = False, text: int = 0
) -> ReviewRow:
    return ReviewRow(
        line, {"app": polarity}, ("use",), "", None, confidence, "no", look, None, None, (), text or line + 1
    )


def test_the_most_certain_reviews_are_shown_and_no_copies() -> None:
    reviews = [
        scored_review(0, 0.5), scored_review(1, 0.9, look=True), scored_review(2, 0.8), scored_review(3, 0.7, text=3),
        scored_review(4, 0.6, "positive"),
    ]  # fmt: skip
    chosen = choose(reviews, 2)
    assert chosen.cells["app", "use"] == {"negative": [2, 0], "positive": [4]}  # 3 is a copy of 2, 1 is uncertain
    assert chosen.cells["app", None] == chosen.cells["app", "use"]
    assert chosen.reviews == [0, 2, 4]
    assert choose(reviews, 0).reviews == []


def test_personal_data_is_masked_and_marks_move_with_it() -> None:
    pytest.importorskip("phonenumbers")
    text = "Ring meg på 22 33 44 55. Mail: ola.nordmann@example.com er best! Pakken kom aldri."
    start = text.index("Pakken")
    passage = masked_passage(text, {"delivery": (start, len(text)), "phone": (0, 24)}, 1000)
    assert "ola.nordmann" not in passage.text and "22 33" not in passage.text
    assert passage.text[slice(*passage.marks["delivery"])] == "Pakken kom aldri."
    assert passage.text[slice(*passage.marks["phone"])] == "Ring meg på [phone]."


@given(st.integers(0, 3000), st.integers(1, 60))
def test_a_long_text_is_cut_around_its_mark(start: int, length: int) -> None:
    text = "".join(chr(97 + i % 26) for i in range(3100))
    passage = masked_passage(text, {"app": (start, start + length)}, 500)
    assert len(passage.text) <= 502
    assert passage.text[slice(*passage.marks["app"])] == text[start : start + length]


def test_evidence_of_a_scored_file_is_found_in_its_text() -> None:
    text = '"Aldri mer." Pakken kom "sent"; ja, sent. Fin app.'
    cells = {
        "cx_evidence": 'delivery: "Pakken kom ""sent""; ja, sent."; app: "Fin app."; staff: "Not there."',
        "cx_evidence_offsets": "delivery:13-41; app:42-50; staff:0-9",
    }
    found = evidence_of(cells, "cx_", text)
    assert {label: text[a:b] for label, (a, b) in found.items()} == {
        "delivery": 'Pakken kom "sent"; ja, sent.', "app": "Fin app.",
    }  # fmt: skip
    record = {"evidence": [{"label": "app", "start": 42, "end": 50, "sentence": "Fin app."}, {"label": "x"}]}
    assert evidence_of(record, "", text) == {"app": (42, 50)}


# Words


def test_all_languages_have_the_same_words() -> None:
    def keys(table: Mapping[str, Any], path: str = "") -> set[str]:
        found = set()
        for key, value in table.items():
            found |= keys(value, f"{path}{key}.") if isinstance(value, dict) else {path + key}
        return found

    def fields(text: str) -> list[str]:
        return sorted(part.split(")")[0] for part in text.split("%(")[1:])

    tables = {
        code: tomllib.loads(resources.files("cxnlp.journey").joinpath(f"words/{code}.toml").read_text("utf-8"))
        for code in LANGUAGES
    }
    english = tables["en"]
    for code, table in tables.items():
        assert keys(table) == keys(english), code
        for key, text in english["words"].items():
            assert fields(table["words"][key]) == fields(text), (code, key)
            assert code == "en" or key == "mend_nothing" or table["words"][key] != "", (code, key)


def test_every_label_of_the_default_taxonomy_has_a_name() -> None:
    for code in LANGUAGES:
        words = load_words(code)
        for facet in (PARTS.touchpoints, PARTS.polarity, PARTS.phases, PARTS.verdict):
            assert facet is not None
            assert set(words.labels[facet.name]) == set(facet.labels), (code, facet.name)
    assert load_words("no").label("touchpoints", "deep_space") == "deep space"
    with pytest.raises(SettingsError, match="no words in 'nn'"):
        load_words("nn")


def test_numbers_are_written_as_the_language_does() -> None:
    no, da, en = (load_words(code) for code in ("no", "da", "en"))
    assert (no.count(12345), da.count(12345), en.count(12345)) == ("12\u00a0345", "12.345", "12,345")
    assert (no.percent(0.1234), en.percent(0.1234)) == ("12,3\u00a0%", "12.3\u00a0%")
    assert (en.number(-1234.5, 1), en.number(-0.001, 1), en.number(math.nan)) == ("−1,234.5", "0.0", "–")
    assert en.signed(0.5) == "+0.5"
