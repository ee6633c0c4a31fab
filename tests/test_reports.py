"""The report: tables, page, and the command that writes them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxnlp.data import Review
from cxnlp.errors import DataError, ExtraError, SettingsError
from cxnlp.evaluation.evaluate import score_reviews
from cxnlp.evaluation.paired import paired
from cxnlp.evaluation.study import Rivals, Study, study
from cxnlp.reports import Source, markdown, page, sections
from cxnlp.taxonomy import default_thresholds
from oracle import TAXONOMY, Evaluate, Oracle, gold_reviews, record, write_lines
from tiny import records, toy_taxonomy

HOSTILE = "<script>alert('x')</script><img src=https://evil.example/x onerror=y> & \"quoted\" | `tick` [a](b)"


def made(
    reviews: Sequence[Review], wrong: frozenset[str] = frozenset(), *, with_text: bool = False, other: str = "new"
) -> Study:
    oracle = Oracle(reviews, wrong)
    scored = score_reviews(oracle, reviews)
    right = score_reviews(Oracle(reviews), reviews)
    against = paired(TAXONOMY, reviews, scored.labels, right.labels, ("old", other), resamples=20, rounds=50)
    return study(
        TAXONOMY, oracle.cutoffs.thresholds, reviews, scored, Rivals(),
        against=against, with_text=with_text, resamples=20,
    )  # fmt: skip


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in {"meta"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_hostile_names_ids_and_texts_are_escaped() -> None:
    reviews = [
        replace(one, id=f"{HOSTILE}{one.id}", text=f"{HOSTILE} {one.id}", lang=HOSTILE[:30], source=f"{HOSTILE}{i % 2}")
        for i, one in enumerate(gold_reviews(40))
    ]
    found = made(reviews, frozenset(one.id for one in reviews[:8]), with_text=True, other=HOSTILE)
    html = page(found, Source(HOSTILE, HOSTILE, only={HOSTILE: [HOSTILE]}))
    tags = Tags(html)
    assert tags.open == []
    assert not {tag for tag, _ in tags.found} & {"script", "img", "link", "iframe", "base"}
    assert "&lt;script&gt;" in html
    assert "<script" not in html.lower()
    assert not any(key.startswith("on") for _, attrs in tags.found for key in attrs)
    text = markdown(found, Source(HOSTILE, HOSTILE))
    assert "<script" not in re.sub(r"\\<", "", text)
    assert HOSTILE not in text
    assert all(len(re.findall(r"(?<!\\)\|", line)) > 2 for line in text.splitlines() if line.startswith("|"))


def test_the_page_asks_nobody_for_anything_and_charts_are_drawn() -> None:
    reviews = gold_reviews(120)
    html = page(made(reviews, frozenset(one.id for one in reviews[::5])), Source("b", "d"))
    addresses = [value for _, attrs in Tags(html).found for key, value in attrs.items() if key in {"href", "src"}]
    assert addresses
    assert all(str(value).startswith("#") for value in addresses)
    assert not re.search(r"url\(|@import|https?:", html)
    assert "default-src 'none'" in html
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    # Four facets' reliability, one coverage, eighteen touchpoints and seven phases.
    assert html.count("<svg") == 4 + 1 + 18 + 7
    assert "nan" not in html.lower().replace("finans", "")


def test_without_the_option_no_text_is_in_any_output() -> None:
    reviews = gold_reviews(40)
    wrong = frozenset(one.id for one in reviews[:20])
    found, with_text = made(reviews, wrong), made(reviews, wrong, with_text=True)
    source = Source("b", "d")
    for text in (page(found, source), markdown(found, source), json.dumps(found.as_json())):
        assert "Omtale nummer" not in text
    assert "Omtale nummer 3" in page(with_text, source)
    assert "Omtale nummer 3" in json.dumps(with_text.as_json())
    assert "Omtale nummer" not in markdown(with_text, source)


def test_what_rests_on_few_reviews_is_said_to() -> None:
    reviews = gold_reviews(100, languages=("no", "no", "no", "da"))  # 75 and 25
    found = made(reviews)
    (languages,) = [one for one in sections(found) if one.key == "languages"]
    rows = {row[0]: row for row in languages.tables[0].rows}
    assert rows["no"][1:] == ["75", "100.0 [100.0–100.0]", "100.0 [100.0–100.0]"]
    assert rows["da"][1:] == ["25", "too few to say", "too few to say"]
    flags = {name: e["few"] for name, e in found.as_json()["figures"]["sentiment"]["accuracy"].items()}
    assert flags == {"all": False, "no": False, "da": True, "mean": False}
    assert found.as_json()["by"]["length"]["sentiment"]["accuracy"]["1–7"]["few"] is False


def test_tables_are_rectangular_and_the_same_in_markdown() -> None:
    found = made(gold_reviews(60))
    shown = sections(found)
    keys = ["beside", "against", "languages", "labels", "confusion", "calibration", "coverage", "curves"]
    assert [one.key for one in shown] == keys
    for table in (table for one in shown for table in one.tables):
        assert {len(row) for row in table.rows} == {len(table.heads)}
    text = markdown(found, Source("nordic-small", "corpus", "test"))
    assert text.startswith(
        "# Evaluation of nordic-small\n\n60 reviews of corpus, split test (no 15, da 15, sv 15, en 15)."
    )
    assert "| model | 60 | 100.0 [100.0–100.0] |" in text
    assert text.endswith("\n")


def test_a_missing_template_engine_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ExtraError, match=r'--html needs jinja2, which is not installed: pip install "cxnlp\[report\]"'):
        page(made(gold_reviews(4)), Source("b", "d"))


# The command


class Other(Oracle):
    taxonomy = toy_taxonomy()
    thresholds = default_thresholds(toy_taxonomy())


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    """Run the command with fake models: ``worse`` is wrong on each third, ``other`` has another taxonomy."""
    reviews = gold_reviews(40)
    models = {"worse": Oracle(reviews, frozenset(one.id for one in reviews[::3])), "other": Other(reviews)}
    return Evaluate(monkeypatch, lambda path: models.get(str(path), Oracle(reviews)))


def gold_file(folder: Path, n: int = 40) -> Path:
    return write_lines(folder / "gold.jsonl", [record(one) for one in gold_reviews(n)])


def test_command_writes_every_format(cli: Evaluate, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = gold_file(tmp_path)
    second = write_lines(tmp_path / "second.jsonl", [{"id": str(i), "sentiment": "mixed"} for i in range(35)])
    train = write_lines(tmp_path / "train.jsonl", records())
    files = {name: tmp_path / f"report.{name}" for name in ("json", "html", "markdown")}
    options = [part for name, path in files.items() for part in (f"--{name}", path)]
    argv = ["worse", data, "--against", "default", "--second", second, "--train", train, *options]
    assert cli(*argv) == 0
    out = capsys.readouterr().out
    assert "Beside the model: unweighted mean over the languages" in out
    assert "second annotator" in out
    assert "A: worse\nB: default\n" in out
    assert max(map(len, out.splitlines())) <= 100
    found: dict[str, Any] = json.loads(files["json"].read_text("utf-8"))
    assert list(found["systems"]) == ["model", "tfidf", "majority", "second"]
    assert found["train"] == [str(train)]
    assert found["against"]["figures"]["sentiment"]["accuracy"]["all"]["difference"] > 0
    assert 0 < found["against"]["figures"]["sentiment"]["accuracy"]["all"]["p"] < 0.01
    assert set(found["calibration"]) == {"sentiment", "touchpoints", "polarity", "phases"}
    assert "trained on" in found["systems"]["tfidf"]["note"]
    for name in ("html", "markdown"):
        text = files[name].read_text("utf-8")
        assert all(part in text for part in ("TF-IDF + logistic", "second annotator", "B is default"))
        assert "Omtale" not in text
    assert {path.name for path in tmp_path.iterdir()} == {
        "gold.jsonl", "second.jsonl", "train.jsonl", "report.json", "report.html", "report.markdown",
    }  # fmt: skip


def test_stars_of_an_export_are_a_baseline(cli: Evaluate, tmp_path: Path) -> None:
    reviews = gold_reviews(12)
    labels = write_lines(tmp_path / "l.jsonl", [{k: v for k, v in record(r).items() if k != "text"} for r in reviews])
    stars = {"negative": 1, "neutral": 3, "positive": 5, "mixed": ""}
    rows = [f"{r.id},{stars[str(r.labels['sentiment'])]},{r.text}" for r in reviews]
    export = tmp_path / "export.csv"
    export.write_text("\n".join(["id,stars,review", *rows]))
    target = tmp_path / "out.json"
    assert cli("default", labels, "--texts", export, "--json", target) == 0
    found = json.loads(target.read_text())["systems"]["stars"]
    rated = sum(r.labels["sentiment"] != "mixed" for r in reviews)
    assert list(found["figures"]) == ["sentiment"]
    assert found["figures"]["sentiment"]["accuracy"]["all"]["value"] == 1
    assert found["figures"]["sentiment"]["accuracy"]["all"]["support"] == rated
    assert found["model_on_the_same"]["sentiment"]["accuracy"]["all"]["support"] == rated


def test_plain_evaluation_needs_no_extra(cli: Evaluate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("jinja2", "sklearn", "scipy", "matplotlib"):
        monkeypatch.setitem(sys.modules, package, None)
    data = gold_file(tmp_path, 8)
    assert cli("default", data, "--json", tmp_path / "a.json", "--markdown", tmp_path / "a.md") == 0
    for option, package in ((["--html", tmp_path / "a.html"], "jinja2"), (["--train", data], "scikit-learn")):
        with pytest.raises(ExtraError, match=rf'{package}, which is not installed: pip install "cxnlp\[report\]"'):
            cli("default", data, *option)
    assert not (tmp_path / "a.html").exists()


def test_two_taxonomies_are_refused_before_anything_is_scored(cli: Evaluate, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"default \(taxonomy .*\) and other \(taxonomy 'toy'\) differ: only default"):
        cli("default", gold_file(tmp_path), "--against", "other", "--html", tmp_path / "a.html")
    assert [path.name for path in tmp_path.iterdir()] == ["gold.jsonl"]


@pytest.mark.parametrize("option", ["--html", "--markdown", "--json"])
def test_what_is_read_is_not_overwritten(cli: Evaluate, tmp_path: Path, option: str) -> None:
    data = gold_file(tmp_path, 4)
    others = {}
    for name in ("second", "train"):
        others[name] = write_lines(tmp_path / f"{name}.jsonl", [record(one) for one in gold_reviews(4)])
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    (bundle / "manifest.json").write_text("{}")
    for argv, target in [
        ([], data),
        (["--second", others["second"]], others["second"]),
        (["--train", others["train"]], others["train"]),
        (["--against", bundle], bundle / "manifest.json"),
    ]:
        before = target.read_bytes()
        with pytest.raises(DataError, match=rf"{option} would overwrite .*, which is read here"):
            cli("default", data, *argv, option, target)
        assert target.read_bytes() == before


def test_a_failure_leaves_no_file_and_the_old_one(
    cli: Evaluate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = gold_file(tmp_path, 4)
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.html").write_text("old")

    def broken(*_: object) -> str:
        raise DataError("no more")

    monkeypatch.setattr("cxnlp.reports.page", broken)
    with pytest.raises(DataError, match="no more"):
        cli("default", data, "--json", out / "a.json", "--html", out / "a.html")
    assert [path.name for path in out.iterdir()] == ["a.html"]
    assert (out / "a.html").read_text() == "old"


@pytest.mark.parametrize(
    ("argv", "error", "message"),
    [
        (["--with-text"], SettingsError, "--with-text puts texts into --html or --json"),
        (["--with-text", "--markdown", "a.md"], SettingsError, "--with-text puts texts into"),
        (["--html", "a", "--json", "./a"], DataError, "named by --json and --html; expected two files"),
        (["--html", "nowhere/a.html"], DataError, "nowhere does not exist"),
        (["--train", "empty"], DataError, "empty: no .jsonl file in this folder"),
        (["--train", "none.jsonl"], DataError, "none.jsonl: cannot be read"),
        (["--second", "none.jsonl"], DataError, "none.jsonl: cannot be read"),
    ],
)
def test_errors_say_what_to_do(
    cli: Evaluate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    argv: list[str],
    error: type[Exception],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    data = gold_file(tmp_path, 4)
    with pytest.raises(error, match=message):
        cli("default", data, *argv)


def test_as_numbers_the_report_is_finite() -> None:
    found = made(gold_reviews(30, languages=("no",)))
    assert np.isfinite([one["average_precision"] for one in found.as_json()["curves"]]).all()
    assert "mean" not in found.as_json()["figures"]["sentiment"]["accuracy"]
    json.dumps(found.as_json(), allow_nan=False)
