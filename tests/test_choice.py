"""Which of several labels wins: scale and shifts against what made the data, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.data import Review
from cxnlp.evaluation import choose_cutoffs, learn_confidence
from cxnlp.evaluation.choice import fit_choice, newton
from cxnlp.taxonomy import decide, first_labels, parse_taxonomy

HOTEL = parse_taxonomy(
    'name = "hotel"\n[facets.topics]\nkind = "any_of"\nlabels = ["bed", "food", "price"]\nmain = "topic"\n',
    "hotel.toml",
)


def drawn(n: int, scale: float, shifts: list[float], seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Logits by chance, and labels drawn from the softmax of ``scale`` times them and ``shifts``."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (n, len(shifts)))
    right = (logits * scale + shifts + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return logits, right, np.arange(n)


def test_what_made_the_labels_is_found_again() -> None:
    scale, shifts = fit_choice(*drawn(20_000, 0.6, [0.5, 0.0, -0.5]))
    assert scale == pytest.approx(0.6, abs=0.02)
    assert shifts - shifts.mean() == pytest.approx([0.5, 0.0, -0.5], abs=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_no_shift_where_there_is_none(seed: int) -> None:
    scale, shifts = fit_choice(*drawn(2_000, 0.6, [0.0, 0.0, 0.0], seed))
    assert scale == pytest.approx(0.6, abs=0.06)
    assert shifts.tolist() == [0, 0, 0]


def test_one_row_of_logits_says_nothing_but_how_often_each_label_is_right() -> None:
    right = np.array([0] * 700 + [1] * 200 + [2] * 100)
    _, shifts = fit_choice(np.zeros((1_000, 3)), right, np.random.default_rng(0).permutation(1_000))
    p = np.exp(shifts) / np.exp(shifts).sum()
    # At the best shifts the slope is 0: 1,000 p - counts + 5 shifts, the last from the prior.
    assert 1_000 * p - [700, 200, 100] + 5 * shifts == pytest.approx([0, 0, 0], abs=1e-4)


def test_the_scale_keeps_within_its_limits() -> None:
    logits = np.array([[1.0, 0.0], [0.0, 1.0]] * 50)
    assert fit_choice(logits, logits.argmax(axis=1), np.arange(100))[0] == 4
    assert fit_choice(logits, logits.argmin(axis=1), np.arange(100))[0] == 0.25


def test_at_the_limit_of_the_scale_the_shifts_are_still_the_best() -> None:
    # Logits that say the contrary of what is right, and a label that is right most of the time.
    rng = np.random.default_rng(1)
    logits, right = rng.normal(0, 1, (600, 3)), rng.choice(3, 600, p=[0.7, 0.2, 0.1])
    logits[np.arange(600), right] -= 1.5
    scale, shifts = fit_choice(logits, right, np.arange(600))
    assert scale == 0.25
    z = logits * scale + shifts
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    # Slope 0 for each shift: probabilities summed, minus counts, plus the prior's 5 shifts.
    assert p.sum(axis=0) - np.bincount(right) + 5 * shifts == pytest.approx([0, 0, 0], abs=1e-3)
    # Reviews that know nothing of the question do not empty the folds.
    assert fit_choice(logits, right, np.arange(600) * 5)[1].tolist() == shifts.tolist()


def test_reviews_of_one_fold_only_get_no_shifts() -> None:
    logits = np.zeros((4, 2))
    assert fit_choice(logits, np.array([0, 0, 0, 1]), np.zeros(4, np.int64))[1].tolist() == [0, 0]


@given(st.lists(st.tuples(st.floats(-3, 3), st.floats(0.1, 5)), min_size=1, max_size=4))
def test_newton_finds_the_bottom_of_a_bowl(axes: list[tuple[float, float]]) -> None:
    bottom, steep = np.array(axes).T

    def slopes(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return steep * np.sinh(x - bottom), np.diag(steep * np.cosh(x - bottom))

    def loss(x: np.ndarray) -> float:
        return float((steep * np.cosh(x - bottom)).sum())

    assert newton(np.zeros(len(axes)), loss, slopes, (-np.inf, np.inf)) == pytest.approx(bottom, abs=1e-3)
    # The first may not go beyond a limit; the others find their bottom all the same.
    held = newton(np.zeros(len(axes)), loss, slopes, (-1.0, 1.0))
    assert held == pytest.approx([np.clip(bottom[0], -1, 1), *bottom[1:]], abs=1e-3)


def hotel(n: int) -> tuple[np.ndarray, list[Review]]:
    """Of n reviews: beds are spoken of most surely and are the main topic of one in five; else food is."""
    probs = np.tile(np.array([[0.9, 0.8, 0.1]], np.float32), (n, 1))
    gold = [("bed", "food") if i % 5 == i // 5 % 5 else ("food", "bed") for i in range(n)]
    return probs, [Review(str(i), f"rom {i}", "no", {"topics": labels}) for i, labels in enumerate(gold)]


def test_the_main_label_is_learnt() -> None:
    probs, gold = hotel(100)
    found = choose_cutoffs(HOTEL, probs, gold)
    assert list(found.main) == ["topics"]
    # log(0.9 / 0.1) - log(0.8 / 0.2) = 0.81: food needs so much more to win.
    assert found.main["topics"]["food"] - found.main["topics"]["bed"] > 0.81
    assert decide(HOTEL, probs, found) == [{"topics": ("food", "bed")}] * 100
    first, sure = first_labels(HOTEL["topics"], probs, found)
    assert set(first.tolist()) == {1}
    assert sure == pytest.approx(np.full(100, 0.8))


def test_of_few_labels_no_main_label_is_learnt() -> None:
    probs, gold = hotel(14)  # 28 gold labels
    assert choose_cutoffs(HOTEL, probs, gold).main == {}
    # A model that has one keeps it.
    before = learn_confidence(HOTEL, *hotel(200))
    assert before.cutoffs.main
    after = learn_confidence(HOTEL, probs, gold, before)
    assert after.cutoffs.main == before.cutoffs.main
    assert {name: one.main for name, one in after.precise.items()} == dict.fromkeys(before.precise, before.cutoffs.main)


def test_a_stated_precision_judges_the_main_label_that_is_given() -> None:
    found = learn_confidence(HOTEL, *hotel(500))
    # Food is the main topic of four in five.
    assert found.precise["0.75"].review["topics"] < 1
    assert found.precise["0.85"].review["topics"] == 1
