"""Two models on the same reviews: differences, intervals and randomisation."""

from __future__ import annotations

import numpy as np
import pytest

from cxnlp.data import Review
from cxnlp.errors import DataError
from cxnlp.evaluation.paired import check_same_taxonomy, paired
from cxnlp.evaluation.show_rivals import p_value, show_against
from cxnlp.taxonomy import parse_taxonomy
from tiny import toy_taxonomy

TOY = toy_taxonomy()


def good(n: int, languages: tuple[str, ...] = ("no",)) -> list[Review]:
    return [Review(str(i), "Fin", languages[i % len(languages)], {"mood": "good"}) for i in range(n)]


def moods(right: list[bool]) -> list[dict[str, str]]:
    return [{"mood": "good" if here else "bad"} for here in right]


def test_identical_models_do_not_differ() -> None:
    said = moods([i % 3 > 0 for i in range(40)])
    found = paired(TOY, good(40, ("no", "da")), said, said, resamples=50, rounds=200)
    for slices in found.figures["mood"].values():
        assert list(slices) == ["all", "no", "da", "mean"]
        assert {(one.difference, one.low, one.high, one.p) for one in slices.values()} == {(0, 0, 0, 1)}


def test_the_share_of_swaps_that_reach_the_difference() -> None:
    # Three reviews, of which the second model alone is right on all: only two of the eight ways to swap keep 3 : 0.
    found = paired(TOY, good(3), moods([False] * 3), moods([True] * 3), resamples=50, rounds=20_000)
    one = found.figures["mood"]["accuracy"]["all"]
    assert (one.first, one.second, one.difference, one.support, one.few) == (0, 1, 1, 3, True)
    assert one.p == pytest.approx(2 / 8, abs=0.01)


def test_a_clearly_better_model_and_the_smallest_p() -> None:
    first = [i % 4 != 3 for i in range(60)]  # always right in "no", half of the time in "sv"
    found = paired(TOY, good(60, ("no", "sv")), moods(first), moods([True] * 60), resamples=200, rounds=999)
    one = found.figures["mood"]["accuracy"]["all"]
    assert one.difference == 0.25
    assert 0.1 < one.low < 0.25 < one.high < 0.4
    assert one.p == 1 / 1000  # no round reaches it, and the observed one counts
    by_language = {name: (d.difference, d.p) for name, d in found.figures["mood"]["accuracy"].items()}
    assert by_language == {"all": (0.25, 0.001), "no": (0, 1), "sv": (0.5, 0.001), "mean": (0.25, 0.001)}
    other_way = paired(TOY, good(60, ("no", "sv")), moods([True] * 60), moods(first), resamples=50, rounds=999)
    assert other_way.figures["mood"]["accuracy"]["all"].difference == -0.25
    assert other_way.figures["mood"]["accuracy"]["all"].p == 1 / 1000


def test_equal_models_give_every_p_alike() -> None:
    rng = np.random.default_rng(0)
    ps = []
    for _ in range(60):
        first, second = (moods((rng.random(50) < 0.7).tolist()) for _ in range(2))
        ps.append(paired(TOY, good(50), first, second, resamples=2, rounds=200).figures["mood"]["accuracy"]["all"].p)
    assert 0.3 < np.mean(ps) < 0.8
    assert np.mean(np.array(ps) < 0.05) < 0.2


def test_every_facet_is_compared_and_shown() -> None:
    labels = {"mood": "good", "parts": {"door": "plus"}, "when": ("before",)}
    reviews = [Review(str(i), "Fin", "no", labels) for i in range(30)]
    worse = [{**labels, "parts": {"roof": "minus"}} if i % 2 else labels for i in range(30)]
    found = paired(TOY, reviews, worse, [labels] * 30, ("old", "new"), resamples=50, rounds=100)
    assert set(found.figures["parts"]) == {"micro_f1", "macro_f1", "polarity_f1", "polarity_accuracy"}
    text = show_against(found)
    assert max(map(len, text.splitlines())) <= 100
    assert "A: old\nB: new\n" in text
    assert "+50.0 [+" in text
    assert found.as_json()["figures"]["parts"]["micro_f1"]["all"]["few"] is False


def test_p_values_are_shown_with_three_digits() -> None:
    assert [p_value(p) for p in (1, 0.0123, 0.0009, float("nan"))] == ["1.000", "0.012", "< 0.001", "–"]


def test_models_of_other_taxonomies_are_refused() -> None:
    other = parse_taxonomy(TOY.source.replace('"roof"', '"wall"'), "other")
    check_same_taxonomy(TOY, toy_taxonomy(), ("a", "b"))
    with pytest.raises(DataError, match=r"only a has parts=roof, .*; only b has parts=wall, .*; expected two bundles"):
        check_same_taxonomy(TOY, other, ("a", "b"))
