"""The choice of thresholds, counted by hand and against brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.data import Review
from cxnlp.evaluation import choose_cutoffs, scores
from cxnlp.taxonomy import Cutoffs, Taxonomy, decide, default_thresholds, parse_taxonomy

LABELS = ("bed", "food", "price")


def taxonomy(main: bool = False) -> Taxonomy:
    lines = ['name = "hotel"', "[facets.topics]", 'kind = "any_of"', f"labels = {list(LABELS)}"]
    return parse_taxonomy("\n".join([*lines, *(['main = "topic"'] if main else [])]).replace("'", '"'), "hotel.toml")


def reviews(gold: list[tuple[str, ...] | None]) -> list[Review]:
    return [Review(str(i), "God mat", "no", {} if g is None else {"topics": g}) for i, g in enumerate(gold)]


def probs(rows: list[list[float]]) -> np.ndarray:
    return np.array(rows, np.float32)


def choose(rows: list[list[float]], gold: list[tuple[str, ...] | None], shrinkage: float = 50) -> dict[str, float]:
    return choose_cutoffs(taxonomy(), probs(rows), reviews(gold), shrinkage).thresholds["topics"]


def test_common_threshold_is_the_middle_of_the_best_range() -> None:
    # Everything from 0.301 to 0.700 is without error.
    found = choose([[0.7, 0.3, 0.1], [0.9, 0.2, 0.7]], [("bed",), ("bed", "price")])
    assert found == dict.fromkeys(LABELS, pytest.approx(0.5, abs=0.002))


def test_a_label_with_its_own_scale_gets_its_own_threshold() -> None:
    # bed needs more than 0.6, food less than 0.4: no common threshold is without error.
    rows = [[0.8, 0.3, 0.05], [0.6, 0.1, 0.05]]
    gold: list[tuple[str, ...] | None] = [("bed", "food"), ()]
    found = choose(rows * 20, gold * 20, shrinkage=0)
    assert 0.6 < found["bed"] <= 0.8
    assert 0.1 < found["food"] <= 0.3


def test_shrinkage_draws_towards_the_common_threshold_on_the_logit_scale() -> None:
    rows = [[0.8, 0.3, 0.05], [0.35, 0.1, 0.05]] * 50
    gold: list[tuple[str, ...] | None] = [("bed", "food"), ()] * 50
    own, half = choose(rows, gold, shrinkage=0), choose(rows, gold, shrinkage=50)
    # In common: from 0.1 to 0.3, all hits and one false bed a pair. Best for bed: from 0.35 to 0.8.
    assert own == {"bed": pytest.approx(0.575, abs=0.002), "food": half["food"], "price": half["price"]}
    assert half["food"] == half["price"] == pytest.approx(0.2, abs=0.002)
    # 50 positives against 50: half-way. (log(0.2 / 0.8) + log(0.575 / 0.425)) / 2 = -0.542, the logit of 0.368.
    assert half["bed"] == pytest.approx(0.368, abs=0.002)


def test_own_thresholds_that_do_no_better_are_dropped() -> None:
    # One positive review is too little to move a threshold across a score.
    found = choose([[0.8, 0.3, 0.05], [0.6, 0.1, 0.05]], [("bed", "food"), ()])
    assert len(set(found.values())) == 1


def test_without_positives_or_without_labels_the_threshold_stays_a_half() -> None:
    assert choose([[0.9, 0.8, 0.7]], [()]) == dict.fromkeys(LABELS, 0.5)
    assert choose([[0.9, 0.8, 0.7]], [None]) == dict.fromkeys(LABELS, 0.5)
    nothing = choose_cutoffs(taxonomy(), np.zeros((0, 3), np.float32), [])
    assert nothing == Cutoffs({"topics": dict.fromkeys(LABELS, 0.5)})


def test_reviews_without_the_facet_do_not_count() -> None:
    rows: list[list[float]] = [[0.7, 0.3, 0.1], [0.9, 0.2, 0.7]]
    gold: list[tuple[str, ...] | None] = [("bed",), ("bed", "price")]
    assert choose([*rows, [0.45, 0.45, 0.45]], [*gold, None]) == choose(rows, gold)


def test_thresholds_stay_between_the_limits() -> None:
    # Positives that no allowed threshold reaches say nothing of where it should lie.
    assert choose([[0.01, 0.02, 0.03]] * 3, [LABELS] * 3) == dict.fromkeys(LABELS, 0.5)
    low = choose([[0.06, 0.06, 0.06], [0.0, 0.0, 0.0]], [LABELS, ()])
    high = choose([[1.0, 1.0, 1.0], [0.94, 0.94, 0.94]], [LABELS, ()])
    assert low == dict.fromkeys(LABELS, pytest.approx(0.055, abs=0.002))
    assert high == dict.fromkeys(LABELS, pytest.approx(0.946, abs=0.002))


def test_the_main_label_is_given_whatever_the_threshold() -> None:
    # The main labels (0.2, 0.15) need no low threshold, and the threshold is chosen for the others alone.
    rows = probs([[0.2, 0.1, 0.1], [0.1, 0.15, 0.1], [0.9, 0.4, 0.6]])
    gold: list[tuple[str, ...] | None] = [("bed",), ("food",), ("bed", "price")]
    found = choose_cutoffs(taxonomy(main=True), rows, reviews(gold))
    assert found.thresholds["topics"] == dict.fromkeys(LABELS, pytest.approx(0.5, abs=0.002))
    predicted = decide(taxonomy(main=True), rows, found)
    assert scores(taxonomy(main=True), reviews(gold), predicted)["topics/micro_f1"] == 1


def test_as_many_rows_as_reviews() -> None:
    with pytest.raises(ValueError, match="1 rows of probabilities for 2 reviews"):
        choose([[0.1, 0.2, 0.3]], [(), ()])


score = st.sampled_from([0.0, 0.04, 0.05, 0.3, 0.5, 0.501, 0.95, 0.96, 1.0]) | st.floats(0, 1, width=32)
row = st.tuples(st.lists(score, min_size=3, max_size=3), st.sets(st.sampled_from(LABELS), min_size=1))


@given(st.lists(row, min_size=1, max_size=25), st.booleans(), st.floats(0, 100))
def test_never_worse_than_any_common_threshold(
    rows: list[tuple[list[float], set[str]]], main: bool, shrinkage: float
) -> None:
    tax = taxonomy(main)
    gold = reviews([tuple(sorted(labels)) for _, labels in rows])
    p = probs([values for values, _ in rows])
    found = choose_cutoffs(tax, p, gold, shrinkage)
    assert all(0.05 <= t <= 0.95 for t in found.thresholds["topics"].values())
    chosen = scores(tax, gold, decide(tax, p, found))["topics/micro_f1"]
    for common in np.linspace(0.05, 0.95, 19).round(3):
        other_cutoffs = replace(found, thresholds=default_thresholds(tax, float(common)))
        other = scores(tax, gold, decide(tax, p, other_cutoffs))["topics/micro_f1"]
        assert chosen >= other - 1e-9
