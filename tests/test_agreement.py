"""How far annotators agree: coefficients by hand, against the literature and other packages, and the command."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tiny
from cxnlp.cli.main import main
from cxnlp.loop.agreement import Level, agreement
from cxnlp.loop.annotators import read_annotations
from cxnlp.loop.coefficients import Codes, alpha, alpha_sums, kappa, kappa_sums, masi, nominal, raw, raw_sums
from cxnlp.loop.majority import majority

TOY = tiny.toy_taxonomy()  # mood bad good, parts door roof with view minus plus, when (first) before during after


def codes(*annotators: str) -> Codes:
    """One string an annotator, one sign a unit; a dot is no answer."""
    return np.array([[-1 if sign == "." else int(sign) for sign in one] for one in annotators], np.int64).T


def alpha_of(found: Codes, distances: np.ndarray) -> float:
    return float(alpha(alpha_sums(found, distances).sum(axis=0), distances))


def kappa_of(found: Codes, distances: np.ndarray) -> float:
    return float(kappa(kappa_sums(found[:, 0], found[:, 1], distances).sum(axis=0), distances))


# Coefficients


@pytest.mark.parametrize(
    ("found", "published"),
    [
        # Krippendorff (2011), Computing Krippendorff's Alpha-Reliability, examples A, B and C.
        (codes("0100000010", "1110010000"), 0.095),
        (codes("001132224330", "101112224333"), 0.692),
        (codes("123321412...", "12332241251"[:10] + ".3", ".333234225"[:10] + "1.", "1233244125" + "1."), 0.743),
    ],
)
def test_alpha_of_the_published_examples(found: Codes, published: float) -> None:
    assert alpha_of(found, nominal(6)) == pytest.approx(published, abs=5e-4)


def test_kappa_by_hand() -> None:
    # Cohen's table of yes and no: 20 both yes, 15 both no, 5 and 10 apart. Seen .7, by chance .5 · .6 + .5 · .4 = .5.
    found = codes("1" * 25 + "0" * 25, "1" * 20 + "0" * 5 + "1" * 10 + "0" * 15)
    assert kappa_of(found, nominal(2)) == pytest.approx(0.4)
    assert float(raw(raw_sums(found).sum(axis=0))) == pytest.approx(0.7)


def test_masi_by_hand() -> None:
    sets = [frozenset(one) for one in ("", "a", "ab", "bc", "abc", "d")]
    found = {(i, j): masi(sets)[i, j] for i in range(6) for j in range(6)}
    assert {found[i, i] for i in range(6)} == {0}
    assert found[1, 2] == pytest.approx(1 - 2 / 3 * 1 / 2)  # within the other, one of two
    assert found[2, 3] == pytest.approx(1 - 1 / 3 * 1 / 3)  # one shared of three
    assert found[2, 4] == pytest.approx(1 - 2 / 3 * 2 / 3)
    assert found[0, 1] == found[3, 5] == 1
    assert all(found[i, j] == found[j, i] for i, j in found)


def test_alpha_of_sets_by_hand() -> None:
    # Two units, two annotators: {a} {a}; {a} {a, b}. Distance of the latter 2/3.
    # Seen: (2/3 + 2/3) / 1 over n = 4. By chance: three {a}, one {a, b}: 2 · 3 · 1 · 2/3 over 4 · 3.
    distances = masi([frozenset("a"), frozenset("ab")])
    assert alpha_of(codes("00", "01"), distances) == pytest.approx(1 - (4 / 3 / 4) / (4 / 12))


def test_what_cannot_be_measured_is_undefined() -> None:
    assert math.isnan(alpha_of(codes("000", "000"), nominal(2)))  # nothing that chance could get wrong
    assert math.isnan(kappa_of(codes("000", "000"), nominal(2)))
    assert math.isnan(alpha_of(codes("01.", "..1"), nominal(2)))  # no unit with two answers
    assert math.isnan(kappa_of(codes("01.", "..1"), nominal(2)))
    assert math.isnan(float(raw(raw_sums(codes("01.", "..1")).sum(axis=0))))


_ANSWERS = st.integers(2, 4).flatmap(
    lambda n: st.lists(st.lists(st.integers(-1, 3), min_size=n, max_size=n), min_size=2, max_size=30)
)


@given(_ANSWERS)
@settings(max_examples=30)
def test_alpha_is_that_of_the_krippendorff_package(answers: list[list[int]]) -> None:
    package = pytest.importorskip("krippendorff")
    found = np.array(answers, np.int64)
    for distances in (nominal(4), masi([frozenset(one) for one in ("", "a", "ab", "bc")])):
        ours = alpha_of(found, distances)
        if math.isnan(ours):
            continue  # which the package refuses

        def squared(v1: Any, v2: Any, i1: Any, i2: Any, n_v: Any, by: Any = distances, dtype: Any = float) -> Any:
            return by[np.asarray(v1, int), np.asarray(v2, int)].astype(dtype)

        data = np.where(found < 0, np.nan, found).T
        theirs = package.alpha(data, level_of_measurement=squared, value_domain=[0, 1, 2, 3])
        assert ours == pytest.approx(theirs)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=30))
@settings(max_examples=30)
def test_kappa_is_that_of_scikit_learn(answers: list[tuple[int, int]]) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    found = np.array(answers, np.int64)
    ours = kappa_of(found, nominal(4))
    if not math.isnan(ours):
        assert ours == pytest.approx(metrics.cohen_kappa_score(found[:, 0], found[:, 1]))


# Annotators


def write(path: Path, **by_id: dict[str, Any]) -> Path:
    rows = [{"id": identity, "lang": "no", "text": f"Text {identity}", **labels} for identity, labels in by_id.items()]
    return tiny.write_jsonl(path, rows)


def levels(*paths: Path) -> dict[tuple[str, str], Level]:
    found = agreement(TOY, read_annotations(paths, TOY), resamples=50)
    return {(level.facet, level.label): level for level in found}


def test_each_facet_and_label_counted_by_hand(tmp_path: Path) -> None:
    anna = write(
        tmp_path / "anna.jsonl",
        a={"mood": "good", "parts": {"door": "plus"}, "when": ["before"]},
        b={"mood": "bad", "parts": {"door": "minus", "roof": "minus"}, "when": ["before", "after"]},
        c={"mood": "good", "parts": {}},
        d={"mood": "good"},
    )
    bo = write(
        tmp_path / "bo.jsonl",
        a={"mood": "good", "parts": {"door": "minus"}, "when": ["before"]},
        b={"mood": "good", "parts": {"door": "minus"}, "when": ["after", "before"]},
        c={"mood": "good", "parts": {}},
        e={"mood": "bad"},
    )
    found = levels(anna, bo)
    rates = {name: (round(level.raw.value, 4), level.raw.support) for name, level in found.items()}
    assert rates == {
        ("mood", ""): (0.6667, 3),
        ("mood", "bad"): (0.6667, 3),
        ("mood", "good"): (0.6667, 3),
        ("parts", ""): (0.6667, 3),  # the same set
        ("parts", "door"): (1, 3),
        ("parts", "roof"): (0.6667, 3),
        ("view", ""): (0.5, 2),  # of the doors; only one saw a roof
        ("when", ""): (1, 2),
        ("when", "before"): (1, 2),
        ("when", "after"): (1, 2),
        ("first", ""): (0.5, 2),
    }
    assert found["parts", ""].distance == "masi" and found["view", ""].distance == "nominal"
    # Doors: one plus and minus, one minus twice. Seen 1/2; chance by alpha 2 · 1 · 3 / (4 · 3) = 1/2.
    assert found["view", ""].alpha.value == pytest.approx(0)
    assert found["parts", "door"].kappas["anna", "bo"].value == 1
    assert all(level.alpha.few for level in found.values())


def test_polarities_of_one_review_are_drawn_together(tmp_path: Path) -> None:
    # In every review both labels agree or neither does, so that an interval over labels would be too narrow.
    rows = {str(i): {"parts": dict.fromkeys(("door", "roof"), "plus" if i % 2 else "minus")} for i in range(40)}
    other = {str(i): {"parts": dict.fromkeys(("door", "roof"), "plus")} for i in range(40)}
    level = levels(write(tmp_path / "a.jsonl", **rows), write(tmp_path / "b.jsonl", **other))["view", ""]
    assert (level.raw.value, level.raw.support, level.raw.few) == (0.5, 80, False)
    assert level.raw.high - level.raw.low > 0.2  # 40 reviews: ± 0.15; 80 labels would give ± 0.11


def test_annotators_by_name_or_by_file(tmp_path: Path) -> None:
    rows = [
        {"id": 1, "text": "Ja", "mood": "good", "annotator": "anna"},
        {"id": 1, "text": "Ja", "mood": "bad", "annotator": "bo"},
        {"id": 1, "text": "Ja", "mood": "bad", "annotator": "bo"},
        {"id": 2, "text": "Nei", "mood": "god", "annotator": "bo"},
        {"id": 3, "text": "Kanskje"},
    ]
    one = tiny.write_jsonl(tmp_path / "one.jsonl", rows)
    found = read_annotations([one, write(tmp_path / "cecilie.jsonl", **{"1": {"mood": "good"}})], TOY)
    assert found.annotators == ["anna", "bo", "cecilie"]
    assert (found.shared, list(found.labels), list(found.texts)) == (1, ["1"], ["1", "3"])
    assert [problem.line for problem in found.problems] == [3, 4]
    (tmp_path / "x").mkdir()
    same = [write(folder / "labels.jsonl", a={"mood": "good"}) for folder in (tmp_path, tmp_path / "x")]
    assert read_annotations(same, TOY).annotators == [str(path) for path in same]


# Majority


@pytest.mark.parametrize(
    ("facet", "given", "settled"),
    [
        ("mood", ["good", "good", "bad"], "good"),
        ("mood", ["good", "bad"], None),
        ("mood", ["good"], "good"),
        ("parts", [{"door": "plus"}, {"door": "plus", "roof": "minus"}, {}], {"door": "plus"}),
        ("parts", [{"door": "plus"}, {"roof": "minus"}, {}], {}),
        ("parts", [{"door": "plus"}, {}], None),
        ("parts", [{"door": "plus"}, {"door": "minus"}, {"door": ""}], None),
        ("parts", [{"door": "plus"}, {"door": ""}], {"door": "plus"}),
        ("when", [("after", "before"), ("after",), ("before", "after")], ("after", "before")),
        ("when", [("after", "before"), ("before", "after")], None),
        ("when", [("after",), ("before",), ("during",)], None),
    ],
)
def test_what_the_majority_says(facet: str, given: list[Any], settled: Any) -> None:
    assert majority(TOY[facet], given) == settled


# The command


def command(tmp_path: Path, *arguments: str) -> int:
    toml = tmp_path / "toy.toml"
    toml.write_text(TOY.source, "utf-8")
    return main(["labels", "agreement", *arguments, "--taxonomy", str(toml), "--resamples", "50"])


def three(tmp_path: Path) -> list[str]:
    moods = {"anna": "good good good", "bo": "good bad bad", "cecilie": "good bad good"}
    paths = []
    for who, said in moods.items():
        labels = {f"=r{i}": {"mood": mood} for i, mood in enumerate(said.split())}
        labels["=r0"]["parts"] = {"door": "plus"} if who != "bo" else {"door": "minus"}
        if who != "cecilie":
            labels["=r1"]["when"] = ["before"] if who == "anna" else ["after"]
        paths.append(str(write(tmp_path / f"{who}.jsonl", **labels)))
    return paths


def test_the_command_shows_lists_and_settles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = three(tmp_path)
    talk, settled, figures = (str(tmp_path / name) for name in ("talk.csv", "settled.jsonl", "figures.json"))
    assert command(tmp_path, *paths, "--labels", "--disagreements", talk, "--majority", settled, "--json", figures) == 0
    out = capsys.readouterr().out
    assert "3 annotators (anna, bo, cecilie), 3 reviews labelled by two or more" in out
    # Moods: of nine pairs three of three, one of three, one of three agree.
    assert "mood                              3  (" in out and "(0.556 [" in out
    assert "mood: good" in out and "too few to say" in out and "anna, bo" in out
    assert "Not labelled alike: 4 facets of 3 reviews." in out
    assert "The majority settled 3; left open, and out: 1.\n  =r1: when" in out
    assert "Text" not in out
    with Path(talk).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["id", "facet", "anna", "bo", "cecilie", "majority"],
        ["'=r0", "parts", "door:plus", "door:minus", "door:plus", "door:plus"],
        ["'=r1", "mood", "good", "bad", "bad", "bad"],
        ["'=r1", "when", "before", "after", "", ""],
        ["'=r2", "mood", "good", "bad", "good", "good"],
    ]
    assert [json.loads(line) for line in Path(settled).read_text("utf-8").splitlines()] == [
        {"id": "=r0", "lang": "no", "text": "Text =r0", "mood": "good", "parts": {"door": "plus"}},
        {"id": "=r1", "lang": "no", "text": "Text =r1", "mood": "bad"},
        {"id": "=r2", "lang": "no", "text": "Text =r2", "mood": "good"},
    ]
    found = json.loads(Path(figures).read_text("utf-8"))
    assert (found["annotators"], found["shared"]) == (["anna", "bo", "cecilie"], 3)
    mood = next(level for level in found["levels"] if level["facet"] == "mood" and level["label"] is None)
    assert mood["raw"]["value"] == pytest.approx(5 / 9, abs=1e-6)
    assert [pair["annotators"] for pair in mood["kappa"]] == [["anna", "bo"], ["anna", "cecilie"], ["bo", "cecilie"]]


def test_texts_only_when_asked_for(tmp_path: Path) -> None:
    talk = tmp_path / "talk.jsonl"
    assert command(tmp_path, *three(tmp_path), "--disagreements", str(talk)) == 0
    assert "Text" not in talk.read_text("utf-8")
    assert command(tmp_path, *three(tmp_path), "--disagreements", str(talk), "--with-text") == 0
    first = json.loads(talk.read_text("utf-8").splitlines()[0])
    assert first == {
        "id": "=r0", "facet": "parts", "majority": {"door": "plus"}, "text": "Text =r0",
        "given": {"anna": {"door": "plus"}, "bo": {"door": "minus"}, "cecilie": {"door": "plus"}},
    }  # fmt: skip


def test_the_same_seed_gives_the_same_intervals(tmp_path: Path) -> None:
    paths = three(tmp_path)
    outs = [tmp_path / f"{i}.json" for i in range(3)]
    for out, seed in zip(outs, ("1", "1", "2"), strict=True):
        assert command(tmp_path, *paths, "--json", str(out), "--seed", seed) == 0
    first, again, other = (json.loads(out.read_text("utf-8"))["levels"] for out in outs)
    assert first == again
    assert [level["alpha"]["value"] for level in first] == [level["alpha"]["value"] for level in other]


def test_mistakes_are_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = three(tmp_path)
    alone = str(write(tmp_path / "dag.jsonl", z={"mood": "good"}))
    for arguments, said in (
        ([paths[0]], "1 annotator and no review that two of them labelled"),
        ([paths[0], alone], "2 annotators and no review that two of them labelled"),
        ([*paths, "--with-text"], "--with-text puts texts into --disagreements"),
        ([*paths, "--disagreements", "talk.txt"], "ends in .csv or .jsonl"),
        ([*paths, "--majority", paths[1]], "--majority would overwrite"),
        ([*paths, "--majority", "x.jsonl", "--json", "x.jsonl"], "named by --json and --majority"),
        ([str(tmp_path / "none.jsonl")], "cannot be read"),
    ):
        assert command(tmp_path, *arguments) == 2
        assert said in capsys.readouterr().err
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"id": "=r0", "mood": "good"}\n{"id": "=r1", "mood": "god"}\nnothing\n', "utf-8")
    assert command(tmp_path, paths[0], str(broken)) == 1
    err = capsys.readouterr().err
    assert "line 2: unknown label 'god' in mood; did you mean 'good'?" in err and "line 3: not a JSON object" in err


def test_the_same_file_given_twice_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "anna.jsonl", r1={"sentiment": "positive"})
    (tmp_path / "bo.jsonl").symlink_to(tmp_path / "anna.jsonl")
    monkeypatch.chdir(tmp_path)
    for again in ("anna.jsonl", "./anna.jsonl", str(tmp_path / "anna.jsonl"), "bo.jsonl"):
        assert main(["labels", "agreement", "anna.jsonl", again]) == 2
        assert f"{Path(again)}: given twice; give each file once" in capsys.readouterr().err
