"""What a report shows beyond the figures: calibration, coverage, curves, confusion, errors, and rivals."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cxnlp.data import Review
from cxnlp.data.ratings import ratings_by_id
from cxnlp.errors import DataError, ExtraError
from cxnlp.evaluation import choose_cutoffs, evaluate, evaluate_labels
from cxnlp.evaluation.baselines import MajorityScorer, star_label
from cxnlp.evaluation.calibration import calibrations
from cxnlp.evaluation.confusion import confusions
from cxnlp.evaluation.coverage import coverages
from cxnlp.evaluation.curves import curves
from cxnlp.evaluation.evaluate import Scored
from cxnlp.evaluation.gallery import galleries
from cxnlp.evaluation.groupings import groupings, length_group
from cxnlp.evaluation.second import read_second
from cxnlp.evaluation.study import Rivals, study
from cxnlp.evaluation.tfidf import TfidfScorer, split_for_training
from cxnlp.taxonomy import Cutoffs, Taxonomy, decide, default_thresholds
from oracle import write_lines
from tiny import records, toy_taxonomy

TOY = toy_taxonomy()  # the axis: mood bad good, parts door roof, view minus plus of each, when before during after


def review(i: int, lang: str = "no", text: str = "Fin dør", source: str = "", **labels: Any) -> Review:
    return Review(str(i), text, lang, labels, source)


def row(mood: tuple[float, float] = (0.5, 0.5), **parts: Any) -> list[float]:
    given = {"parts": (0.0, 0.0), "view": (0.5, 0.5, 0.5, 0.5), "when": (1.0, 0.0, 0.0)} | parts
    return [*mood, *given["parts"], *given["view"], *given["when"]]


def probs(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32)


# Groupings


def test_figures_by_source_and_length_counted_by_hand() -> None:
    long = " ".join(["ord"] * 8)
    reviews = [
        review(0, source="a", mood="good"),
        review(1, source="a", lang="da", mood="good"),
        review(2, source="b", text=long, mood="good"),
        review(3, source="b", text="", mood="good"),
    ]
    guess = [{"mood": mood} for mood in ("good", "bad", "good", "good")]
    by = groupings(reviews)
    report = evaluate_labels(TOY, reviews, guess, by=by, resamples=20)
    found = {
        grouping: {group: (e.value, e.support, e.few) for group, e in facets["mood"]["accuracy"].items()}
        for grouping, facets in report.by.items()
    }
    assert found == {
        "source": {"a": (0.5, 2, True), "b": (1, 2, True)},
        "length": {"1–7": (0.5, 2, True), "8–19": (1, 1, True)},  # a review without a word is in no group
    }
    assert evaluate_labels(TOY, reviews, guess, resamples=20).figures == report.figures
    with pytest.raises(ValueError, match="grouping 'source' names 1 groups for 4 reviews"):
        evaluate_labels(TOY, reviews, guess, by={"source": ["a"]})


def test_a_group_of_everything_has_the_figures_and_intervals_of_all() -> None:
    rng = np.random.default_rng(3)
    reviews = [review(i, "no" if i % 3 else "sv", mood="good") for i in range(90)]
    guess = [{"mood": ("bad", "good")[int(x)]} for x in rng.integers(0, 2, 90)]
    report = evaluate_labels(TOY, reviews, guess, by={"g": ["x"] * 90}, resamples=100)
    assert report.by["g"]["mood"]["accuracy"]["x"] == report.figures["mood"]["accuracy"]["all"]


def test_lengths_are_of_cleaned_words() -> None:
    found = [length_group("a " * n) for n in (0, 1, 7, 8, 19, 20, 39, 40, 79, 80, 500)]
    assert found == ["", "1–7", "1–7", "8–19", "8–19", "20–39", "20–39", "40–79", "40–79", "80+", "80+"]
    assert length_group("<br> &nbsp; en<br>to") == "1–7"


# Calibration


def test_calibration_error_of_one_bin_by_hand() -> None:
    # Top probabilities .9 .8 .7 .6, of which the first three are right: 15 bins of 20 do not fit, so there is one.
    reviews = [review(i, mood=mood) for i, mood in enumerate(("good", "good", "bad", "bad"))]
    found = calibrations(TOY, reviews, probs(*(row((1 - p, p)) for p in (0.9, 0.8)), row((0.7, 0.3)), row((0.4, 0.6))))
    assert [one.facet for one in found] == ["mood"]
    (only,) = found[0].bins
    assert (only.confidence, only.right, only.count) == (pytest.approx(0.75), 0.75, 4)
    assert found[0].ece["all"].value == pytest.approx(0, abs=1e-6)


def test_calibration_error_of_equal_mass_bins_by_hand() -> None:
    # Forty reviews in two bins of twenty: said .6, right half of the time; said .9, always right.
    reviews = [review(i, mood="good" if i >= 10 else "bad") for i in range(40)]
    (found,) = calibrations(TOY, reviews, probs(*[row((0.4, 0.6))] * 20, *[row((0.1, 0.9))] * 20), resamples=200)
    said = [(round(one.confidence, 4), one.right, one.count) for one in found.bins]
    assert said == [(0.6, 0.5, 20), (0.9, 1, 20)]
    error = found.ece["all"]
    assert error.value == pytest.approx((20 * 0.1 + 20 * 0.1) / 40, abs=1e-6)
    assert error.low <= error.value <= error.high
    assert (error.support, error.gold) == (40, 40)


def test_the_calibration_error_that_chance_makes() -> None:
    # Drawn again and again from probabilities that are true, the error is on the mean what stands there as by chance.
    rng = np.random.default_rng(0)
    said = rng.uniform(0.5, 1, 120)
    p = probs(*(row((1 - one, one)) for one in said))
    errors = []
    for _ in range(150):
        moods = np.where(rng.random(120) < said, "good", "bad")
        reviews = [review(i, mood=mood) for i, mood in enumerate(moods)]
        (found,) = calibrations(TOY, reviews, p, resamples=2)
        errors.append(found.ece["all"].value)
    assert found.by_chance["all"] == pytest.approx(np.mean(errors), rel=0.06)
    # Where nothing is left to chance, there is none.
    sure = probs(*[row((0.0, 1.0))] * 60)
    (found,) = calibrations(TOY, [review(i, mood="good") for i in range(60)], sure, resamples=2)
    assert found.by_chance["all"] == 0


def test_equal_probabilities_share_a_bin() -> None:
    reviews = [review(i, mood="good") for i in range(60)]
    (found,) = calibrations(TOY, reviews, probs(*[row((0.2, 0.8))] * 60), resamples=5)
    assert [(one.count, one.right) for one in found.bins] == [(60, 1)]
    assert found.ece["all"].value == pytest.approx(0.2, abs=1e-6)


def test_labels_are_pooled_and_polarity_is_judged_where_gold_has_the_label() -> None:
    reviews = [review(0, parts={"door": "plus"}), review(1, parts={}), review(2, mood="bad")]
    said = row(parts=(0.75, 0.25), view=(0.125, 0.875, 0.5, 0.5))
    found = {one.facet: one for one in calibrations(TOY, reviews, probs(said, said, said), resamples=5)}
    assert {name: (one.ece["all"].support, one.ece["all"].gold) for name, one in found.items()} == {
        "mood": (1, 1),
        "parts": (2, 4),
        "view": (1, 1),
    }
    assert found["parts"].ece["all"].value == pytest.approx(0.25)  # said 2 in all, one is there, of four
    assert found["view"].ece["all"].value == pytest.approx(0.125)


# Coverage


def test_error_of_what_is_kept_by_hand() -> None:
    sure = np.linspace(0.99, 0.6, 20)
    reviews = [review(i, mood="good" if i < 18 else "bad") for i in range(20)]  # the two least sure are wrong
    (found,) = coverages(TOY, reviews, probs(*(row((1 - p, p)) for p in sure)), resamples=10)
    kept = {name: (slices["all"].value, slices["all"].support) for name, slices in found.error.items()}
    assert kept == {
        "100": (pytest.approx(2 / 20), 20),
        "95": (pytest.approx(1 / 19), 19),
        "90": (0, 18),
        "80": (0, 16),
        "70": (0, 14),
    }
    assert found.kept_from["100"] == pytest.approx(0.6)


# Curves


def test_precision_and_recall_by_hand_with_ties() -> None:
    reviews = [review(i, parts={"door": None} if i in (0, 2) else {}) for i in range(4)]
    said = probs(*(row(parts=(p, 0.0)) for p in (0.9, 0.6, 0.6, 0.1)))
    (found,) = curves(TOY, reviews, said, {**default_thresholds(TOY), "parts": {"door": 0.7, "roof": 0.5}})
    assert (found.facet, found.label, found.support) == ("parts", "door", 2)
    assert found.points == [(0.5, 1.0), (1.0, pytest.approx(2 / 3))]  # the tie is one step
    assert found.average_precision == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert (found.threshold, found.precision, found.recall) == (0.7, 1, 0.5)


def test_average_precision_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import average_precision_score

    rng = np.random.default_rng(1)
    gold, said = rng.random(200) < 0.3, rng.random(200).round(2)
    reviews = [review(i, parts={"door": None} if here else {}) for i, here in enumerate(gold)]
    (found,) = curves(TOY, reviews, probs(*(row(parts=(p, 0)) for p in said)), default_thresholds(TOY))
    assert found.average_precision == pytest.approx(average_precision_score(gold, said.astype(np.float32)))
    assert len(found.points) <= 2 * 60 + 1
    assert (found.recall, pytest.approx(found.precision)) in found.points  # the threshold lies on the line
    assert found.points == sorted(found.points, key=lambda point: point[0])
    assert found.points[-1][0] == 1


# Confusion and errors


def test_confusion_of_moods_polarities_and_main_labels() -> None:
    reviews = [
        review(0, mood="good", parts={"door": "plus", "roof": "minus"}, when=("before", "after")),
        review(1, mood="good", when=("after",)),
    ]
    guess = [
        {"mood": "bad", "parts": {"door": "minus"}, "when": ("before",)},
        {"mood": "good", "parts": {"roof": "plus"}, "when": ("during", "after")},
    ]
    found = {one.name: one.counts for one in confusions(TOY, reviews, guess)}
    assert found == {
        "mood": ((0, 0), (1, 1)),
        "view": ((0, 0), (1, 0)),  # of the door alone, which was found
        "first": ((1, 0, 0), (0, 0, 0), (0, 1, 0)),
    }


def test_errors_are_sorted_by_confidence_limited_and_without_text() -> None:
    reviews = [
        review(0, mood="bad", parts={"door": "plus"}),
        review(1, mood="bad", parts={"door": "plus"}),
        review(2, mood="good", parts={"door": None}),
    ]
    said = probs(
        row((0.4, 0.6), parts=(0.9, 0.7), view=(0.1, 0.9, 0.5, 0.5)),  # a roof too many, said with .7
        row((0.1, 0.9), parts=(0.9, 0.1), view=(0.8, 0.2, 0.5, 0.5)),  # the polarity, said with .8
        row((0.1, 0.9), parts=(0.9, 0.1)),  # right: no polarity is known
    )
    labels = decide(TOY, said, Cutoffs(default_thresholds(TOY)))
    found = {one.facet: one for one in galleries(TOY, reviews, labels, said)}
    assert [(m.id, m.gold, m.predicted, round(m.confidence, 3), m.text) for m in found["mood"].misses] == [
        ("1", "bad", "good", 0.9, None),
        ("0", "bad", "good", 0.6, None),
    ]
    assert [(m.id, m.gold, m.predicted, round(m.confidence, 3)) for m in found["parts"].misses] == [
        ("1", "door:plus", "door:minus", 0.8),
        ("0", "door:plus", "door:plus; roof:minus", 0.7),
    ]
    assert (found["mood"].wrong, found["mood"].judged, "when" in found) == (2, 3, False)
    (limited, _) = galleries(TOY, reviews, labels, said, with_text=True, limit=1)
    assert (limited.wrong, [m.text for m in limited.misses]) == (2, ["Fin dør"])


# Rivals


def test_majority_says_the_same_of_everything() -> None:
    train = [review(0, mood="good", parts={"roof": "minus"}, when=("during",))] * 2 + [review(1, mood="bad")]
    scorer = MajorityScorer.train(TOY, train)
    assert (
        decide(TOY, scorer.probabilities(["x", "y"]), scorer.cutoffs)
        == [{"mood": "good", "parts": {"roof": "minus"}, "when": ("during",)}] * 2
    )
    reviews = [review(0, mood="good"), review(1, mood="bad")]
    assert evaluate(scorer, reviews, resamples=5).figures["mood"]["accuracy"]["all"].value == 0.5


def test_stars_are_sentiments() -> None:
    assert [star_label(r) for r in (-1, -0.5, 0, 0.5, 1)] == ["negative", "negative", "neutral", "positive", "positive"]


def test_ratings_of_an_export(tmp_path: Path) -> None:
    table = tmp_path / "export.csv"
    table.write_text("review_id,rating,review\nA,5,Svært god jakke\nB,,Helt grei\nC,2 stars,Ikke bra i det hele\n")
    assert ratings_by_id(table) == {"A": 1, "C": -0.5}
    table.write_text("review_id,review\nA,Svært god jakke\n")
    assert ratings_by_id(table) == {}


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Taxonomy, list[Review]]:
    from cxnlp.data import read_reviews
    from cxnlp.taxonomy import load_taxonomy

    file = write_lines(tmp_path_factory.mktemp("composed") / "all.jsonl", records())
    taxonomy = load_taxonomy()
    reviews, _ = read_reviews(file, taxonomy)
    return taxonomy, reviews


def test_tfidf_is_a_scorer_that_learns(composed: tuple[Taxonomy, list[Review]]) -> None:
    taxonomy, reviews = composed
    dev = reviews[:10]
    scorer = TfidfScorer.train(taxonomy, reviews, dev)
    found = scorer.probabilities([one.text for one in dev])
    assert found.shape == (10, taxonomy.n_logits)
    assert found.dtype == np.float32
    assert ((found >= 0) & (found <= 1)).all()
    for facet in ("sentiment", "polarity"):
        groups = found[:, taxonomy.slices[facet]].reshape(10, -1, len(taxonomy[facet].labels))
        assert groups.sum(axis=2) == pytest.approx(1, abs=1e-5)
    assert scorer.cutoffs == choose_cutoffs(taxonomy, found, dev)
    report = evaluate(scorer, reviews, resamples=5)
    assert report.figures["sentiment"]["accuracy"]["all"].value == 1
    assert report.figures["touchpoints"]["polarity_f1"]["all"].value > 0.8
    assert scorer.probabilities([]).shape == (0, taxonomy.n_logits)
    assert TfidfScorer.train(taxonomy, reviews).cutoffs == Cutoffs(default_thresholds(taxonomy))


def test_tfidf_of_labels_never_seen_and_of_nothing() -> None:
    train = [review(i, text=text, mood="good") for i, text in enumerate(("fin dør her", "fin dør der", "dør"))]
    found = TfidfScorer.train(TOY, train).probabilities(["fin"])
    assert found[0, TOY.slices["mood"]].tolist() == [0, 1]
    assert found[0, TOY.slices["parts"]] == pytest.approx([0.5, 0.5])  # nothing is known of them
    with pytest.raises(DataError, match="no labelled review to train the baseline on"):
        TfidfScorer.train(TOY, [])


def test_what_is_evaluated_is_not_trained_on() -> None:
    reviews = [review(i, text=f"Dør nummer {i}", mood="good") for i in range(60)]
    train, dev, left_out = split_for_training(reviews, reviews[:30])
    assert {one.id for one in [*train, *dev]} <= {str(i) for i in range(30, 60)}
    assert left_out > 20


def test_a_missing_extra_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ExtraError, match=r'scikit-learn, which is not installed: pip install "cxnlp\[report\]"'):
        TfidfScorer.train(TOY, [review(0, mood="good")])


def test_a_second_annotator_counts_where_both_answered(tmp_path: Path) -> None:
    reviews = [review(0, mood="good", when=("before",)), review(1, mood="bad"), review(2, mood="bad")]
    lines = [{"id": 0, "mood": "bad"}, {"id": "1", "mood": "bad", "parts": ["door"]}, {"id": "9", "mood": "bad"}]
    file = write_lines(
        tmp_path / "second.jsonl", [*lines, {"id": "1", "mood": "good"}, {"id": "2", "mood": "ill"}, "["]
    )
    second = read_second(file, TOY, reviews)
    assert second.rows == [0, 1]
    assert [one.labels for one in second.reviews] == [{"mood": "good"}, {"mood": "bad"}]
    assert second.labels == [{"mood": "bad"}, {"mood": "bad"}]
    assert [one.line for one in second.problems] == [4, 5, 6]
    said = probs(row((0, 1)), row((1, 0)), row((0, 1)))
    scored = Scored(said, decide(TOY, said, Cutoffs(default_thresholds(TOY))))
    found = study(TOY, default_thresholds(TOY), reviews, scored, Rivals(second=second), resamples=5)
    model, majority, human = found.systems
    assert (model.key, majority.key, human.key) == ("model", "majority", "second")
    assert model.report.figures["mood"]["accuracy"]["all"].value == pytest.approx(2 / 3)
    assert human.report.figures["mood"]["accuracy"]["all"].value == 0.5
    assert human.beside is not None
    assert human.beside.figures["mood"]["accuracy"]["all"].value == 1  # the model, on those two
    assert "when" not in human.report.figures


def test_a_second_annotator_without_polarities_is_not_measured_on_them(tmp_path: Path) -> None:
    reviews = [review(0, parts={"door": "plus"}), review(1, parts={"door": "plus"}), review(2, parts={})]
    lines = [{"id": 0, "parts": ["door"]}, {"id": 1, "parts": {"door": "minus"}}, {"id": 2, "parts": []}]
    second = read_second(write_lines(tmp_path / "second.jsonl", lines), TOY, reviews)
    assert [one.labels["parts"] for one in second.reviews] == [("door",), {"door": "plus"}, {}]
    report = evaluate_labels(TOY, second.reviews, second.labels, resamples=5)
    assert report.figures["parts"]["micro_f1"]["all"].value == 1
    assert report.figures["parts"]["polarity_accuracy"]["all"].support == 1


def test_a_second_annotator_of_other_reviews_is_an_error(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "second.jsonl", [{"id": "9", "mood": "bad"}])
    with pytest.raises(DataError, match="none of its 1 labelled ids is that of a review here"):
        read_second(file, TOY, [review(0, mood="good")])
    with pytest.raises(DataError, match="the id '9' stands for several of the evaluated reviews"):
        read_second(file, TOY, [review(9, mood="good")] * 2)
