"""Drift: statistics against hand counts and scipy, false alarms at the stated level, and files as people have them."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from cxnlp.cli.main import main
from cxnlp.data.rows import Row
from cxnlp.errors import SettingsError
from cxnlp.evaluation.drift import DRIFT, SAME, TOO_FEW, Drift, compare
from cxnlp.evaluation.drift_limits import Limits, effects_of
from cxnlp.evaluation.drift_sample import Gatherer, Sample
from cxnlp.evaluation.drift_statistics import (
    benjamini_hochberg,
    chi2_tail,
    homogeneity,
    kolmogorov_smirnov,
    mann_whitney,
    proportions,
    stability_index,
    stability_index_of_values,
)
from cxnlp.inference.prediction import Prediction
from cxnlp.inference.scored import ScoredRow, Status
from cxnlp.text import TextTokenizer

TOY = tiny.toy_taxonomy()
WORDS = ["dør", "tak", "vindu", "fin", "dårlig", "grei", "stor", "liten"]


@pytest.fixture(scope="module")
def tokenizer() -> TextTokenizer:
    return TextTokenizer(tiny.tiny_tokenizer(WORDS), 32)


# Statistics by hand


def test_homogeneity_by_hand() -> None:
    # Expected counts are 20 everywhere; Σ (o − e)² / e = 4 · 100 / 20.
    found = homogeneity([10, 20, 30], [30, 20, 10])
    assert found is not None
    assert (found.test, found.statistic) == ("chi-squared", pytest.approx(20))
    assert found.p == pytest.approx(math.exp(-10))  # of two degrees of freedom
    assert found.effect == pytest.approx(math.sqrt(20 / 120))
    assert homogeneity([10, 0], [20, 0]) is None
    assert homogeneity([30, 1], [30, 2]) is None  # the rare one is pooled with the other


def test_the_effect_of_a_mix_does_not_shrink_with_a_large_reference() -> None:
    small, large = homogeneity([20, 80], [60, 40]), homogeneity([2000, 8000], [60, 40])
    assert small is not None and large is not None
    assert small.effect == pytest.approx(large.effect) == pytest.approx(math.sqrt((0.16 / 0.8 + 0.16 / 1.2) / 2))


def test_rare_categories_are_taken_together() -> None:
    found, pooled = homogeneity([50, 46, 2, 2], [50, 44, 3, 3]), homogeneity([50, 46, 4], [50, 44, 6])
    assert found is not None and pooled is not None
    assert found.p == pooled.p


def test_proportions_by_hand() -> None:
    found = proportions((20, 40), (100, 100))
    assert found is not None
    assert found.test == "two proportions"
    assert found.statistic == pytest.approx(0.2 / math.sqrt(0.3 * 0.7 * 0.02))
    assert found.effect == pytest.approx(2 * math.asin(math.sqrt(0.4)) - 2 * math.asin(math.sqrt(0.2)))
    # Fisher's tea: of tables with margins 4, 4, 4, 4 those of 0 and 4 hits have 1 of 70 each.
    tea = proportions((0, 4), (4, 4))
    assert tea is not None
    assert (tea.test, tea.p) == ("Fisher", pytest.approx(2 / 70))
    assert proportions((0, 0), (50, 50)) is None
    assert proportions((50, 50), (50, 50)) is None


def test_mann_whitney_and_kolmogorov_smirnov_by_hand() -> None:
    first, second = np.array([1.0, 2, 3, 4]), np.array([3.0, 5, 6])
    ranks, steps = mann_whitney(first, second), kolmogorov_smirnov(first, second)
    assert ranks is not None and steps is not None
    # Of 12 pairs the second is larger in 10 (3 beats 1 and 2; 5 and 6 beat four each), equal in 1, smaller in 1.
    assert (ranks.statistic, ranks.effect) == (10.5, pytest.approx((10 - 1) / 12))
    # At 2: half and none; at 3: three quarters and a third; at 4: all and a third.
    assert steps.effect == pytest.approx(2 / 3)
    assert mann_whitney(np.ones(3), np.ones(4)) is None
    assert kolmogorov_smirnov(np.ones(3), np.ones(4)) is None


def test_stability_index_by_hand() -> None:
    assert stability_index([10, 10], [10, 10]) == 0
    # With half a review more in each cell the shares are 1/4, 3/4 and 3/4, 1/4.
    assert stability_index([4.5, 14.5], [14.5, 4.5]) == pytest.approx(2 * 0.5 * math.log(3))
    values = np.arange(100.0)
    assert stability_index_of_values(values, values) == 0
    assert stability_index_of_values(values, values + 50) > 0.25
    assert stability_index_of_values(np.zeros(40), np.ones(40)) > 0.25  # one bin holds all of the reference


def test_benjamini_hochberg_by_hand() -> None:
    assert benjamini_hochberg([0.01, 0.2, 0.03, 0.5]) == pytest.approx([0.04, 0.2 * 4 / 3, 0.06, 0.5])
    assert benjamini_hochberg([0.03, 0.02]) == pytest.approx([0.03, 0.03])  # never larger than that of a larger p
    assert benjamini_hochberg([]) == []


@given(st.integers(1, 40), st.floats(0, 500))
def test_the_tail_of_chi_squared_is_that_of_scipy(degrees: int, x: float) -> None:
    stats = pytest.importorskip("scipy.stats")
    assert chi2_tail(x, degrees) == pytest.approx(stats.chi2.sf(x, degrees), rel=1e-8, abs=1e-300)


@given(st.lists(st.integers(0, 9), min_size=30, max_size=60), st.lists(st.integers(0, 9), min_size=30, max_size=60))
def test_the_tests_are_those_of_scipy(first: list[int], second: list[int]) -> None:
    stats = pytest.importorskip("scipy.stats")
    a, b = np.array(first, np.float64), np.array(second, np.float64)
    ranks, steps = mann_whitney(a, b), kolmogorov_smirnov(a, b)
    if ranks is None or steps is None:
        assert len({*first, *second}) == 1
        return
    theirs = stats.mannwhitneyu(b, a, method="asymptotic")
    assert (ranks.statistic, ranks.p) == (theirs.statistic, pytest.approx(theirs.pvalue))
    there = stats.ks_2samp(a, b, method="asymp")
    assert steps.statistic == pytest.approx(there.statistic)
    # Two approximations of one thing, which must agree where it matters.
    assert steps.p == pytest.approx(there.pvalue, abs=0.01 if there.pvalue < 0.1 else 0.05)
    hits, sizes = (int((a > 7).sum()), int((b > 7).sum())), (len(a), len(b))
    if (found := proportions(hits, sizes)) is not None:
        table = [[hits[0], sizes[0] - hits[0]], [hits[1], sizes[1] - hits[1]]]
        if found.test == "Fisher":
            assert found.p == pytest.approx(stats.fisher_exact(table).pvalue)
        else:
            assert found.p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)


# Samples


def gathered(rows: list[dict[str, Any]], tokenizer: TextTokenizer, path: str = "x") -> Sample:
    gatherer = Gatherer(path, TOY, tokenizer)
    for row in rows:
        labels = {"mood": row["mood"], "parts": row["parts"], "when": row["when"]}
        prediction = Prediction(TOY, labels, {}, row["confidence"], tuple(row["flags"]), row["language"])
        gatherer.add(ScoredRow(Row(1, {}, ""), Status.LABELLED, row["text"], prediction, tuple(row["flags"])))
    return gatherer.sample()


def rows_by_chance(rng: np.random.Generator, n: int, *, bad: float = 0.4) -> list[dict[str, Any]]:
    out = []
    for _ in range(n):
        parts = {part: str(rng.choice(["minus", "plus"])) for part in ("door", "roof") if rng.random() < 0.4}
        out.append(
            {
                "mood": "bad" if rng.random() < bad else "good",
                "parts": parts,
                "when": tuple(rng.permutation(["before", "during", "after"])[: rng.integers(1, 4)].tolist()),
                "confidence": float(rng.beta(5, 2)),
                "flags": ["needs_review"] if rng.random() < 0.1 else [],
                "language": str(rng.choice(["no", "da", "sv", "en"], p=[0.4, 0.3, 0.2, 0.1])),
                "text": " ".join(rng.choice(WORDS, size=rng.integers(1, 30))),
            }
        )
    return out


def finding(drift: Drift, group: str, name: str) -> Any:
    return next(one for one in drift.findings if (one.group, one.name) == (group, name))


def test_false_alarms_are_as_rare_as_stated(tokenizer: TextTokenizer) -> None:
    rng = np.random.default_rng(5)
    pool = rows_by_chance(rng, 240)
    alarms, small = 0, []
    for _ in range(80):
        order = rng.permutation(len(pool))
        halves = [gathered([pool[i] for i in part], tokenizer) for part in np.split(order, 2)]
        drift = compare(*halves, Limits(effects=effects_of("none", [])))  # by p alone, which is the harder promise
        alarms += bool(drift.alarms)
        small += [one.p < 0.05 for one in drift.findings if one.p is not None]
    assert alarms <= 80 * 0.05 + 3 * math.sqrt(80 * 0.05 * 0.95)
    assert 0.02 < np.mean(small) < 0.06  # uncorrected, each test keeps its level too (those of ties stay below it)


def test_real_drift_is_found_and_named(tokenizer: TextTokenizer) -> None:
    rng = np.random.default_rng(6)
    before, after = rows_by_chance(rng, 400), rows_by_chance(rng, 300, bad=0.7)
    for row in after[:150]:
        row["text"] = "xyzæ " * 40 + "ß"
    drift = compare(gathered(before, tokenizer), gathered(after, tokenizer), Limits())
    named = {(one.group, one.name) for one in drift.alarms}
    assert named == {
        ("mood", "bad"), ("mood", "good"), ("mood", "mix of mood"), ("length", "words of a review"),
        ("pieces", "share that is unknown"), ("pieces", "for each word"),
    }  # fmt: skip
    bad = finding(drift, "mood", "bad")
    assert bad.effect > 0.4
    assert (bad.n_reference, bad.n_new) == (400, 300)
    assert bad.new == sum(row["mood"] == "bad" for row in after) / 300
    assert finding(drift, "language", "mix of languages").verdict == SAME


def test_measures_are_counted_by_hand(tokenizer: TextTokenizer) -> None:
    row = {"mood": "bad", "parts": {"door": "minus"}, "when": ("after",), "confidence": 0.75, "flags": ["truncated"]}
    first = gathered([{**row, "language": "no", "text": "dør ß"}] * 40, tokenizer)
    # Pieces of "dør ß": ▁dør, ▁, <unk>.
    assert {name: values.tolist() for name, values in first.numbers.items()} == {
        "words": [2.0] * 40, "unknown": [pytest.approx(1 / 3)] * 40, "pieces": [1.5] * 40, "confidence": [0.75] * 40,
    }  # fmt: skip
    other = {**row, "parts": {"door": "plus"}, "flags": [], "language": "da", "text": None}
    second = gathered([{**row, "language": "no", "text": None}] * 10 + [other] * 30, tokenizer)
    drift = compare(first, second, Limits())
    door, share = finding(drift, "view", "door"), finding(drift, "flags", "truncated")
    assert (door.moved, door.reference, door.new, door.verdict) == ("minus", 1.0, 0.25, DRIFT)
    assert (share.reference, share.new, share.verdict) == (1.0, 0.25, DRIFT)
    assert finding(drift, "language", "mix of languages").new == 0.25
    assert not [one for one in drift.findings if one.group in ("length", "pieces")]  # the second has no texts
    assert not [one for one in drift.findings if one.name == "roof"]  # nobody has it
    assert finding(drift, "confidence", "probability").test == ""  # all the same


def test_too_few_to_say(tokenizer: TextTokenizer) -> None:
    rows = rows_by_chance(np.random.default_rng(7), 60)
    for i, row in enumerate(rows):
        row["parts"] = {"door": "minus" if i % 2 else "plus"} if i < 29 else {}
    drift = compare(gathered(rows, tokenizer), gathered(rows[:29] * 2, tokenizer), Limits())
    assert finding(drift, "view", "door").verdict == TOO_FEW
    few = compare(gathered(rows[:29], tokenizer), gathered(rows, tokenizer), Limits())
    assert {one.verdict for one in few.findings} == {TOO_FEW}
    assert few.n_tests == 0
    assert compare(gathered(rows[:29], tokenizer), gathered(rows, tokenizer), Limits(min_reviews=29)).n_tests > 0


def test_a_small_effect_is_no_alarm(tokenizer: TextTokenizer) -> None:
    row = {"parts": {}, "when": ("after",), "confidence": 0.7, "flags": [], "language": "no", "text": None}
    first = gathered([{**row, "mood": "bad" if i % 100 < 50 else "good"} for i in range(10_000)], tokenizer)
    second = gathered([{**row, "mood": "bad" if i % 100 < 54 else "good"} for i in range(10_000)], tokenizer)
    found = finding(compare(first, second, Limits()), "mood", "bad")
    assert found.adjusted < 0.001 and found.verdict == SAME  # h is 0.08
    own = Limits(effects=effects_of("small", ["h=0.05"]))
    assert finding(compare(first, second, own), "mood", "bad").verdict == DRIFT


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: Limits(alpha=0), "alpha is 0, expected"),
        (lambda: Limits(alpha=float("nan")), "alpha is nan, expected"),
        (lambda: Limits(min_reviews=1), "least number of reviews is 1, expected 2"),
        (lambda: Limits(effects=effects_of("small", ["delt=1"])), "no effect 'delt'.*did you mean 'delta'"),
        (lambda: Limits(effects=effects_of("small", ["h=-1"])), "least effect h is -1, expected"),
        (lambda: effects_of("small", ["h"]), "--min-effect 'h': expected NAME=NUMBER"),
        (lambda: effects_of("small", ["h=much"]), "--min-effect 'h=much': expected NAME=NUMBER"),
    ],
)
def test_limits_out_of_range(make: Any, what: str) -> None:
    with pytest.raises(SettingsError, match=what):
        make()


# The command


@pytest.fixture(scope="module")
def scored(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the forty composed reviews, scored by the tiny model into a file of each kind."""
    home = tmp_path_factory.mktemp("scored")
    with (home / "reviews.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["nr", "title", "review"])
        writer.writerows([i, f"Nr {i}", row["text"]] for i, row in enumerate(tiny.records() * 2))
    for kind in ("csv", "tsv", "xlsx", "parquet", "jsonl"):
        arguments = ["score", str(home / "reviews.csv"), "--model", str(tiny_bundle), "--output"]
        assert main([*arguments, str(home / f"scored.{kind}")]) == 0
    return home


def monitor(bundle: Path, *arguments: str | Path) -> int:
    return main(["monitor", *map(str, arguments), "--model", str(bundle)])


@pytest.mark.parametrize("kind", ["tsv", "xlsx", "parquet", "jsonl"])
def test_the_same_result_in_another_kind_of_file_is_the_same(
    kind: str, scored: Path, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    files = (scored / "scored.csv", scored / f"scored.{kind}")
    assert monitor(tiny_bundle, *files, "--effect", "none", "--json", tmp_path / "drift.json") == 0
    assert "No drift in" in capsys.readouterr().out
    found = json.loads((tmp_path / "drift.json").read_text("utf-8"))
    assert found["reference"] == {"file": str(files[0]), "rows": 80, "labelled": 80, "unread": 0}
    assert found["new"]["labelled"] == 80
    assert {one["group"] for one in found["findings"]} >= {"language", "length", "pieces", "sentiment", "confidence"}
    for one in found["findings"]:
        assert one["reference"] == pytest.approx(one["new"], abs=1e-4), one


def test_drift_ends_with_1_and_is_written(
    scored: Path, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = (scored / "scored.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    negative = [row for row in rows if row["sentiment"] == "negative"]
    assert 30 <= len(negative) <= 50
    new = tiny.write_jsonl(tmp_path / "new.jsonl", negative)
    outputs = ("--json", tmp_path / "d.json", "--markdown", tmp_path / "d.md")
    assert monitor(tiny_bundle, scored / "scored.csv", new, *outputs, "--all") == 1
    out = capsys.readouterr().out
    assert "sentiment, negative" in out and "too few" in out
    assert max(map(len, out.splitlines())) <= 115
    found = json.loads((tmp_path / "d.json").read_text("utf-8"))
    assert found["drift"] is True and "sentiment: negative" in found["alarms"]
    share = next(one for one in found["findings"] if (one["group"], one["name"]) == ("sentiment", "negative"))
    assert share["reference"] == pytest.approx(len(negative) / 80) and share["new"] == 1
    page = (tmp_path / "d.md").read_text("utf-8")
    assert page.startswith("# Drift\n") and "| sentiment, negative |" in page
    for words in [row["text"] for row in rows]:
        assert words not in page + out + json.dumps(found, ensure_ascii=False)


def test_texts_may_be_gone_and_rows_broken(
    scored: Path, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [json.loads(line) for line in (scored / "scored.jsonl").read_text("utf-8").splitlines()]
    kept = [{key: value for key, value in row.items() if key not in ("text", "review", "title")} for row in rows]
    kept[0]["sentiment"] = "Dette er ikke noe svar"
    kept[2]["flags"] = ["Dette er ikke et flagg", "needs_review"]
    kept[3]["language"] = "Dette er ikke et språk"
    kept[1] = {"flags": ["broken_line"], "line": 2, "raw": "{"}
    new = tiny.write_jsonl(tmp_path / "new.jsonl", kept)
    with new.open("a", encoding="utf-8") as file:
        file.write("ikke JSON\n")
    assert monitor(tiny_bundle, scored / "scored.csv", new, "--all") == 0
    out = capsys.readouterr().out
    assert "80 rows, 78 with labels, no texts, 1 left out as labels or confidence cannot be read" in out
    assert "length" not in out
    assert "Dette er ikke" not in out and "flags, needs_review" in out


@pytest.mark.parametrize("named", ["reference", "new"])
def test_files_that_cannot_be_compared(
    named: str, scored: Path, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = scored / "scored.csv"

    def error(other: Path, *options: str | Path) -> str:
        files = (other, good) if named == "reference" else (good, other)
        output = tmp_path / "drift.json"
        assert monitor(tiny_bundle, *files, "--json", output, *options) == 2
        assert not output.exists()
        err = capsys.readouterr().err
        assert err.startswith("cxnlp: error: ") and err.count("\n") == 1
        return err

    assert "no such file" in error(tmp_path / "none.csv")
    assert "no column cx_confidence and the like; expected a file that cxnlp score wrote" in error(
        scored / "reviews.csv"
    )
    rows = [json.loads(line) for line in (scored / "scored.jsonl").read_text("utf-8").splitlines()]
    other = tiny.write_jsonl(tmp_path / "other.jsonl", [{**row, "sentiment": "fine"} for row in rows])
    assert "none of the 80 labelled rows has labels of the taxonomy" in error(other)
    less = [{key: value for key, value in row.items() if key != "phases"} for row in rows]
    assert "no column phases, expected those of the taxonomy" in error(tiny.write_jsonl(tmp_path / "l.jsonl", less))
    few = tiny.write_jsonl(tmp_path / "few.jsonl", rows[:29])
    assert "29" in (said := error(few)) and "too few to say anything; expected 30 or more" in said
    assert "no column 'tekst'" in error(good, "--text-column", "tekst")
    assert "would overwrite" in error(good, "--markdown", scored / "scored.csv")


def test_one_name_for_two_outputs(
    scored: Path, tiny_bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = (scored / "scored.csv", scored / "scored.tsv")
    same = (tmp_path / "a.txt", tmp_path / "." / "a.txt")
    assert monitor(tiny_bundle, *files, "--json", same[0], "--markdown", same[1]) == 2
    assert "give each its own name" in capsys.readouterr().err


def test_a_scheduler_sees_the_exit_code(scored: Path, tiny_bundle: Path) -> None:
    done = tiny.run_cxnlp("monitor", "scored.csv", "scored.tsv", "--model", str(tiny_bundle), cwd=scored)
    assert (done.returncode, done.stderr) == (0, "")
    done = tiny.run_cxnlp("monitor", "scored.csv", "none.csv", "--model", str(tiny_bundle), cwd=scored)
    assert (done.returncode, done.stdout) == (2, "")
