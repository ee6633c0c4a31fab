"""Figures counted by hand, and against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from cxnlp.data import Review
from cxnlp.evaluation import evaluate_labels, scores
from cxnlp.evaluation.bootstrap import interval, resampled_sums
from cxnlp.taxonomy import Taxonomy, parse_taxonomy

TOML = """
name = "hotel"
languages = ["no", "da"]
[facets.mood]
kind = "one_of"
labels = ["bad", "fair", "good"]
[facets.topics]
kind = "any_of"
labels = ["bed", "food", "price"]
[facets.tone]
kind = "polarity"
of = "topics"
labels = ["minus", "plus"]
[facets.steps]
kind = "any_of"
main = "step"
labels = ["book", "stay", "leave"]
[facets.steps.rollup]
name = "part"
[facets.steps.rollup.labels]
book = "before"
stay = "there"
leave = "there"
"""
HOTEL = parse_taxonomy(TOML, "hotel.toml")
MOODS, TOPICS, TONES, STEPS = (HOTEL[name].labels for name in ("mood", "topics", "tone", "steps"))


def review(lang: str = "no", **labels: Any) -> Review:
    return Review("1", "Sengen var fin", lang, labels)


def score(gold: list[dict[str, Any]], predicted: list[dict[str, Any]], taxonomy: Taxonomy = HOTEL) -> dict[str, float]:
    return scores(taxonomy, [Review("1", "En fin seng", "no", labels) for labels in gold], predicted)


def test_one_of_counted_by_hand() -> None:
    gold = [{"mood": m} for m in ("good", "good", "bad", "bad")]
    found = score(gold, [{"mood": m} for m in ("good", "bad", "bad", "fair")])
    # bad: P 1/2, R 1/2, F1 1/2; fair is predicted only: 0; good: P 1, R 1/2, F1 2/3.
    assert found == pytest.approx({"mood/accuracy": 0.5, "mood/macro_f1": (1 / 2 + 0 + 2 / 3) / 3, "mean": 7 / 18})


def test_pairs_and_topics_counted_by_hand() -> None:
    gold = [{"topics": {"bed": "plus", "food": "minus"}}, {"topics": {}}, {"topics": {"bed": "minus"}}]
    guess = [{"topics": {"bed": "plus", "food": "plus"}}, {"topics": {"price": "plus"}}, {"topics": {"bed": "minus"}}]
    found = score(gold, guess)
    assert found["topics/micro_f1"] == pytest.approx(2 * 3 / (4 + 3))
    assert found["topics/macro_f1"] == pytest.approx(1.0)  # bed and food; price has no gold label
    assert found["topics/polarity_f1"] == pytest.approx(2 * 2 / (4 + 3))
    assert found["topics/polarity_accuracy"] == pytest.approx(2 / 3)
    assert found["mean"] == pytest.approx((6 / 7 + 4 / 7) / 2)


def test_main_label_and_rollup_counted_by_hand() -> None:
    gold = [{"steps": ("stay", "book")}, {"steps": ("book",)}, {"steps": ("leave",)}]
    guess = [{"steps": ("stay", "leave")}, {"steps": ("leave", "book")}, {"steps": ("stay",)}]
    found = score(gold, guess)
    assert found["steps/micro_f1"] == pytest.approx(2 * 2 / (5 + 4))
    assert found["steps/main_accuracy"] == pytest.approx(1 / 3)
    assert found["steps/rollup_accuracy"] == pytest.approx(2 / 3)  # leave and stay are both "there"


def test_a_label_without_a_known_polarity_is_neither_right_nor_wrong() -> None:
    gold = [{"topics": {"bed": "", "food": "plus"}}]
    found = score(gold, [{"topics": {"bed": "minus", "food": "plus"}}])
    assert found["topics/polarity_f1"] == 1
    assert found["topics/polarity_accuracy"] == 1


def test_no_polarity_figures_without_any_gold_polarity() -> None:
    found = score(
        [{"topics": {"bed": ""}}, {"topics": {}}], [{"topics": {"bed": "plus"}}, {"topics": {"food": "plus"}}]
    )
    assert set(found) == {"topics/micro_f1", "topics/macro_f1", "mean"}
    assert found["topics/micro_f1"] == pytest.approx(2 / 3)


def test_missing_facets_do_not_count() -> None:
    gold = [{"mood": "good"}, {"steps": ("book",)}, {"mood": "bad"}]
    every = {"mood": "good", "topics": {"bed": "plus"}, "steps": ("book",)}
    found = score(gold, [every, every | {"mood": "fair"}, every])
    assert found["mood/accuracy"] == 0.5
    assert found["steps/micro_f1"] == 1
    assert not any(name.startswith("topics") for name in found)


def test_nothing_to_find_and_nothing_found_is_undefined() -> None:
    assert score([{"topics": {}}], [{"topics": {}}]) == {}
    report = evaluate_labels(HOTEL, [review(topics={})], [{"topics": {}}], resamples=10)
    assert report.as_json()["figures"]["topics"]["micro_f1"]["all"]["value"] is None


def test_as_many_predictions_as_reviews() -> None:
    with pytest.raises(ValueError, match="1 predictions for 2 reviews"):
        score([{"mood": "good"}] * 2, [{"mood": "good"}])


topics = st.dictionaries(st.sampled_from(TOPICS), st.sampled_from(TONES))
steps = st.lists(st.sampled_from(STEPS), min_size=1, unique=True).map(tuple)
record = st.fixed_dictionaries({"mood": st.sampled_from(MOODS), "topics": topics, "steps": steps})


@given(st.lists(st.tuples(record, record), min_size=1, max_size=30))
def test_agrees_with_scikit_learn(pairs: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
    gold, guess = [one for one, _ in pairs], [two for _, two in pairs]
    found = score(gold, guess)
    moods = [[one["mood"] for one in side] for side in (gold, guess)]
    assert found["mood/accuracy"] == pytest.approx(accuracy_score(*moods))
    assert found["mood/macro_f1"] == pytest.approx(f1_score(*moods, average="macro", zero_division=0))
    main = [[one["steps"][0] for one in side] for side in (gold, guess)]
    assert found["steps/main_accuracy"] == pytest.approx(accuracy_score(*main))
    columns = {
        "topics/micro_f1": [(t,) for t in TOPICS],
        "topics/polarity_f1": [(t, p) for t in TOPICS for p in TONES],
    }
    for name, wanted in columns.items():
        cells = [
            np.array([[one["topics"].get(c[0]) in (c[1:] or TONES) for c in wanted] for one in side])
            for side in (gold, guess)
        ]
        if cells[0].any():
            assert found[name] == pytest.approx(f1_score(*cells, average="micro", zero_division=0))


def test_single_labels_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    gold, guess = ([{"mood": MOODS[i]} for i in rng.integers(0, 3, 200)] for _ in range(2))
    report = evaluate_labels(HOTEL, [review(**labels) for labels in gold], guess, resamples=50)
    wanted = precision_recall_fscore_support(
        [g["mood"] for g in gold], [g["mood"] for g in guess], labels=list(MOODS), zero_division=0
    )
    table = report.labels["mood"]["all"]
    for i, label in enumerate(MOODS):
        found = table[label]
        assert (found.precision, found.recall, found.f1, found.support) == pytest.approx(tuple(w[i] for w in wanted))
        assert found.low < found.f1 < found.high
        assert found.predicted == sum(g["mood"] == label for g in guess)


@pytest.mark.parametrize("draws", [7, 10_000_000])
def test_resamples_draw_as_many_reviews_as_there_are(monkeypatch: pytest.MonkeyPatch, draws: int) -> None:
    monkeypatch.setattr("cxnlp.evaluation.bootstrap._MAX_DRAWS", draws)
    counts = np.array([[1, 0], [1, 5], [1, 0]], np.float32)
    sums = resampled_sums(counts, 400, np.random.default_rng(0))
    assert (sums[:, 0] == 3).all()
    assert set(np.unique(sums[:, 1])) == {0, 5, 10, 15}
    assert sums[:, 1].mean() == pytest.approx(5, abs=0.6)


def test_interval_leaves_out_what_is_undefined() -> None:
    assert interval(np.array([np.nan, 0.0, 1.0])) == pytest.approx((0.025, 0.975))
    assert np.isnan(interval(np.array([np.nan]))).all()
