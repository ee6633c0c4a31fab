"""`cxnlp suggest`: which reviews are worth labelling next, and why."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from cxnlp import Tagger
from cxnlp.cli.main import main
from cxnlp.data.tables import open_table, read_rows
from cxnlp.loop.choose import RARE_LABEL, RARE_LANGUAGE, UNCERTAIN, Candidates, Known, Weights, choose
from cxnlp.loop.uncertainty import as_ranks, facet_uncertainty
from cxnlp.loop.vectors import TextVectors, clusters
from cxnlp.taxonomy import default_thresholds, load_taxonomy

pytest.importorskip("sklearn")

DEFAULT = load_taxonomy()
TOY = tiny.toy_taxonomy()  # the axis: mood bad good, parts door roof, view minus plus of each, when before during after
_WORDS = {
    "no": "Varene kom {a} og {b}, men {c} var {d}",
    "sv": "Varorna kom {a} och {b}, fast {c} var {d}",
}
_PARTS = [
    ["raskt", "sent", "pent", "stygt", "varmt", "kaldt", "tidlig", "stille", "høyt", "lavt"],
    ["helt", "ødelagt", "merkelig", "glatt", "rundt", "skjevt", "blankt", "matt", "tungt", "lett"],
    ["kassen", "disken", "gulvet", "taket", "lyset", "parkeringen", "inngangen", "heisen", "trappen", "døren"],
    ["grei", "treg", "lei", "fin", "stengt", "åpen", "rar", "god", "mørk", "lys"],
]


def text_of(i: int, language: str = "no") -> str:
    """A text of its own for every i under 10,000: no two share more than two of four words."""
    picks = [
        part[(i * step + i // 10 * shift) % 10]
        for part, step, shift in zip(_PARTS, (1, 3, 7, 9), range(4), strict=True)
    ]
    return _WORDS[language].format(**dict(zip("abcd", picks, strict=True))) + f" {i}"


def record(
    i: int, text: str = "", language: str = "no", sentiment: Sequence[float] = (0.97, 0.01, 0.01, 0.01), **spoken: float
) -> dict[str, Any]:
    """A line as `cxnlp score` writes it with the default taxonomy; ``spoken`` are probabilities of touchpoints."""
    touchpoints = {label: 0.01 for label in DEFAULT["touchpoints"].labels} | spoken
    probabilities = {
        "sentiment": dict(zip(DEFAULT["sentiment"].labels, sentiment, strict=True)),
        "touchpoints": touchpoints,
        "polarity": {
            f"{label}:{name}": p
            for label in touchpoints
            for name, p in zip(DEFAULT["polarity"].labels, (0.98, 0.01, 0.01), strict=True)
        },
        "phases": {label: 0.98 if label == "use" else 0.01 for label in DEFAULT["phases"].labels},
    }
    return {
        "id": str(i), "text": text or text_of(i, language), "language": language, "confidence": max(sentiment),
        "sentiment": DEFAULT["sentiment"].labels[int(np.argmax(sentiment))],
        "touchpoints": {label: "negative" for label, p in touchpoints.items() if p > 0.5}, "phases": ["use"],
        "probabilities": probabilities, "flags": [],
    }  # fmt: skip


def suggest(path: Path, *arguments: str, budget: int = 5) -> list[dict[str, Any]]:
    """Run the command; give the records of its JSON lines."""
    output = path.with_name("next.jsonl")
    code = main(["suggest", str(path), "--budget", str(budget), "--output", str(output), *arguments])
    assert code == 0
    return [json.loads(line) for line in output.read_text("utf-8").splitlines()]


# The choice, counted by hand


def candidates(
    uncertainty: Sequence[float], labels: Sequence[Sequence[float]], groups: Sequence[int], languages: Sequence[int]
) -> Candidates:
    return Candidates(
        np.array(uncertainty, np.float64)[:, None], np.array(labels, np.float64), np.array(groups), np.array(languages)
    )


def test_ten_kinds_are_worth_more_than_ten_of_a_kind() -> None:
    # Ranks of the uncertainties: 1, 0.75, 0.5, 0.25, 0; the three most uncertain are alike.
    pool = candidates([9, 8, 7, 6, 5], [[0]] * 5, [0, 0, 0, 1, 2], [0] * 5)
    known = Known(np.zeros(1), np.zeros(1))
    chosen = choose(pool, known, 3, Weights(labels=0, languages=0, power=1))
    # First: sqrt(1) = 1. Then of cluster 0: sqrt(1.75) - 1 = 0.32, of cluster 1: sqrt(0.25) = 0.5. Then row 1.
    assert [one.row for one in chosen] == [0, 3, 1]
    assert {one.reason for one in chosen} == {UNCERTAIN}


def test_a_rare_label_is_worth_more_than_a_frequent_one() -> None:
    # Label 0 is in 99 labelled reviews, label 1 in none: sqrt(100.9) - 10 = 0.045 against sqrt(1.2) - 1 = 0.095.
    pool = candidates([1, 1], [[0.9, 0], [0, 0.2]], [0, 1], [0, 0])
    chosen = choose(pool, Known(np.array([99.0, 0.0]), np.zeros(1)), 1, Weights(languages=0))
    assert [(one.row, one.reason, one.label) for one in chosen] == [(1, RARE_LABEL, 1)]


def test_a_language_with_few_labelled_reviews_comes_first() -> None:
    pool = candidates([1, 1, 1, 1], [[0]] * 4, [0, 1, 2, 3], [0, 0, 1, 1])
    chosen = choose(pool, Known(np.zeros(1), np.array([50.0, 1.0])), 2)
    assert [one.row for one in chosen] == [2, 3]
    assert chosen[0].reason == RARE_LANGUAGE


def test_shares_of_languages_lie_between_the_pools_and_even_ones() -> None:
    languages = [0] * 160 + [1] * 10
    pool = candidates([1] * 170, [[0]] * 170, [0] * 170, languages)
    known = Known(np.zeros(1), np.zeros(2))

    def second(evenness: float) -> int:
        found = choose(pool, known, 50, Weights(uncertainty=0, labels=0, evenness=evenness))
        return sum(languages[one.row] for one in found)

    # With one of each to begin with, 52 are shared: 1 to 16 as in the pool (3), 1 to 4 half-way (10), all there are.
    assert (second(0), second(0.5), second(1)) == (2, 9, 10)


def test_copies_are_left_out_and_counted() -> None:
    pool = candidates([5, 4, 3, 2], [[0]] * 4, [0, 1, 2, 3], [0] * 4)
    copies = {0: [0, 1, 2], 3: [3]}
    chosen = choose(pool, Known(np.zeros(1), np.zeros(1)), 4, near=lambda row: np.isin(np.arange(4), copies[row]))
    assert [(one.row, one.copies) for one in chosen] == [(0, 2), (3, 0)]
    labelled = choose(pool, Known(np.zeros(1), np.zeros(1)), 4, near=lambda row: None)
    assert labelled == []


@given(st.data())
def test_any_choice_holds_each_review_once(data: st.DataObject) -> None:
    n, k, g = data.draw(st.integers(0, 12)), data.draw(st.integers(1, 4)), data.draw(st.integers(1, 3))
    share = st.floats(0, 1, width=32)
    pool = Candidates(
        np.array(data.draw(st.lists(share, min_size=n, max_size=n)), np.float64).reshape(n, 1),
        np.array(data.draw(st.lists(share, min_size=n * k, max_size=n * k)), np.float64).reshape(n, k),
        np.array(data.draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)), np.int64),
        np.array(data.draw(st.lists(st.integers(0, g - 1), min_size=n, max_size=n)), np.int64),
    )
    budget = data.draw(st.integers(0, 15))
    rows = [one.row for one in choose(pool, Known(np.zeros(k), np.zeros(g)), budget)]
    assert len(rows) == min(budget, n) == len(set(rows))
    # Greedy: fewer are the beginning of more.
    assert [one.row for one in choose(pool, Known(np.zeros(k), np.zeros(g)), budget // 2)] == rows[: budget // 2]


# Uncertainty, counted by hand


def test_uncertainty_of_each_kind_of_facet() -> None:
    row = [0.7, 0.3, 0.5, 0.0, 0.8, 0.2, 0.5, 0.5, 0.0, 0.0, 0.0]
    thresholds = default_thresholds(TOY)
    found = facet_uncertainty(TOY, np.array([row], np.float32), thresholds)
    assert found["mood"][0] == pytest.approx(1 - 0.4, abs=1e-6)
    assert found["parts"][0] == pytest.approx(1.0, abs=0.01)  # door: one bit; roof: none
    assert found["view"][0] == pytest.approx(0.5 * (1 - 0.6), abs=1e-6)  # roof is not there
    thresholds["parts"]["door"] = 0.9  # 0.5 is now far from the border: odds of 1 to 9, so 0.469 bits
    assert facet_uncertainty(TOY, np.array([row], np.float32), thresholds)["parts"][0] == pytest.approx(0.469, abs=0.01)


def test_ranks_are_of_one_scale_and_ties_in_the_middle() -> None:
    assert as_ranks(np.array([10.0, 30.0, 20.0])).tolist() == [0, 1, 0.5]
    assert as_ranks(np.array([5.0, 5.0, 5.0])).tolist() == [0.5] * 3
    assert as_ranks(np.array([7.0])).tolist() == [0.5]


# Vectors


def test_near_copies_and_others() -> None:
    texts = [
        "Pakken kom aldri fram, og ingen svarte på telefonen da jeg ringte i går.",
        "Pakken kom aldri fram, og ingen svarte på telefonen da jeg ringte i går!!",
        "Hyggelig betjening og rask levering.",
        "!",
    ]
    vectors = TextVectors.of(texts)
    assert vectors.near(0).tolist() == [True, True, False, False]
    assert vectors.near(2).tolist() == [False, False, True, False]
    assert vectors.near(3).tolist() == [False, False, False, True]  # without a feature, like itself alone
    points = vectors.points(0)
    assert np.allclose(np.linalg.norm(points[:3], axis=1), 1)
    assert clusters(points, 4, 0).tolist() == [0, 1, 2, 3]
    assert len(set(clusters(points[[0, 1, 2]], 2, 0)[:2].tolist())) == 1


# The command


def test_the_uncertain_one_is_chosen_and_explained(tmp_path: Path) -> None:
    rows = [record(i) for i in range(30)]
    rows[17] = record(17, sentiment=(0.45, 0.05, 0.09, 0.41))
    path = tiny.write_jsonl(tmp_path / "scored.jsonl", rows)
    found = suggest(path, budget=3)
    assert [row["cx_suggest_rank"] for row in found] == [1, 2, 3]
    first = found[0]
    assert first["id"] == "17" and first["text"] == text_of(17)
    assert (first["cx_suggest_why"], first["cx_suggest_facet"]) == ("uncertain", "sentiment")
    assert first["cx_suggest_doubt"] == "negative 0.45, mixed 0.41"
    assert first["probabilities"] == rows[17]["probabilities"]  # a record goes on whole


def test_a_rare_label_is_looked_for_until_enough_are_labelled(tmp_path: Path) -> None:
    rows = [record(i, product=0.99, store=0.99) for i in range(40)]  # all equally uncertain
    rows += [record(100 + i, product=0.99, chat=0.99) for i in range(3)]
    path = tiny.write_jsonl(tmp_path / "scored.jsonl", rows)
    found = suggest(path, budget=12)
    rare = [row for row in found if row["id"] in ("100", "101", "102")]
    assert len(rare) == 3
    assert rare[0]["cx_suggest_label"] == "touchpoints=chat 0.99" and rare[0]["cx_suggest_labelled"] == 0
    labels = [
        {"id": f"l{i}", "lang": "no", "text": f"Chatten svarte på {i} minutter", "sentiment": "negative",
         "touchpoints": {"chat": "negative", "product": "negative"}, "phases": ["use"]}
        for i in range(300)
    ]  # fmt: skip
    known = tiny.write_jsonl(tmp_path / "known.jsonl", labels)
    again = suggest(path, "--labelled", str(known), budget=12)
    assert sum(row["id"] in ("100", "101", "102") for row in again) < 3
    assert {row["cx_suggest_label"] for row in again[:1]} == {"touchpoints=store 0.99"}


def test_a_rare_language_gets_more_than_its_share(tmp_path: Path) -> None:
    rows = [record(i) for i in range(96)] + [record(200 + i, language="sv") for i in range(6)]
    path = tiny.write_jsonl(tmp_path / "scored.jsonl", rows)
    languages = Counter(row["language"] for row in suggest(path, budget=17))
    assert languages["sv"] >= 2  # its share of the file is one in seventeen
    assert languages["no"] > languages["sv"]


def test_what_is_labelled_is_not_suggested_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [record(i) for i in range(6)]
    rows.append(record(6, text="Pakken kom aldri fram, og ingen svarte på telefonen da jeg ringte i går."))
    path = tiny.write_jsonl(tmp_path / "scored.jsonl", rows)
    labelled = [
        {"id": "a", "text": f"  {text_of(0).upper()}\u200b ", "sentiment": "negative"},  # the same text once cleaned
        {"id": "b", "text": text_of(1), "sentiment": "no such label"},
        {"id": "c", "text": "Pakken kom aldri fram, og ingen svarte på telefonen da jeg ringte i går!!"},  # a near copy
        {"id": "d"},
    ]
    known = tiny.write_jsonl(tmp_path / "known.jsonl", labelled)
    output = tmp_path / "next.jsonl"
    code = main(
        ["suggest", str(path), "--budget", "9", "--labelled", str(known), "--output", str(output), "--seed", "3"]
    )
    printed = capsys.readouterr()
    assert code == 1  # two lines of the labelled file are broken
    assert {json.loads(line)["id"] for line in output.read_text("utf-8").splitlines()} == {"2", "3", "4", "5"}
    assert "labelled already 2" in printed.out and "Fewer than 9" in printed.out
    assert f"{known}, line 2: " in printed.err and f"{known}, line 4: " in printed.err
    assert "Varene" not in printed.out + printed.err


def test_copies_in_the_file_come_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = "Pakken kom aldri fram, og ingen svarte på telefonen da jeg ringte i går{}"
    doubt = (0.4, 0.1, 0.1, 0.4)
    rows = [record(i, text=long.format(end), sentiment=doubt) for i, end in enumerate([".", "!", "", "!", "!!"])]
    path = tiny.write_jsonl(tmp_path / "scored.jsonl", rows + [record(i) for i in range(10, 16)])
    found = suggest(path, budget=20)
    assert len(found) == 7
    assert [row["cx_suggest_copies"] for row in found if row["text"].startswith("Pakken")] == [3]
    assert "the same text again 1" in capsys.readouterr().out


def test_rows_that_nobody_can_label_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = {**record(1), "text": " ", "probabilities": None, "flags": ["empty"]}
    broken = {"flags": ["broken_line"], "line": 9, "raw": "{"}
    foreign = {**record(2, sentiment=(0.3, 0.3, 0.2, 0.2)), "language": "fr", "flags": ["other_language"]}
    unscored = {**record(3), "probabilities": None, "flags": ["not_scored"]}
    rows = [record(0), empty, broken, foreign, unscored]
    path = tiny.write_jsonl(tmp_path / "scored.jsonl", rows)
    assert [row["id"] for row in suggest(path, budget=9)] == ["0"]
    assert "Left out: without a text 2" in (out := capsys.readouterr().out)
    assert "a language that the model does not know 1" in out and "not scored 1" in out
    assert {row["id"] for row in suggest(path, "--other-languages", budget=9)} == {"0", "2"}


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    chance = np.random.default_rng(5)
    rows = [record(i, sentiment=chance.dirichlet([1, 1, 1, 1]).round(4).tolist()) for i in range(80)]
    path = tiny.write_jsonl(tmp_path / "scored.jsonl", rows)
    made = []
    for name in ("a.xlsx", "b.xlsx", "a.csv", "b.csv"):
        assert main(["suggest", str(path), "--budget", "30", "--seed", "4", "--output", str(tmp_path / name)]) == 0
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1] and made[2] == made[3]


@pytest.mark.parametrize("kind", ["csv", "xlsx", "parquet", "jsonl"])
def test_every_kind_of_scored_file(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    with (tmp_path / "reviews.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "review", "shop"])
        writer.writerows(
            [i, text, "Oslo"] for i, text in enumerate(["- treg levering", "Helt topp butikk", "", "Meh."])
        )
    scored = tmp_path / f"scored.{kind}"
    assert main(["score", str(tmp_path / "reviews.csv"), "--output", str(scored)]) == 0
    known = tiny.write_jsonl(tmp_path / "known.jsonl", [{"text": "- Treg levering"}])
    capsys.readouterr()
    assert main(["suggest", str(scored), "--budget", "9", "--labelled", str(known)]) == 0
    out = capsys.readouterr().out
    assert ("holds no probabilities" in out) == (kind != "jsonl")
    assert "labelled already 1" in out  # in a CSV file an apostrophe stands before it
    made = {"xlsx": "xlsx", "jsonl": "jsonl"}.get(kind, "csv")
    table = open_table(tmp_path / f"scored.suggested.{made}")
    rows = list(read_rows(table))
    assert {row.text for row in rows} == {"Helt topp butikk", "Meh."}
    assert {row.fields["shop"] for row in rows} == {"Oslo"}
    assert [str(row.fields["cx_suggest_rank"]).removesuffix(".0") for row in rows] == ["1", "2"]


@pytest.mark.parametrize("made", ["csv", "xlsx", "jsonl"])
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_what_is_suggested_can_be_labelled_with_the_models_labels_filled_in(
    kind: str, made: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reviews.csv").write_text("id,review,language\na,Treg levering og fin app,norsk\nb,,dansk\n", "utf-8")
    scored, chosen = tmp_path / f"scored.{kind}", tmp_path / f"next.{made}"
    assert main(["score", str(tmp_path / "reviews.csv"), "--output", str(scored)]) == 0
    assert main(["suggest", str(scored), "--budget", "9", "--output", str(chosen)]) == 0
    capsys.readouterr()
    assert main(["labels", "export", str(chosen), "--to", "argilla", "--output", str(tmp_path / "a.json")]) == 0
    assert "1 review, 1 with labels" in capsys.readouterr().out
    if made == "csv":
        (row,) = csv.DictReader((tmp_path / "next.csv").open(encoding="utf-8-sig"))
        assert row["review"] == "Treg levering og fin app" and row["cx_suggest_rank"] == "1"
        found = dict(part.split(":") for part in row["cx_touchpoints"].split("; "))
        assert found == Tagger.load().tag(["Treg levering og fin app"])[0].touchpoints
        assert {"sentiment", "touchpoints", "probabilities"}.isdisjoint(row)


def test_texts_of_another_file(tmp_path: Path) -> None:
    rows = [{key: value for key, value in record(i).items() if key != "text"} for i in range(4)]
    path = tiny.write_jsonl(tmp_path / "scored.jsonl", rows)
    texts = tiny.write_jsonl(tmp_path / "texts.jsonl", [{"id": i, "text": text_of(i)} for i in range(3)])
    found = suggest(path, "--texts", str(texts), budget=9)
    assert {row["id"]: row["text"] for row in found} == {str(i): text_of(i) for i in range(3)}


def test_texts_are_joined_by_ids_that_are_there_and_say_one_thing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{key: value for key, value in record(i).items() if key != "text"} for i in range(3)]
    path = tiny.write_jsonl(tmp_path / "scored.jsonl", [*rows[:2], {**rows[2], "id": None}])
    named = [{"id": i, "text": text_of(i)} for i in range(2)]
    texts = tiny.write_jsonl(tmp_path / "texts.jsonl", [*named, {"id": None, "text": "Hvem sine ord er dette?"}])
    assert {row["id"] for row in suggest(path, "--texts", str(texts), budget=9)} == {"0", "1"}
    tiny.write_jsonl(texts, [*named, {"id": 1, "text": "Noe annet."}])
    capsys.readouterr()
    assert main(["suggest", str(path), "--texts", str(texts), "--budget", "9"]) == 2
    err = capsys.readouterr().err
    assert "line 3: another text with the id of a line before" in err and "annet" not in err


def test_a_column_of_flags_of_its_own_hides_no_flag(tmp_path: Path) -> None:
    table = tmp_path / "scored.csv"
    head = "id;review;flags;cx_language;cx_sentiment;cx_touchpoints;cx_phases;cx_confidence;cx_flags"
    lines = [f"{i};{text_of(i)};vip;no;positive;;use;0,6;{flag}" for i, flag in ((1, ""), (2, "other_language"))]
    table.write_text("\n".join([head, *lines]) + "\n", "utf-8")
    assert [row["id"] for row in suggest(table)] == ["1"]


def test_mistakes_are_explained_and_write_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scored = tiny.write_jsonl(tmp_path / "scored.jsonl", [record(0), record(1)])
    plain = tiny.write_jsonl(tmp_path / "plain.jsonl", [{"text": text_of(0)}])
    other = record(2)
    other["probabilities"]["sentiment"].pop("mixed")
    foreign = tiny.write_jsonl(tmp_path / "foreign.jsonl", [other])
    known = tiny.write_jsonl(tmp_path / "known.jsonl", [{"text": text_of(0)}, {"text": text_of(1)}])
    for arguments, message in (
        ([scored, "--budget", "0"], "--budget 0: expected"),
        ([plain, "--budget", "1"], "expected a file that cxnlp score wrote"),
        ([foreign, "--budget", "1"], "line 1: no probability of 'sentiment=mixed'"),
        ([scored, "--budget", "1", "--output", tmp_path / "x.doc"], "unknown kind of output '.doc'"),
        ([scored, "--budget", "1", "--output", scored], "would overwrite"),
        ([scored, "--budget", "1", "--output", tmp_path / "none" / "x.csv"], "does not exist"),
        ([scored, "--budget", "1", "--labelled", known], "no review to suggest (2 labelled already)"),
        ([tmp_path / "missing.jsonl", "--budget", "1"], "missing.jsonl"),
    ):
        assert main(["suggest", *map(str, arguments)]) == 2
        err = capsys.readouterr().err
        assert message in err
        assert "Varene" not in err and "Traceback" not in err
    assert {path.name for path in tmp_path.iterdir()} == {"scored.jsonl", "plain.jsonl", "foreign.jsonl", "known.jsonl"}


def test_a_full_disk_leaves_the_old_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scored = tiny.write_jsonl(tmp_path / "scored.jsonl", [record(i) for i in range(5)])
    output = tmp_path / "next.csv"
    output.write_text("old\n", "utf-8")

    def full(self: object, values: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cxnlp.data.write_lines.CsvWriter.write", full)
    assert main(["suggest", str(scored), "--budget", "2", "--output", str(output)]) == 2
    assert "No space left" in capsys.readouterr().err
    assert output.read_text("utf-8") == "old\n"
    assert {path.name for path in tmp_path.iterdir()} == {"scored.jsonl", "next.csv"}


def test_without_scikit_learn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    scored = tiny.write_jsonl(tmp_path / "scored.jsonl", [record(0)])
    assert main(["suggest", str(scored), "--budget", "1"]) == 2
    assert 'pip install "cxnlp[report]"' in capsys.readouterr().err


def test_very_many_are_cut_to_the_most_promising(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxnlp.loop.suggest.MOST", 10)
    rows = [record(i) for i in range(50)]
    rows[33] = record(33, sentiment=(0.45, 0.05, 0.09, 0.41))
    found = suggest(tiny.write_jsonl(tmp_path / "scored.jsonl", rows), budget=50)
    assert len(found) == 10
    assert found[0]["id"] == "33"
