"""Probabilities that mean what they say, cutoffs for a stated precision, and the mark for a person: counted by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp import Tagger
from cxnlp.bundle import FileRecord, Manifest
from cxnlp.cli.main import main
from cxnlp.data import Review
from cxnlp.errors import SettingsError
from cxnlp.evaluation import Confidence, learn_confidence, too_few
from cxnlp.evaluation.precise import MIN_REVIEWS, precise_cutoffs, review_cutoff
from cxnlp.evaluation.scaling import cross_fitted, fit_scaling
from cxnlp.taxonomy import Cutoffs, Taxonomy, load_taxonomy, parse_taxonomy, scale_probabilities, uncertain

TEXT = """
name = "hotel"
[facets.mood]
kind = "one_of"
labels = ["bad", "good"]
[facets.topics]
kind = "any_of"
labels = ["bed", "food"]
"""


HALF = Cutoffs({"topics": {"bed": 0.5, "food": 0.5}})


@pytest.fixture(scope="module")
def taxonomy() -> Taxonomy:
    return parse_taxonomy(TEXT, "hotel.toml")


def reviews(moods: Sequence[str | None], topics: Sequence[Sequence[str] | None]) -> list[Review]:
    out = []
    for i, (mood, some) in enumerate(zip(moods, topics, strict=True)):
        labels: dict[str, Any] = {} if mood is None else {"mood": mood}
        out.append(Review(str(i), f"tekst {i}", "no", labels | ({} if some is None else {"topics": tuple(some)})))
    return out


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def test_a_scale_halves_the_logits(taxonomy: Taxonomy) -> None:
    probs = np.array([[0.8, 0.2, 0.8, 0.5]], np.float32)
    scaling = {"mood": {"bad": (0.5, 0.0), "good": (0.5, 0.0)}, "topics": {"bed": (0.5, 0.0), "food": (1.0, 1.0)}}
    found = scale_probabilities(taxonomy, probs, scaling)
    # Odds of 4 to 1 become 2 to 1; odds of 1 become e.
    assert found[0] == pytest.approx([2 / 3, 1 / 3, 2 / 3, np.e / (1 + np.e)], abs=1e-6)
    assert scale_probabilities(taxonomy, probs, {}) is probs
    assert scale_probabilities(taxonomy, probs, {"mood": scaling["mood"]})[0, 2:] == pytest.approx([0.8, 0.5])


@given(st.lists(st.floats(0, 1, width=32), min_size=2, max_size=6), st.floats(0.1, 4), st.floats(-3, 3))
def test_scaling_keeps_the_order_and_stays_a_probability(p: list[float], scale: float, shift: float) -> None:
    taxonomy = parse_taxonomy(TEXT, "hotel.toml")
    probs = np.array([[1 - x, x, x, x] for x in p], np.float32)
    pair = (scale, shift)
    scaling = {"mood": {"bad": (scale, 0.0), "good": (scale, 0.0)}, "topics": {"bed": pair, "food": pair}}
    found = scale_probabilities(taxonomy, probs, scaling)
    assert ((found >= 0) & (found <= 1)).all()
    assert found[:, :2].sum(axis=1) == pytest.approx(np.ones(len(p)), abs=1e-5)
    order = np.argsort(probs[:, 2], kind="stable")
    assert (np.diff(found[order, 2]) >= -1e-6).all()


def overconfident(n: int, seed: int = 3) -> tuple[np.ndarray, list[Review]]:
    """Reviews whose network doubles every logit, and gives topics a whole logit too much on top."""
    rng = np.random.default_rng(seed)
    true = rng.normal(0, 1.5, (n, 3))  # log odds of good, bed, food
    gold = rng.random((n, 3)) < sigmoid(true)
    said = sigmoid(2 * true + [0, 1, 1])
    probs = np.column_stack([1 - said[:, 0], said[:, 0], said[:, 1:]]).astype(np.float32)
    moods = ["good" if row[0] else "bad" for row in gold]
    return probs, reviews(
        moods, [[t for t, is_there in zip(("bed", "food"), row[1:], strict=True) if is_there] for row in gold]
    )


def test_what_is_learnt_undoes_what_the_network_exaggerates(taxonomy: Taxonomy) -> None:
    probs, gold = overconfident(20_000)
    scaling = fit_scaling(taxonomy, probs, gold)
    assert scaling["mood"]["good"] == scaling["mood"]["bad"] == (pytest.approx(0.5, abs=0.03), 0.0)
    for label in ("bed", "food"):
        assert scaling["topics"][label] == pytest.approx((0.5, -0.5), abs=0.05)
    scaled = scale_probabilities(taxonomy, probs, scaling)
    for column, label in ((2, "bed"), (3, "food")):
        sure = scaled[:, column] > 0.8
        right = np.mean([label in review.labels["topics"] for review, s in zip(gold, sure, strict=True) if s])
        assert scaled[sure, column].mean() == pytest.approx(right, abs=0.02)


def test_a_rare_label_leans_on_the_others(taxonomy: Taxonomy) -> None:
    probs, gold = overconfident(2_000)
    # Of food nothing is known but two reviews, which contradict what the network says.
    rare = [
        Review(
            r.id,
            r.text,
            r.lang,
            {"topics": tuple(t for t in r.labels["topics"] if t == "bed")} if i > 1 else {"topics": ("food",)},
        )
        for i, r in enumerate(gold)
    ]
    probs[:, 3] = 0.01
    scaling = fit_scaling(taxonomy, probs, rare)
    assert scaling["topics"]["food"][0] > 0
    assert scaling["topics"]["bed"][0] == pytest.approx(0.5, abs=0.15)


def test_too_few_gold_labels_change_nothing(taxonomy: Taxonomy) -> None:
    probs, gold = overconfident(20)
    assert fit_scaling(taxonomy, probs, gold) == {}
    assert fit_scaling(taxonomy, probs[:0], []) == {}


def test_a_facet_that_is_not_labelled_does_not_count(taxonomy: Taxonomy) -> None:
    probs, gold = overconfident(400)
    more = np.vstack([probs, np.full((300, 4), 0.5, np.float32)])
    with_unlabelled = gold + reviews([None] * 300, [None] * 300)
    assert fit_scaling(taxonomy, more, with_unlabelled) == fit_scaling(taxonomy, probs, gold)


def test_no_review_takes_part_in_its_own_scaling(taxonomy: Taxonomy) -> None:
    probs, gold = overconfident(200)
    turned = list(gold)
    turned[7] = Review(
        "7", gold[7].text, "no", {"mood": "bad" if gold[7].labels["mood"] == "good" else "good", "topics": ()}
    )
    first, second = cross_fitted(taxonomy, probs, gold), cross_fitted(taxonomy, probs, turned)
    assert (first[7] == second[7]).all()
    assert (first[8] != second[8]).any()


def test_cutoffs_for_a_precision_by_hand(taxonomy: Taxonomy) -> None:
    # Of a hundred beds said with 0.9, 96 are right; of a hundred with 0.6, sixty. Food is never right.
    p = np.array([[0.3, 0.7, 0.9, 0.02]] * 100 + [[0.3, 0.7, 0.6, 0.02]] * 100, np.float32)
    topics = [["bed"]] * 96 + [[]] * 4 + [["bed"]] * 60 + [[]] * 40
    gold = reviews(["good"] * 150 + ["bad"] * 50, topics)
    found = precise_cutoffs(taxonomy, p, gold, HALF)
    assert list(found) == ["0.7", "0.75", "0.8", "0.85", "0.9", "0.95"]
    # All together 156 of 200, so 0.75 holds from the ordinary threshold on, and 0.8 only above 0.6.
    assert found["0.75"].thresholds["topics"]["bed"] == 0.5
    assert 0.6 < found["0.8"].thresholds["topics"]["bed"] <= 0.9
    assert 0.6 < found["0.95"].thresholds["topics"]["bed"] <= 0.9
    # The mood is right in 150 of 200 cases, all said with 0.7.
    assert found["0.75"].review["mood"] <= 0.7
    assert found["0.8"].review["mood"] == 1.0


def test_a_label_that_is_never_so_precise_is_never_given(taxonomy: Taxonomy) -> None:
    p = np.array([[0.5, 0.5, 0.9, 0.9]] * 200, np.float32)
    gold = reviews(["good"] * 200, [["bed"]] * 100 + [[]] * 100)
    found = precise_cutoffs(taxonomy, p, gold, HALF)
    assert found["0.9"].thresholds["topics"] == {"bed": 1.0, "food": 1.0}


def test_the_least_certain_tenth_is_marked(taxonomy: Taxonomy) -> None:
    sure = np.linspace(0.5, 1, 1_000)
    probs = np.column_stack([sure, 1 - sure, sure, sure]).astype(np.float32)
    cutoff = review_cutoff(taxonomy, probs, Cutoffs({}))
    assert cutoff == {"mood": pytest.approx(0.55, abs=0.001)}
    assert uncertain(taxonomy, probs, Cutoffs({}, cutoff)).mean() == pytest.approx(0.1, abs=0.002)
    assert not uncertain(taxonomy, probs, Cutoffs({})).any()
    assert uncertain(taxonomy, probs[:0], Cutoffs({}, cutoff)).shape == (0,)


def test_few_development_reviews_give_no_cutoffs(taxonomy: Taxonomy) -> None:
    probs, gold = overconfident(MIN_REVIEWS - 1)
    learnt = learn_confidence(taxonomy, probs, gold)
    assert learnt.cutoffs.review == {}
    assert learnt.precise == {}
    probs, gold = overconfident(MIN_REVIEWS)
    learnt = learn_confidence(taxonomy, probs, gold)
    assert set(learnt.cutoffs.review) == {"mood"}
    assert len(learnt.precise) == 6


BEFORE = Confidence(
    {"mood": {"bad": (0.7, 0.0), "good": (0.7, 0.0)}, "topics": {"bed": (0.6, -0.2), "food": (0.5, -0.1)}},
    Cutoffs({"topics": {"bed": 0.41, "food": 0.37}}, {"mood": 0.55}),
    {"0.9": Cutoffs({"topics": {"bed": 0.8, "food": 0.3}}, {"mood": 0.7})},
)


def test_what_few_reviews_cannot_say_is_kept_from_the_model_before(taxonomy: Taxonomy) -> None:
    probs, gold = overconfident(12)
    learnt = learn_confidence(taxonomy, probs, gold, BEFORE)
    assert learnt.scaling == BEFORE.scaling
    assert learnt.cutoffs == BEFORE.cutoffs
    # A stated precision never asks less than the ordinary thresholds do.
    assert learnt.precise["0.9"].thresholds == {"topics": {"bed": 0.8, "food": 0.37}}
    assert learnt.precise["0.9"].review == {"mood": 0.7}


def test_each_facet_goes_by_its_own_labels(taxonomy: Taxonomy) -> None:
    """Sixty reviews with a mood, of which five speak of a topic; and a hundred, of which all do."""
    probs, gold = overconfident(60)
    gold = [one if i < 5 else reviews([one.labels["mood"]], [None])[0] for i, one in enumerate(gold)]
    learnt = learn_confidence(taxonomy, probs, gold, BEFORE)
    assert learnt.scaling["mood"] == fit_scaling(taxonomy, probs, gold)["mood"] != BEFORE.scaling["mood"]
    assert learnt.scaling["topics"] == BEFORE.scaling["topics"]
    assert learnt.cutoffs == BEFORE.cutoffs
    probs, gold = overconfident(MIN_REVIEWS)
    assert learn_confidence(taxonomy, probs, gold, BEFORE) == learn_confidence(taxonomy, probs, gold)


def test_only_the_same_question_is_handed_on(taxonomy: Taxonomy) -> None:
    assert BEFORE.for_taxonomy(taxonomy, taxonomy) == BEFORE
    turned = parse_taxonomy(TEXT.replace('"bed", "food"', '"food", "bed"'), "turned.toml")
    assert BEFORE.for_taxonomy(taxonomy, turned) == BEFORE
    grown = parse_taxonomy(TEXT.replace('"bed", "food"', '"bed", "food", "pool"'), "grown.toml")
    kept = BEFORE.for_taxonomy(taxonomy, grown)
    assert kept == Confidence({"mood": BEFORE.scaling["mood"]}, Cutoffs({}, {"mood": 0.55}))


def test_what_is_not_learnt_is_said_before_the_training(taxonomy: Taxonomy) -> None:
    _, gold = overconfident(12)
    assert too_few(taxonomy, gold) == (
        "12 reviews are too few to learn scaling and thresholds of mood, topics (30 gold labels each) and the cutoffs "
        "of needs_review and --min-precision (100 reviews)"
    )
    assert too_few(taxonomy, overconfident(MIN_REVIEWS)[1]) == ""
    with_main = parse_taxonomy(TEXT + 'main = "topic"\n', "hotel.toml")
    assert too_few(with_main, gold[:1]) == (
        "1 review is too few to learn scaling and thresholds of mood, topics (30 gold labels each), which label is the "
        "topic (30 reviews) and the cutoffs of needs_review and --min-precision (100 reviews)"
    )


@pytest.fixture
def bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """The tiny model, which marks everything, and for a precision of 0.9 gives no touchpoint at all."""
    import shutil

    folder = tmp_path / "careful"
    shutil.copytree(tiny_bundle, folder)
    path = folder / "manifest.json"
    table = json.loads(path.read_text("utf-8"))
    table.pop("digest")
    files = {name: FileRecord(**record) for name, record in table.pop("files").items()}
    never = {name: dict.fromkeys(limits, 1.0) for name, limits in table["thresholds"].items()}
    table |= {"review": {"sentiment": 1.0}, "precise": {"0.9": asdict(Cutoffs(never, {}))}}
    path.write_text(Manifest(**table, files=files).to_json(), "utf-8")
    return folder


def test_a_person_is_asked_to_look(bundle: Path) -> None:
    found = Tagger.load(bundle).tag(["Appen var helt topp.", ""])
    assert [prediction.needs_review for prediction in found] == [True, False]
    assert [prediction.flags for prediction in found] == [("needs_review",), ("empty",)]


def test_a_stated_precision_gives_fewer_labels(bundle: Path, tmp_path: Path) -> None:
    plain, careful = Tagger.load(bundle), Tagger.load(bundle, min_precision=0.9)
    text = "Appen var helt topp."
    assert plain.tag([text])[0].touchpoints
    (found,) = careful.tag([text])
    assert found.touchpoints == {}
    assert len(found.phases) == 1  # there is always a main one
    assert found.flags == ()
    # An unfinished run of one is not gone on with by the other.
    assert plain.fingerprint != careful.fingerprint
    source = tmp_path / "reviews.csv"
    source.write_text(f"text\n{text}\n", "utf-8")
    out = tmp_path / "scored.jsonl"
    assert main(["score", str(source), "--model", str(bundle), "--min-precision", "0.9", "--output", str(out)]) == 0
    assert json.loads(out.read_text("utf-8"))["touchpoints"] == {}


@pytest.mark.parametrize("precision", [0.42, 1.5, -1])
def test_a_precision_that_the_model_does_not_have(
    bundle: Path, precision: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SettingsError, match=r"the model tiny has: 0\.9"):
        Tagger.load(bundle, min_precision=precision)
    (tmp_path / "reviews.csv").write_text("text\nfin\n", "utf-8")
    options = ["--model", str(bundle), "--min-precision", str(precision)]
    assert main(["score", str(tmp_path / "reviews.csv"), *options]) == 2
    assert f"no cutoffs for a precision of {precision:g}" in capsys.readouterr().err


def test_a_model_without_cutoffs_says_so(tiny_bundle: Path) -> None:
    with pytest.raises(SettingsError, match="none: train it anew"):
        Tagger.load(tiny_bundle, min_precision=0.9)


def test_the_shipped_model_has_them() -> None:
    tagger = Tagger.load(min_precision=0.9)
    assert set(tagger.scaling) == {facet.name for facet in load_taxonomy().facets}
    assert tagger.manifest is not None
    assert list(tagger.manifest.precise) == ["0.7", "0.75", "0.8", "0.85", "0.9", "0.95"]
    ordinary, careful = Tagger.load().thresholds["touchpoints"], tagger.thresholds["touchpoints"]
    assert all(careful[label] >= ordinary[label] for label in ordinary)


def test_a_label_that_the_network_never_gives_does_not_run_away(taxonomy: Taxonomy) -> None:
    # All at log odds of −7, and thirty in a thousand are there all the same.
    probs = np.full((1_000, 4), 0.5, np.float32)
    probs[:, 2:] = 1 / (1 + np.exp(7))
    gold = reviews(["good"] * 1_000, [["food"]] * 30 + [["bed"]] * 30 + [[]] * 940)
    scaled = scale_probabilities(taxonomy, probs, fit_scaling(taxonomy, probs, gold))
    assert 0.005 < scaled[0, 3] < 0.05  # three in a hundred would be right


def test_the_main_label_is_held_to_being_the_main_one() -> None:
    taxonomy = parse_taxonomy(TEXT + 'main = "topic"\n', "hotel.toml")
    # The more probable topic is always there, and is the main one in half of the reviews.
    p = np.array([[0.5, 0.5, 0.9, 0.8]] * 200, np.float32)
    gold = reviews(["good"] * 200, [("bed", "food")] * 100 + [("food", "bed")] * 100)
    found = precise_cutoffs(taxonomy, p, gold, HALF)
    assert found["0.9"].review["topics"] == 1.0
    assert found["0.9"].thresholds["topics"] == {"bed": 0.5, "food": 0.5}
