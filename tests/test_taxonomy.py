"""The label axis: read or refused with the line, laid out, and turned into labels and back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.errors import TaxonomyError
from cxnlp.taxonomy import (
    Cutoffs,
    Kind,
    check_labels,
    decide,
    default_thresholds,
    encode_labels,
    first_labels,
    load_taxonomy,
    parse_taxonomy,
    probabilities,
    uncertain,
)

DEFAULT = load_taxonomy()

# Nine logits: mood 0-1, parts 2-4, tone 5-10 (room: bad, good; food: bad, good; pool: bad, good), times 11-12.
HOTELS = """\
name = "hotels"
version = 3
languages = ["no", "fi"]

[facets.mood]
kind = "one_of"
labels = ["bad", "good"]

[facets.parts]   # what it speaks of
kind = "any_of"
labels = [
  "room",
  "food",
  "pool",
]

[facets.tone]
kind = "polarity"
of = "parts"
labels = ["bad", "good"]

[facets.times]
kind = "any_of"
main = "time"
labels = ["before", "during"]

[facets.times.rollup]
name = "half"

[facets.times.rollup.labels]
before = "first"
during = "second"
"""
SMALL = parse_taxonomy(HOTELS, "hotels.toml")


def test_the_default_taxonomy_has_83_logits_in_the_order_of_its_file() -> None:
    assert DEFAULT.languages == ("no", "da", "sv", "en")
    assert [(facet.name, facet.kind, len(facet.labels)) for facet in DEFAULT.facets] == [
        ("sentiment", Kind.ONE_OF, 4),
        ("touchpoints", Kind.ANY_OF, 18),
        ("polarity", Kind.POLARITY, 3),
        ("phases", Kind.ANY_OF, 7),
    ]
    assert DEFAULT.n_logits == 4 + 18 + 18 * 3 + 7 == 83
    assert DEFAULT.slices == {
        "sentiment": slice(0, 4),
        "touchpoints": slice(4, 22),
        "polarity": slice(22, 76),
        "phases": slice(76, 83),
    }
    names = DEFAULT.logit_names
    assert len(set(names)) == 83
    assert (names[0], names[4], names[82]) == ("sentiment=negative", "touchpoints=advertising", "phases=retention")
    assert names[22:26] == (
        "touchpoints=advertising:negative",
        "touchpoints=advertising:neutral",
        "touchpoints=advertising:positive",
        "touchpoints=social_media:negative",
    )


def test_every_default_phase_rolls_up_to_one_of_four_stages() -> None:
    rollup = DEFAULT["phases"].rollup
    assert rollup is not None
    assert list(rollup.labels) == list(DEFAULT["phases"].labels)
    assert set(rollup.labels.values()) == {"search", "information", "purchase", "loyalty"}


def test_a_taxonomy_of_ones_own_needs_no_python(tmp_path: Path) -> None:
    file = tmp_path / "hotels.toml"
    file.write_bytes(b"\xef\xbb\xbf" + HOTELS.replace("\n", "\r\n").encode())
    taxonomy = load_taxonomy(file)
    assert (taxonomy.name, taxonomy.version, taxonomy.languages) == ("hotels", 3, ("no", "fi"))
    assert taxonomy == SMALL
    assert taxonomy.logit_names == (
        "mood=bad", "mood=good", "parts=room", "parts=food", "parts=pool",
        "parts=room:bad", "parts=room:good", "parts=food:bad", "parts=food:good", "parts=pool:bad", "parts=pool:good",
        "times=before", "times=during",
    )  # fmt: skip
    assert [facet.name for facet in taxonomy.answers] == ["mood", "parts", "times"]
    assert parse_taxonomy(taxonomy.source, "again") == taxonomy


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ('name = "hotels"', "", 1, "a taxonomy needs a name"),
        ("version = 3", "version = true", 2, "version is True, expected a whole number"),
        ("version = 3", "verson = 3", 2, "unknown key 'verson'; did you mean 'version'?"),
        ("[facets.mood]", "[facet.mood]", 5, "unknown key 'facet'; did you mean 'facets'?"),
        ('"no", "fi"', '"no", "no"', 3, "'no' is 2 times in languages"),
        ("[facets.mood]", "[facets.Mood]", 5, "facet name 'Mood': use small letters"),
        ("[facets.mood]", "[facets.text]", 5, "taken by the review record itself"),
        ("[facets.mood]", "[facets.split]", 5, "taken by the review record itself"),
        ('kind = "one_of"\n', "", 5, "kind is None, expected one of one_of, any_of, polarity"),
        ('"one_of"', '"one-of"', 6, "kind is 'one-of', expected one of"),
        ('["bad", "good"]', '["good"]', 7, "facet 'mood' has 1 label, expected at least two"),
        ('["bad", "good"]', "[]", 7, "labels is [], expected a list of names"),
        ('["bad", "good"]', '"bad"', 7, "labels is 'bad', expected a list of names"),
        ('["bad", "good"]', '["bad", 5]', 7, "5 in labels: a name is text"),
        ('["bad", "good"]', '["bad", "so; so"]', 7, "'so; so' in labels: a name is text without ; : , ="),
        ('["bad", "good"]', '["bad", " good"]', 7, "no space around it"),
        ('"pool",', '"room",', 14, "'room' is 2 times in labels, expected once"),
        ('"food",', '"bathroom", "room",', 13, "'room' is 2 times in labels, expected once"),
        ('labels = [\n  "room"', 'lables = [\n  "room"', 11, "unknown key 'lables'; did you mean 'labels'?"),
        ('of = "parts"\n', "", 17, '"of" belongs to facets of kind polarity'),
        ('kind = "one_of"', 'kind = "one_of"\nof = "parts"', 7, '"of" belongs to facets of kind polarity'),
        ('of = "parts"', 'of = "mood"', 19, "of = 'mood' names no facet of kind any_of"),
        ('of = "parts"', 'of = "part"', 19, "of = 'part' names no facet of kind any_of"),
        ('of = "parts"', 'of = ["parts"]', 19, "of is ['parts'], expected the name"),
        ('of = "parts"', 'of = "times"', 19, "facet 'times' has a main label and a polarity"),
        ('kind = "one_of"', 'kind = "one_of"\nmain = "x"', 7, '"main" is the output name of an any_of facet'),
        ('main = "time"', 'main = "Time"', 24, '"main" is the output name of an any_of facet'),
        ('main = "time"', 'main = "mood"', 24, "output name 'mood' is already taken"),
        ('main = "time"', 'main = "confidence"', 24, "output name 'confidence' is already taken"),
        ('name = "half"', 'name = "time"', 28, "output name 'time' is already taken"),
        ('name = "half"', 'name = "A half"', 28, "rollup name 'A half': use small letters"),
        ('name = "half"\n', "", 27, 'a rollup has a "name" and a table "labels"'),
        ('before = "first"', 'befor = "first"', 31, "'befor' is no label of 'times'; did you mean 'before'?"),
        ('before = "first"', "before = 1", 31, "'before' rolls up to 1, expected a name"),
        ('during = "second"\n', "", 27, "these labels of 'times' roll up to nothing: during"),
        ("[facets.times.rollup", "[facets.tone.rollup", 17, "a polarity has no rollup"),
    ],
)
def test_a_bad_taxonomy_is_refused_with_the_line_and_the_reason(old: str, new: str, line: int, reason: str) -> None:
    assert old in HOTELS
    changed = HOTELS.replace(old, new) if old.startswith("[facets.times.") else HOTELS.replace(old, new, 1)
    with pytest.raises(TaxonomyError) as error:
        parse_taxonomy(changed, "hotels.toml")
    assert reason in str(error.value)
    assert str(error.value).startswith(f"hotels.toml, line {line}: ")


def test_words_of_comments_and_of_other_facets_are_not_pointed_at() -> None:
    head = '# kind and labels\nname = "x"\n[facets.a] # kind\nlabels = ["p", "q"]\n'
    text = head + '[facets.b]\nkind = "any_of"\nlabels = ["p"]\n'
    with pytest.raises(TaxonomyError, match=r"line 3: kind is None"):
        parse_taxonomy(text, "t")


def test_inline_tables_are_pointed_at_too() -> None:
    text = 'name = "x"\nfacets.a = {kind = "any_of", labels = ["p"]}\nfacets.b = {kind = "none", labels = ["p"]}\n'
    with pytest.raises(TaxonomyError, match=r"line [23]: kind is 'none'"):
        parse_taxonomy(text, "t")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("name = [", "not valid TOML"),
        ('name = "x"\nname = "y"\n', "line 2"),
        ("name = " + "[" * 5000, "not valid TOML"),
        ("version = " + "1" * 5000, "not valid TOML"),
        ('name = "x"', "no facets; add at least one table"),
        ('name = "x"\nfacets = 3', "line 2: no facets"),
        ('name = "x"\n[facets]\nmood = 3', "line 3: facet 'mood' is 3, expected a table"),
    ],
)
def test_what_is_no_taxonomy_at_all_is_refused(text: str, reason: str) -> None:
    with pytest.raises(TaxonomyError) as error:
        parse_taxonomy(text, "t.toml")
    assert reason in str(error.value)


def test_two_polarities_of_one_facet_are_refused() -> None:
    text = HOTELS.replace(
        "[facets.times]", '[facets.odour]\nkind = "polarity"\nof = "parts"\nlabels = ["a", "b"]\n[facets.times]'
    )
    with pytest.raises(TaxonomyError, match="facet 'parts' has two polarities"):
        parse_taxonomy(text, "t")


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'name = "sm\xe5"')
    for path in (tmp_path / "none.toml", tmp_path, latin):
        with pytest.raises(TaxonomyError, match="cannot be read"):
            load_taxonomy(path)


@given(
    st.text(max_size=60) | st.sampled_from(HOTELS.splitlines()).flatmap(lambda line: st.just(HOTELS.replace(line, "")))
)
def test_any_text_is_a_taxonomy_or_refused(text: str) -> None:
    try:
        assert parse_taxonomy(text, "t").n_logits > 0
    except TaxonomyError as error:
        assert str(error).startswith("t")


def test_targets_are_laid_on_the_axis_with_masks() -> None:
    targets = encode_labels(
        SMALL,
        [
            {"mood": "good", "parts": {"pool": "good", "room": ""}, "times": ("during", "before")},
            {"mood": "bad"},
            {"parts": {}, "times": ["before"]},
            {},
        ],
    )
    # mood 2 | parts 3 | tone room, food, pool | times 2
    assert targets.values.astype(int).tolist() == [
        [0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1],
        [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ]
    assert targets.mask.astype(int).tolist() == [
        [1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1],  # of the polarities only the pool's: the room's is not known
        [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1],  # no parts is known to be none
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ]
    assert targets.main.tolist() == [[1], [-1], [0], [-1]]
    assert (targets.values.dtype, targets.mask.dtype, targets.main.dtype) == (np.float32, np.float32, np.int64)


@pytest.mark.parametrize(
    ("facet", "value", "reason"),
    [
        ("mood", "god", "unknown label 'god' in mood; did you mean 'good'?"),
        ("mood", ["good"], "mood is of type list, expected one label"),
        ("mood", None, "mood is missing, expected one label"),
        ("parts", {"bar": "good"}, "unknown label 'bar' in parts"),
        ("parts", {"room": "goood"}, "unknown polarity 'goood' of 'room', expected one of bad, good; did you mean"),
        ("parts", "room", "parts is of type str, expected {label: polarity} or a list of labels"),
        ("parts", [1], "parts is of type list, expected"),
        ("times", {"before": "good"}, "times is of type dict, expected a list of labels"),
        ("times", [], "times is empty, expected at least one label, the main one first"),
    ],
)
def test_labels_that_the_taxonomy_lacks_are_refused(facet: str, value: object, reason: str) -> None:
    with pytest.raises(TaxonomyError) as error:
        check_labels(SMALL, SMALL[facet], value)
    assert reason in str(error.value)


def test_a_review_in_the_place_of_a_label_is_not_shown() -> None:
    review = "The room was cold and nobody at the desk cared."
    for facet, value in (("mood", review), ("parts", {review: "good"}), ("parts", {"room": review})):
        with pytest.raises(TaxonomyError) as error:
            check_labels(SMALL, SMALL[facet], value)
        assert "cold" not in str(error.value)
        assert "of 47 characters" in str(error.value)


def test_probabilities_counted_by_hand() -> None:
    ln3 = float(np.log(3))
    logits = np.array([[0, ln3, 0, ln3, -ln3, 0, 0, ln3, 0, -500, 500, 500, -500]], np.float32)
    expected = [0.25, 0.75, 0.5, 0.75, 0.25, 0.5, 0.5, 0.75, 0.25, 0, 1, 1, 0]
    found = probabilities(SMALL, logits)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [expected], atol=1e-6)


@given(st.lists(st.lists(st.floats(-1e4, 1e4, width=32), min_size=13, max_size=13), max_size=4))
def test_softmax_groups_sum_to_one_and_nothing_overflows(rows: list[list[float]]) -> None:
    probs = probabilities(SMALL, np.array(rows, np.float32).reshape(-1, 13))
    assert np.isfinite(probs).all()
    assert ((probs >= 0) & (probs <= 1)).all()
    np.testing.assert_allclose(probs[:, 0:2].sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(probs[:, 5:11].reshape(-1, 3, 2).sum(2), 1, atol=1e-6)


def test_thresholds_order_main_label_and_polarity_of_what_is_present() -> None:
    #                    mood       room food pool  tone: room, food, pool              before during
    row = [0.4, 0.6, 0.70, 0.30, 0.90, 0.9, 0.1, 0.2, 0.8, 0.45, 0.55, 0.20, 0.10]
    probs = np.array([row], np.float32)
    thresholds = default_thresholds(SMALL)
    assert thresholds == {"parts": {"room": 0.5, "food": 0.5, "pool": 0.5}, "times": {"before": 0.5, "during": 0.5}}
    labels = decide(SMALL, probs, Cutoffs(thresholds))[0]
    assert labels == {"mood": "good", "parts": {"pool": "good", "room": "bad"}, "times": ("before",)}
    assert list(labels["parts"]) == ["pool", "room"]  # the most probable first
    thresholds = {"parts": {"room": 0.71, "food": 0.30, "pool": 0.90}, "times": {"before": 0.9, "during": 0.1}}
    labels = decide(SMALL, probs, Cutoffs(thresholds))[0]
    # A probability equal to its threshold counts; the most probable time is the main one though below its threshold.
    assert labels == {"mood": "good", "parts": {"pool": "good", "food": "good"}, "times": ("before", "during")}


def test_what_is_added_to_the_log_odds_decides_the_main_label_alone() -> None:
    times = SMALL.slices["times"]
    probs = np.full((3, 13), 0.5, np.float32)
    # Log-odds 0.85 and 0, 0.85 and -0.85, 0 and 0.85.
    probs[:, times] = [[0.7, 0.5], [0.7, 0.3], [0.5, 0.7]]
    cutoffs = Cutoffs(default_thresholds(SMALL), {"times": 0.6}, {"times": {"before": 0.0, "during": 1.0}})
    assert [one["times"] for one in decide(SMALL, probs, cutoffs)] == [
        ("during", "before"),
        ("before",),
        ("during", "before"),
    ]
    first, sure = first_labels(SMALL["times"], probs[:, times], cutoffs)
    assert first.tolist() == [1, 0, 1]
    np.testing.assert_allclose(sure, [0.5, 0.7, 0.7])
    assert uncertain(SMALL, probs, cutoffs).tolist() == [True, False, False]


def test_no_reviews_are_no_labels() -> None:
    assert decide(SMALL, np.zeros((0, 13), np.float32), Cutoffs(default_thresholds(SMALL))) == []


_PARTS = st.dictionaries(st.sampled_from(["room", "food", "pool"]), st.sampled_from(["bad", "good"]))
_TIMES = st.lists(st.sampled_from(["before", "during"]), min_size=1, unique=True).map(tuple)
_RECORD = st.fixed_dictionaries({"mood": st.sampled_from(["bad", "good"]), "parts": _PARTS, "times": _TIMES})


@given(st.lists(_RECORD, max_size=5))
def test_labels_come_back_from_logits_that_are_sure_of_them(records: list[dict[str, object]]) -> None:
    targets = encode_labels(SMALL, records)  # type: ignore[arg-type]
    logits = np.where(targets.values > 0, 8, -8).astype(np.float32)
    for row, main in enumerate(targets.main[:, 0]):
        logits[row, SMALL.slices["times"].start + main] += 1
    assert decide(SMALL, probabilities(SMALL, logits), Cutoffs(default_thresholds(SMALL))) == records
