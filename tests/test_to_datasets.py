"""Reviews and predictions as a Hugging Face Dataset, and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import tiny
from cxnlp.data import Review, review_from_record, split_of
from cxnlp.errors import DataError
from cxnlp.integrations.datasets import from_datasets, to_dataset_dict, to_datasets
from cxnlp.taxonomy import load_taxonomy, parse_taxonomy
from fake_tagger import FakeTagger

datasets = pytest.importorskip("datasets", reason="needs datasets")

TAXONOMY = load_taxonomy()
TOY = tiny.toy_taxonomy()
REVIEWS = [review_from_record(record, TAXONOMY, "composed") for record in tiny.records()]


def test_labels_are_numbers_with_names() -> None:
    review = Review("1", "Fin dør", "no", {"mood": "good", "parts": {"roof": "plus", "door": ""}, "when": ("after",)})
    dataset = to_datasets([review, Review("2", "Tom")], TOY)
    assert dataset.column_names == ["id", "text", "lang", "source", "mood", "parts", "view", "when"]
    assert dataset.features["mood"] == datasets.ClassLabel(names=["bad", "good"])
    assert dataset.features["parts"] == datasets.List(datasets.ClassLabel(names=["door", "roof"]))
    assert dataset[0] == {
        "id": "1", "text": "Fin dør", "lang": "no", "source": "", "mood": 1, "parts": [1, 0], "view": [1, None],
        "when": [2],
    }  # fmt: skip
    assert dataset[1] == {
        "id": "2", "text": "Tom", "lang": "", "source": "", "mood": None, "parts": None, "view": None, "when": None,
    }  # fmt: skip
    assert to_datasets([], TOY).features == dataset.features


def test_there_and_back_through_a_file(tmp_path: Path) -> None:
    to_datasets(REVIEWS, TAXONOMY).save_to_disk(str(tmp_path / "set"))
    reviews, problems = from_datasets(datasets.load_from_disk(str(tmp_path / "set")), TAXONOMY)
    assert (reviews, problems) == (REVIEWS, [])


_PARTS = st.dictionaries(st.sampled_from(["door", "roof"]), st.sampled_from(["", "minus", "plus"]))
_WHEN = st.lists(st.sampled_from(["before", "during", "after"]), min_size=1, unique=True).map(tuple)
_LABELS = st.fixed_dictionaries(
    {}, optional={"mood": st.sampled_from(["bad", "good"]), "parts": _PARTS, "when": _WHEN}
)  # fmt: skip
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.builds(Review, _TEXT, _TEXT, st.sampled_from(["", "no", "en"]), _LABELS, _TEXT), max_size=4))
def test_a_round_trip_loses_nothing(reviews: list[Review]) -> None:
    assert from_datasets(to_datasets(reviews, TOY), TOY) == (reviews, [])


def test_predictions_come_with_their_probabilities() -> None:
    texts = ["fin dør", "", "das ist gut"]
    predictions = FakeTagger(TOY).tag(texts)
    reviews = [Review(str(i), text, labels={"mood": "bad"}) for i, text in enumerate(texts)]
    dataset = to_datasets(reviews, TOY, predictions)
    first, empty, other = (dataset[i] for i in range(3))
    assert TOY["mood"].labels[first["mood"]] == predictions[0].labels["mood"]
    assert first["confidence"] == predictions[0].confidence
    assert len(first["probabilities"]) == len(TOY.logit_names) == 11
    place = TOY.logit_names.index("parts=roof:plus")
    assert first["probabilities"][place] == pytest.approx(predictions[0].probabilities["view"]["roof:plus"])
    assert (empty["mood"], empty["parts"], empty["flags"]) == (None, None, ["empty"])
    assert (empty["confidence"], empty["probabilities"]) == (None, None)
    assert (other["lang"], other["flags"]) == ("de", ["other_language"])
    back, problems = from_datasets(dataset, TOY)
    assert problems == []
    assert back[0].labels == predictions[0].labels
    assert back[1].labels == {}
    with pytest.raises(DataError, match="3 reviews and 2 predictions, expected one for each"):
        to_datasets(reviews, TOY, predictions[:2])


def test_parts_are_those_of_the_hash() -> None:
    parts = to_dataset_dict(REVIEWS, TAXONOMY)
    assert list(parts) == ["train", "dev", "test"]
    for name, part in parts.items():
        assert {split_of(text) for text in part["text"]} <= {name}
    assert sum(len(part) for part in parts.values()) == len(REVIEWS)
    with pytest.raises(DataError, match="with the parts train, dev, test; give one"):
        from_datasets(parts, TAXONOMY)


def test_other_peoples_numbers_names_and_columns_are_read() -> None:
    features = datasets.Features(
        {"text": datasets.Value("string"), "mood": datasets.ClassLabel(names=["good", "bad"]),
         "when": datasets.List(datasets.Value("string")), "extra": datasets.Value("int64")}
    )  # fmt: skip
    columns = {"text": ["a", "b", "c"], "mood": [0, 1, -1], "when": [["after", "before"], None, ["during"]]}
    dataset = datasets.Dataset.from_dict({**columns, "extra": [1, 2, 3]}, features=features).with_format("numpy")
    reviews, problems = from_datasets(dataset, TOY)
    assert problems == []
    assert [review.labels for review in reviews] == [
        {"mood": "good", "when": ("after", "before")}, {"mood": "bad"}, {"when": ("during",)},
    ]  # fmt: skip
    assert [review.id for review in reviews] == ["1", "2", "3"]


def test_a_bad_row_costs_no_other_and_is_not_quoted() -> None:
    dataset = datasets.Dataset.from_list(
        [
            {"text": "en hemmelighet", "mood": "god", "parts": ["door"], "view": ["plus"]},
            {"text": "to", "mood": "good", "parts": ["door", "roof"], "view": ["plus"]},
            {"text": None, "mood": "good", "parts": [], "view": []},
            {"text": "fire", "mood": "good", "parts": ["roof"], "view": ["minus"]},
        ]
    )
    reviews, problems = from_datasets(dataset, TOY)
    assert [review.labels for review in reviews] == [{"mood": "good", "parts": {"roof": "minus"}}]
    assert [problem.line for problem in problems] == [1, 2, 3]
    assert str(problems[1]).startswith("the dataset, row 2: ")
    assert "unknown label 'god' in mood; did you mean 'good'?" in str(problems[0])
    assert "2 parts and 1 of view, expected one for each" in str(problems[1])
    assert "hemmelighet" not in json.dumps([str(problem) for problem in problems])


def test_what_cannot_be_written_or_read_is_said() -> None:
    with pytest.raises(DataError, match="review '1': unknown label 'god' in mood"):
        to_datasets([Review("1", "a", labels={"mood": "god"})], TOY)
    named = parse_taxonomy('name = "x"\n[facets.source]\nkind = "one_of"\nlabels = ["a", "b"]\n', "x")
    with pytest.raises(DataError, match="the facet 'source' has the name of a column of every dataset"):
        to_datasets([], named)
    with pytest.raises(DataError, match='no column "text"; the columns are: tekst'):
        from_datasets(datasets.Dataset.from_dict({"tekst": ["a"]}), TOY)
