"""The page of a journey report: its words, its workbook, and opened in a browser."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cxnlp.cli.main import main
from cxnlp.data.kinds import Column
from cxnlp.data.write_xlsx import XlsxWriter
from cxnlp.journey.words import LANGUAGES, load_words
from scored_rows import COLUMNS, SMALL, many, report

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"


def test_a_page_asks_nobody_for_anything(tmp_path: Path) -> None:
    report(tmp_path, SMALL)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "http" not in page.replace("http-equiv", "")
    assert "default-src 'none'" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_in_one_language(tmp_path: Path, language: str) -> None:
    report(tmp_path, many(), "--language", language)
    page = (tmp_path / "report.html").read_text("utf-8")
    words = load_words(language)
    assert f'<html lang="{language}">' in page
    for other in set(LANGUAGES) - {language}:
        for key in ("map_note", "association", "trust_note", "changes_note"):
            assert load_words(other).say[key] not in page
    assert words.say["association"] in page


def test_the_workbook_holds_the_tables_and_no_formula(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    rows = [one | {"store": "=1+1" if one["id"] % 2 else "Oslo"} for one in SMALL]
    report(tmp_path, rows, "--xlsx", str(tmp_path / "tables.xlsx"))
    book = openpyxl.load_workbook(tmp_path / "tables.xlsx")
    sheet = book["Journey map"]
    counted = {(r[0], r[1]): r[2:5] for r in sheet.iter_rows(min_row=2, values_only=True)}
    assert counted["delivery", "All phases"] == (3, 1, 2)
    cells = [cell for one in book["By store"].iter_rows() for cell in one if cell.value and "1+1" in str(cell.value)]
    assert cells and all(cell.data_type == "s" for cell in cells)


HOSTILE = "</script><img src=x onerror=\"document.title='run'\"><script>document.title='run'</script>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


Open = Callable[[Path], Any]


@pytest.fixture
def opened(browser: Any) -> Iterator[Open]:
    """Open a page; at the end there must have been no message, no error and no request but for the page."""
    said: list[str] = []
    asked: list[str] = []
    context = browser.new_context(accept_downloads=True)

    def open_page(path: Path) -> Any:
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_page
    context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "blob:"))] == []
    assert len(asked) >= 1


def test_a_cell_opens_its_reviews_by_click_and_by_keyboard(tmp_path: Path, opened: Open) -> None:
    found = report(tmp_path, SMALL)
    page = opened(tmp_path / "report.html")
    page.locator('[aria-label^="delivery, delivery:"]').click()
    assert page.locator("#reviews-title").inner_text() == "delivery, delivery: 3 reviews, praise in 1, blame in 2"
    texts = page.locator("#reviews blockquote").all_inner_texts()
    assert sorted(texts) == ["Anmeldelse nummer 1.", "Anmeldelse nummer 2.", "Anmeldelse nummer 3."]
    page.keyboard.press("Escape")
    assert not page.locator("#reviews").is_visible()
    for _ in range(40):
        page.keyboard.press("Tab")
        if (page.evaluate("document.activeElement.getAttribute('aria-label')") or "").startswith("staff, support:"):
            break
    page.keyboard.press("Enter")
    assert page.locator("#reviews-title").inner_text() == "staff, support: 2 reviews, praise in 1, blame in 0"
    assert page.locator("#reviews .facts").all_inner_texts()[0].startswith("row 6 · Norwegian · neutral")
    page.keyboard.press("Escape")
    shown = {
        button.get_attribute("aria-label").split(":")[0]: button.locator(".n").inner_text()
        for button in page.locator("[data-cell]").all()
    }
    counted = {
        f"{c['touchpoint']}, {c['phase'] or 'All phases'}": str(c["reviews"]) for c in found["map"] if c["reviews"]
    }
    assert shown == counted


def test_tables_are_downloaded_as_csv_that_runs_nothing(tmp_path: Path, opened: Open) -> None:
    rows = [one | {"store": '=HYPERLINK("x")' if one["id"] % 2 else "Oslo, west"} for one in SMALL]
    report(tmp_path, rows)
    page = opened(tmp_path / "report.html")
    tables = {}
    for key in ("map", "by-1"):
        page.locator(f"details:has([data-csv='{key}'])").locator("summary").click()
        with page.expect_download() as download:
            page.locator(f"[data-csv='{key}']").click()
        download.value.save_as(tmp_path / f"{key}.csv")
        with (tmp_path / f"{key}.csv").open(encoding="utf-8-sig", newline="") as file:
            tables[key] = list(csv.reader(file))
    assert tables["map"][0] == ["Touchpoint", "Phase", "reviews", "praised", "blamed", "balance"]
    assert ["delivery", "All phases", "3", "1", "2", "-0.3333"] in tables["map"]
    # A CSV result has an apostrophe before such a value already, and it is shown as the file has it.
    assert {one[0] for one in tables["by-1"][1:]} == {'\'=HYPERLINK("x")', "Oslo, west"}


def test_a_formula_from_a_workbook_is_made_safe_in_the_csv(tmp_path: Path, opened: Open) -> None:
    columns = [Column(name, name) for name in COLUMNS]
    writer = XlsxWriter(tmp_path / "scored.xlsx", columns)
    for one in SMALL:
        cells = {k: "" if v is None else str(v) for k, v in one.items()}
        writer.write(list((cells | {"store": f"+cmd|{cells['store']}"}).values()))
    writer.close()
    assert main(["report", str(tmp_path / "scored.xlsx"), "-o", str(tmp_path / "report.html"), "--no-evidence"]) == 0
    page = opened(tmp_path / "report.html")
    page.locator("details:has([data-csv='by-1'])").locator("summary").click()
    with page.expect_download() as download:
        page.locator("[data-csv='by-1']").click()
    lines = Path(download.value.path()).read_text("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["'+cmd|Oslo", "'+cmd|Bergen"]


def test_a_hostile_text_is_shown_and_not_run(tmp_path: Path, opened: Open) -> None:
    rows = [one | {"review": f"{HOSTILE} {one['id']}", "store": f"{HOSTILE}{one['id'] % 2}"} for one in SMALL[:4]]
    report(tmp_path, rows)
    page = opened(tmp_path / "report.html")
    page.locator("[data-cell]").first.click()
    assert HOSTILE in page.locator("#reviews blockquote").first.inner_text()
    assert page.locator("img").count() == 0
    assert page.title() != "run"


def test_marks_hold_in_texts_with_emoji(tmp_path: Path, opened: Open) -> None:
    text = "😀😀 Hei! Pakken kom aldri."
    evidence = {"cx_evidence": 'delivery: "Pakken kom aldri."', "cx_evidence_offsets": "delivery:8-25"}
    report(tmp_path, [one | {"review": text} | evidence for one in SMALL[:1]])
    page = opened(tmp_path / "report.html")
    page.locator("[data-cell]").first.click()
    assert page.locator("#reviews mark").inner_text() == "Pakken kom aldri."
    assert page.locator("#reviews blockquote").inner_text() == text


def test_on_paper_nothing_is_wider_than_the_page(tmp_path: Path, browser: Any) -> None:
    rows = [one | {"store": f"Avdeling nummer {one['id'] % 9} ved {'x' * 30}"} for one in many()]
    report(tmp_path, rows, "--language", "da")
    page = browser.new_page(viewport={"width": 688, "height": 1000}, color_scheme="dark")  # A4 within its margins
    page.goto((tmp_path / "report.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)")
    page.locator("[data-cell]").first.focus()
    page.keyboard.press("Tab")
    focused = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(focused) == "solid"
    assert page.locator(".screen").is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
    assert page.evaluate(focused) == "none"
    assert not page.locator(".screen").is_visible()
    colours = page.evaluate("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]")
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    page.close()


def test_on_a_telephone_only_the_wide_tables_scroll(tmp_path: Path, browser: Any) -> None:
    report(tmp_path, many(), "--language", "sv", "--title", "Ettmycketlångtordsomintegårattbrytanågonstansalls" * 3)
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((tmp_path / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
