"""What `cxnlp monitor` says first: what changed, how sure that is, and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cxnlp.cli.main import main
from scored_rows import Row, row, write_csv


def rows(n: int, n_blamed: int, **more: Any) -> list[Row]:
    touchpoints = ["delivery:negative; staff:positive" if i < n_blamed else "staff:positive" for i in range(n)]
    return [row(i, one, "use", "positive", **more) for i, one in enumerate(touchpoints)]


@pytest.fixture
def first_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def compare(before: list[Row], after: list[Row], code: int) -> str:
        files = [write_csv(tmp_path / name, found) for name, found in (("old.csv", before), ("new.csv", after))]
        arguments = [
            "monitor",
            *map(str, files),
            "--json",
            str(tmp_path / "d.json"),
            "--markdown",
            str(tmp_path / "d.md"),
        ]
        assert main(arguments) == code
        out = capsys.readouterr().out
        assert max(map(len, out.partition("\n\n")[0].splitlines())) <= 100
        said = " ".join(out.partition("\n\n")[0].split())
        assert said in (tmp_path / "d.md").read_text("utf-8")
        assert said in (tmp_path / "d.json").read_text("utf-8")
        return said

    return compare


def test_nothing_has_changed(first_words: Any) -> None:
    said = first_words(rows(200, 40), rows(200, 42), 0)
    assert said.startswith("Nothing has changed by more than chance and the least effect, in ")
    assert said.endswith("There is nothing to do.")


def test_a_label_that_rose_is_named_with_its_shares(first_words: Any) -> None:
    said = first_words(rows(200, 20), rows(200, 100), 1)
    assert said.startswith("The new reviews differ from the reference: delivery (touchpoints) rose from 10.0% to 50.0%")
    assert "about 5% of such comparisons would give any alarm." in said
    assert said.endswith(
        "Read twenty of the new reviews beside their labels: either customers say other things, or the model errs."
    )


def test_a_model_that_is_less_sure_is_to_be_measured(first_words: Any) -> None:
    def with_confidence(base: float) -> list[Row]:
        return [one | {"cx_confidence": base + one["id"] % 10 / 100} for one in rows(200, 20)]

    said = first_words(with_confidence(0.8), with_confidence(0.6), 1)
    assert "the model's mean confidence fell from 0.845 to 0.645" in said
    assert said.endswith("label a hundred of the new reviews and measure (cxnlp evaluate).")


def test_other_languages_with_the_same_answers_are_compared_within_each(first_words: Any) -> None:
    said = first_words(rows(200, 20), rows(200, 20, cx_language="sv"), 1)
    assert "sv (languages) rose from 0.0% to 100.0%" in said or "no (languages) fell from 100.0% to 0.0%" in said
    assert "compare shares within each language" in said
