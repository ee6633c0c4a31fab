"""Reports by language with intervals, restricted labels, and the command."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from cxnlp.data import Review, split_of
from cxnlp.errors import DataError, SettingsError
from cxnlp.evaluation import evaluate, evaluate_labels, restrict, scores, show, show_labels
from cxnlp.taxonomy import Cutoffs, decide, default_thresholds
from oracle import TAXONOMY, Evaluate, Oracle, gold_reviews, record, write_lines


def some_wrong(reviews: Sequence[Review], every: int) -> Oracle:
    return Oracle(reviews, frozenset(review.id for review in reviews[::every]))


def test_perfect_predictions_score_one_everywhere() -> None:
    reviews = gold_reviews(80)
    report = evaluate(Oracle(reviews), reviews, resamples=20)
    assert list(report.figures) == ["sentiment", "touchpoints", "phases"]
    assert set(report.figures["touchpoints"]) == {"micro_f1", "macro_f1", "polarity_f1", "polarity_accuracy"}
    assert set(report.figures["phases"]) == {"micro_f1", "macro_f1", "main_accuracy", "rollup_accuracy"}
    for figures in report.figures.values():
        for slices in figures.values():
            assert list(slices) == ["all", "no", "da", "sv", "en", "mean"]
            assert all((e.value, e.low, e.high) == (1, 1, 1) for e in slices.values())
    assert report.reviews == {"all": 80, "no": 20, "da": 20, "sv": 20, "en": 20}


def test_slices_and_mean_over_languages_counted_by_hand() -> None:
    sides = [("no", "positive", "positive")] * 3 + [("no", "positive", "negative"), ("da", "neutral", "neutral")]
    sides += [("xx", "positive", "negative"), ("", "positive", "positive")]
    reviews = [Review(str(i), "Fin", lang, {"sentiment": gold}) for i, (lang, gold, _) in enumerate(sides)]
    report = evaluate_labels(TAXONOMY, reviews, [{"sentiment": guess} for _, _, guess in sides], resamples=20)
    accuracy = report.figures["sentiment"]["accuracy"]
    assert {name: e.value for name, e in accuracy.items()} == pytest.approx(
        {"all": 5 / 7, "no": 0.75, "da": 1, "xx": 0, "und": 1, "mean": 1.75 / 3}  # the unknown language is in no mean
    )
    assert {name: e.support for name, e in accuracy.items()} == {
        "all": 7,
        "no": 4,
        "da": 1,
        "xx": 1,
        "und": 1,
        "mean": 6,
    }


def test_a_language_without_a_facet_has_no_such_slice() -> None:
    reviews = [Review("1", "Fin", "no", {"sentiment": "positive"}), Review("2", "Fint", "da", {"phases": ("use",)})]
    report = evaluate_labels(TAXONOMY, reviews, [{"sentiment": "positive", "phases": ("use",)}] * 2, resamples=5)
    assert list(report.figures["sentiment"]["accuracy"]) == ["all", "no"]
    assert list(report.figures["phases"]["micro_f1"]) == ["all", "da"]
    assert "touchpoints" not in report.figures


def test_intervals_hold_the_figure_are_reproducible_and_narrow_with_more_reviews() -> None:
    widths = []
    for n in (100, 1600):
        reviews = gold_reviews(n)
        report = evaluate(some_wrong(reviews, 3), reviews)
        estimate = report.figures["touchpoints"]["micro_f1"]["all"]
        assert 0 < estimate.low < estimate.value < estimate.high < 1
        assert evaluate(some_wrong(reviews, 3), reviews).as_json() == report.as_json()
        assert evaluate(some_wrong(reviews, 3), reviews, seed=1).figures != report.figures
        widths.append(estimate.high - estimate.low)
    assert 3 < widths[0] / widths[1] < 5.5  # about the square root of 16


def test_interval_of_an_accuracy_is_about_the_binomial_one() -> None:
    reviews = [Review(str(i), "Fin", "no", {"sentiment": "positive"}) for i in range(400)]
    guess = [{"sentiment": "positive" if i % 4 else "negative"} for i in range(400)]
    estimate = evaluate_labels(TAXONOMY, reviews, guess).figures["sentiment"]["accuracy"]["all"]
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert (estimate.low, estimate.high) == pytest.approx((0.75 - half, 0.75 + half), abs=0.01)


def test_ten_thousand_reviews_take_seconds() -> None:
    reviews = gold_reviews(100) * 100
    guess = [dict(review.labels) for review in reviews]
    start = time.perf_counter()
    evaluate_labels(TAXONOMY, reviews, guess)
    assert time.perf_counter() - start < 20  # about one on a quiet machine


def test_scores_are_the_figures_of_all_reviews() -> None:
    reviews = gold_reviews(90)
    oracle = some_wrong(reviews, 4)
    predicted = decide(TAXONOMY, oracle.probabilities([review.text for review in reviews]), oracle.cutoffs)
    found = scores(TAXONOMY, reviews, predicted)
    report = evaluate(oracle, reviews, resamples=5)
    figures = {f"{f}/{name}": s["all"].value for f, names in report.figures.items() for name, s in names.items()}
    leading = ("sentiment/macro_f1", "touchpoints/micro_f1", "touchpoints/polarity_f1", "phases/micro_f1")
    assert found == figures | {"mean": pytest.approx(sum(figures[name] for name in leading) / 4)}


def test_no_labels_is_an_error() -> None:
    with pytest.raises(DataError, match="none of the 1 reviews has a label; expected at least one of: sentiment"):
        evaluate(Oracle([]), [Review("1", "Fin", "no")])


# Restricted labels


def probs_of(*sentiment: float) -> np.ndarray:
    probs = np.full((1, TAXONOMY.n_logits), 0.3, np.float32)
    probs[0, TAXONOMY.slices["sentiment"]] = sentiment
    return probs


def test_restricted_probabilities_share_what_all_had() -> None:
    found = restrict(TAXONOMY, probs_of(0.1, 0.2, 0.1, 0.6), {"sentiment": ("negative", "neutral", "positive")})
    assert found[0, TAXONOMY.slices["sentiment"]] == pytest.approx([0.25, 0.5, 0.25, 0])
    rest = np.delete(found, TAXONOMY.slices["sentiment"], axis=1)
    assert rest == pytest.approx(0.3)
    assert decide(TAXONOMY, found, Cutoffs(default_thresholds(TAXONOMY)))[0]["sentiment"] == "neutral"


def test_a_label_that_is_left_out_is_never_given_even_at_probability_one() -> None:
    found = restrict(TAXONOMY, probs_of(0, 0, 0, 1), {"sentiment": ("neutral", "positive")})
    assert found[0, TAXONOMY.slices["sentiment"]] == pytest.approx([0, 0.5, 0.5, 0])


def test_any_of_and_polarity_can_be_restricted_too() -> None:
    found = restrict(TAXONOMY, probs_of(1, 0, 0, 0), {"touchpoints": ("app",), "polarity": ("negative", "positive")})
    app = TAXONOMY["touchpoints"].labels.index("app")
    assert np.flatnonzero(found[0, TAXONOMY.slices["touchpoints"]]).tolist() == [app]
    assert found[0, TAXONOMY.slices["polarity"]].reshape(-1, 3) == pytest.approx(np.array([[0.5, 0, 0.5]] * 18))


def test_only_decides_among_its_labels() -> None:
    reviews = [Review("1", "Fin", "no", {"sentiment": "neutral"})]
    oracle = Oracle(reviews)
    oracle.known["Fin"][TAXONOMY.slices["sentiment"]] = [0.1, 0.2, 0.1, 0.6]
    assert evaluate(oracle, reviews).figures["sentiment"]["accuracy"]["all"].value == 0
    only = {"sentiment": ("negative", "neutral", "positive")}
    assert evaluate(oracle, reviews, only).figures["sentiment"]["accuracy"]["all"].value == 1


def test_gold_outside_only_is_refused() -> None:
    reviews = [Review("1", "Fin", "no", {"sentiment": "mixed"})]
    with pytest.raises(DataError, match="1 gold labels of sentiment lie outside negative, the first is 'mixed'"):
        evaluate(Oracle(reviews), reviews, {"sentiment": ("negative",)})


@pytest.mark.parametrize(
    ("only", "message"),
    [
        ({"sentimnt": ("negative",)}, "unknown facet 'sentimnt'; did you mean 'sentiment'"),
        ({"sentiment": ("negativ",)}, "unknown label 'negativ' of 'sentiment'; did you mean 'negative'"),
        ({"sentiment": ()}, "no labels given for 'sentiment'"),
    ],
)
def test_unknown_names_in_only_are_refused(only: dict[str, tuple[str, ...]], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        restrict(TAXONOMY, probs_of(1, 0, 0, 0), only)


# Text and JSON


def test_tables_are_at_most_a_hundred_columns_and_name_every_slice_and_label() -> None:
    reviews = gold_reviews(2000, languages=("no", "da", "sv", "en", "norwegian", ""))
    report = evaluate(Oracle(reviews), reviews, resamples=5)  # all figures 100.0, the widest
    for text in (show(report), show_labels(report)):
        assert max(map(len, text.splitlines())) <= 100
    assert "2,000 reviews (no 334, " in show(report)
    assert "100.0 [100.0–100.0]" in show(report)
    assert all(f"\n  {name}" in show(report) for name in ("all", "no", "en", "norwe…", "und", "mean"))
    assert all(f"\n  {name}" in show_labels(report) for name in ("mixed", "customer_service", "retention", "loyalty"))


def test_json_is_plain_and_figures_are_fractions() -> None:
    reviews = gold_reviews(60)
    report = evaluate(some_wrong(reviews, 4), reviews, resamples=30)
    found = json.loads(json.dumps(report.as_json(), allow_nan=False))
    estimate = found["figures"]["sentiment"]["accuracy"]["no"]
    assert set(estimate) == {"value", "low", "high", "support", "gold", "few"}
    assert 0 <= estimate["low"] <= estimate["value"] <= estimate["high"] <= 1
    assert set(found["labels"]) == {"sentiment", "touchpoints", "polarity", "phases", "phase", "stage"}
    assert found["bootstrap"] == {"resamples": 30, "seed": 0, "interval": 0.95}


# The command


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch) -> Evaluate:
    """Run the command with a fake model that is right on everything in ``gold_reviews(40)``."""
    oracle = Oracle(gold_reviews(40))
    return Evaluate(monkeypatch, lambda path: oracle)


def test_command_shows_and_writes(cli: Evaluate, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_lines(tmp_path / "gold.jsonl", [record(review) for review in gold_reviews(40)])
    target = tmp_path / "scores.json"
    assert cli("default", data, "--labels", "--json", target, "--backend", "torch", "--device", "cpu") == 0
    out = capsys.readouterr().out
    assert "40 reviews (no 10, da 10, sv 10, en 10)" in out
    assert "customer_service" in out
    assert "Omtale" not in out
    found = json.loads(target.read_text("utf-8"))
    assert found["bundle"] == "default"
    assert found["broken_lines"] == 0
    assert found["figures"]["phases"]["main_accuracy"]["mean"]["value"] == 1
    assert cli.calls == [(None, "torch", "cpu")]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(
    cli: Evaluate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = write_lines(tmp_path / "gold.jsonl", [record(review) for review in gold_reviews(4)])
    target = tmp_path / "out" / "scores.json"
    target.parent.mkdir()
    target.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match=r"scores\.json: cannot be written \(No space left on device\)"):
        cli("default", data, "--json", target)
    assert target.read_text() == "old"
    assert list(target.parent.iterdir()) == [target]


def test_what_is_read_is_not_overwritten(cli: Evaluate, tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    data = write_lines(tmp_path / "corpus" / "gold.jsonl", [record(review) for review in gold_reviews(2)])
    (tmp_path / "bundle").mkdir()
    for name in ("texts.jsonl", "bundle/manifest.json"):
        (tmp_path / name).write_bytes(data.read_bytes())
    (tmp_path / "same.json").hardlink_to(data)
    texts, manifest = tmp_path / "texts.jsonl", tmp_path / "bundle" / "manifest.json"
    for argv, target in [
        (["default", data], data),
        (["default", data], tmp_path / "same.json"),
        (["default", data.parent], data),
        (["default", data, "--texts", texts], texts),
        ([manifest.parent, data], manifest),
    ]:
        before = target.read_bytes()
        with pytest.raises(DataError, match=r"--json would overwrite .*; expected another file; give the result"):
            cli(*argv, "--json", target)
        assert target.read_bytes() == before
    assert cli.calls == []


def test_broken_lines_are_reported_and_the_rest_is_scored(
    cli: Evaluate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = [record(review) for review in gold_reviews(3)]
    data = write_lines(tmp_path / "gold.jsonl", [good[0], '{"text": ', good[1], {**good[2], "sentiment": "posative"}])
    assert cli("a-bundle", data) == 1
    shown = capsys.readouterr()
    assert "2 reviews" in shown.out
    assert "gold.jsonl, line 2: not a JSON object" in shown.err
    assert "gold.jsonl, line 4: unknown label 'posative' in sentiment; did you mean 'positive'?" in shown.err
    assert "2 broken lines were left out" in shown.err
    assert "Omtale" not in shown.out + shown.err


def test_many_broken_lines_are_counted_and_not_all_printed(
    cli: Evaluate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_lines(tmp_path / "gold.jsonl", [record(gold_reviews(1)[0]), *["[1]"] * 50])
    assert cli("a-bundle", data) == 1
    err = capsys.readouterr().err
    assert err.count("line ") == 20
    assert "and 30 more" in err


def test_labels_and_texts_in_two_files(cli: Evaluate, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = [record(review) for review in gold_reviews(6)]
    labels = write_lines(tmp_path / "labels.jsonl", [{k: v for k, v in r.items() if k != "text"} for r in records])
    texts = write_lines(tmp_path / "texts.jsonl", [{"id": r["id"], "text": r["text"]} for r in records[:5]])
    assert cli("a-bundle", labels, "--texts", texts) == 1
    shown = capsys.readouterr()
    assert "5 reviews" in shown.out
    assert "labels.jsonl, line 6: no text with id '5'" in shown.err


def test_labels_with_the_texts_of_an_export(cli: Evaluate, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = [record(review) for review in gold_reviews(3)]
    labels = write_lines(tmp_path / "labels.jsonl", [{k: v for k, v in r.items() if k != "text"} for r in records])
    rows = [f"{r['id']};5;nei;{r['text']}" for r in records]
    export = tmp_path / "export.csv"
    export.write_text("\n".join(["Review ID;rating;paid;omtale", *rows, "99;1;ja;Uten etikett"]), "utf-16")
    target = tmp_path / "out" / "scores.json"
    target.parent.mkdir()
    assert cli("a-bundle", labels, "--texts", export, "--json", target) == 0
    assert "3 reviews" in capsys.readouterr().out
    accuracy = json.loads(target.read_text())["figures"]["sentiment"]["accuracy"]
    assert accuracy["all"]["value"] == 1  # of the oracle, which knows the texts and not the ids

    # Another column of texts is not known to the oracle: it answers the same to all.
    assert cli("a-bundle", labels, "--texts", export, "--text-column", "paid", "--json", target) == 0
    assert json.loads(target.read_text())["figures"]["sentiment"]["accuracy"]["all"]["value"] < 1

    export.write_text("\n".join(["review_id;customer_id;omtale", "0;1;Grei nok"]))
    with pytest.raises(
        DataError, match=r"several columns could be the id \(review_id, customer_id\); name one column id"
    ):
        cli("a-bundle", labels, "--texts", export)
    export.write_text("\n".join(["paid;omtale", "0;Grei nok"]))
    with pytest.raises(DataError, match="no column of ids; name one column id; the columns are: paid, omtale"):
        cli("a-bundle", labels, "--texts", export)


def test_split_keeps_the_reviews_of_that_split(
    cli: Evaluate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews = gold_reviews(40)
    (tmp_path / "corpus").mkdir()
    write_lines(tmp_path / "corpus" / "a.jsonl", [record(review) for review in reviews[:25]])
    write_lines(tmp_path / "corpus" / "b.jsonl", [record(review) for review in reviews[25:]])
    wanted = sum(split_of(review.text) == "train" for review in reviews)
    assert 0 < wanted < 40
    assert cli("a-bundle", tmp_path / "corpus", "--split", "train") == 0
    assert f"{wanted} reviews" in capsys.readouterr().out
    assert cli("a-bundle", tmp_path / "corpus") == 0
    assert "40 reviews" in capsys.readouterr().out


def test_norec_is_decided_among_its_three_labels(
    cli: Evaluate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mixed = next(review for review in gold_reviews(40) if review.labels["sentiment"] == "mixed")
    (tmp_path / "test.json").write_text(
        json.dumps([{"text": mixed.text, "label": 2}, {"text": mixed.text, "label": 0}])
    )
    target = tmp_path / "out" / "scores.json"
    target.parent.mkdir()
    assert cli("a-bundle", tmp_path, "--json", target) == 0
    assert "sentiment: decided among negative, neutral, positive only." in capsys.readouterr().out
    found = json.loads(target.read_text())
    assert found["only"] == {"sentiment": ["negative", "neutral", "positive"]}
    assert found["figures"]["sentiment"]["accuracy"]["no"]["value"] == 0.5  # a tie goes to the first label, negative
    assert found["labels"]["sentiment"]["all"]["mixed"]["predicted"] == 0
    with pytest.raises(DataError, match=r"dev\.json: not readable as NoReC_sentence"):
        cli("a-bundle", tmp_path, "--split", "dev")


@pytest.mark.parametrize(
    ("argv", "error", "message"),
    [
        (["none.jsonl"], DataError, "none.jsonl: cannot be read"),
        (["empty.jsonl"], DataError, "empty.jsonl: no labelled review"),
        (["broken.jsonl"], DataError, "first problem: .*broken.jsonl, line 1"),
        (["folder", "--texts", "empty.jsonl"], DataError, "folder is a folder"),
        (["good.jsonl", "--json", "nowhere/scores.json"], DataError, "the folder .*nowhere does not exist"),
        (["good.jsonl", "--text-column", "text"], SettingsError, "--text-column names a column of --texts"),
        (["good.jsonl", "--only", "sentiment"], SettingsError, "expected FACET=LABEL,LABEL"),
        (["good.jsonl", "--only", "a=b", "--only", "a=c"], SettingsError, "names 'a' twice"),
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
    (tmp_path / "folder").mkdir()
    write_lines(tmp_path / "good.jsonl", [record(gold_reviews(1)[0])])
    write_lines(tmp_path / "broken.jsonl", ["{"])
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(error, match=message):
        cli("a-bundle", *argv)


def test_copies_and_empty_texts_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reviews = gold_reviews(40)
    rows = [record(one) for one in reviews]
    path = write_lines(tmp_path / "gold.jsonl", [*rows, rows[0], rows[0], {**rows[1], "text": " "}])
    assert Evaluate(monkeypatch, lambda path: Oracle(reviews))("fake", path) == 0
    told = "of 43 reviews 2 say again what another says, 1 have no text; all count"
    assert told in capsys.readouterr().err


def test_labels_alone_are_told_where_texts_can_be_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": "1", "sentiment": "positive"}]
    with pytest.raises(DataError, match="texts that lie in another file are given with --texts"):
        Evaluate(monkeypatch, lambda path: Oracle([]))("fake", write_lines(tmp_path / "labels.jsonl", rows))
