"""Settings: read as declared, and refused by name."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxnlp.errors import SettingsError
from cxnlp.settings import recipe_from_table
from cxnlp.settings.load import as_table, read_settings, read_toml


class Metric(StrEnum):
    F1 = "f1"
    ACCURACY = "accuracy"


@dataclass(frozen=True)
class Source:
    path: Path
    weight: float = 1.0
    languages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Training:
    learning_rate: float = 1e-4
    epochs: int = 3
    metric: Metric = Metric.F1
    precision: Literal["bf16", "fp32"] = "fp32"
    betas: tuple[float, float] = (0.9, 0.99)
    resume: Path | None = None
    shuffle: bool = True

    def __post_init__(self) -> None:
        if self.learning_rate <= 0:
            raise ValueError(f"learning_rate: expected more than 0, got {self.learning_rate}")
        if self.epochs < 1:
            raise ValueError(f"epochs is {self.epochs}, expected at least 1")
        if self.shuffle and self.resume:
            raise ValueError("cannot shuffle and resume at once")


@dataclass(frozen=True)
class Recipe:
    name: str
    training: Training = field(default_factory=Training)
    sources: tuple[Source, ...] = ()
    seeds: list[int] = field(default_factory=list)
    weights: dict[str, float] = field(default_factory=dict)
    warm_start: str | int | None = None


FULL: dict[str, Any] = {
    "name": "small",
    "training": {"learning_rate": 2, "metric": "accuracy", "precision": "bf16", "betas": [0.8, 1],
                 "shuffle": False, "resume": "runs/a"},
    "sources": [{"path": "data/a.jsonl"}, {"path": "data/b.jsonl", "weight": 0.5, "languages": ["no", "da"]}],
    "seeds": [1, 2],
    "weights": {"sentiment": 2},
    "warm_start": 7,
}  # fmt: skip


def test_a_table_becomes_the_nested_settings() -> None:
    recipe = read_settings(Recipe, FULL, "recipe.toml")
    training = Training(2.0, 3, Metric.ACCURACY, "bf16", (0.8, 1.0), Path("runs/a"), False)
    sources = (Source(Path("data/a.jsonl")), Source(Path("data/b.jsonl"), 0.5, ("no", "da")))
    assert recipe == Recipe("small", training, sources, [1, 2], {"sentiment": 2.0}, 7)
    assert isinstance(recipe.training.learning_rate, float)
    assert isinstance(recipe.training.metric, Metric)


def test_what_is_left_out_has_its_default() -> None:
    assert read_settings(Recipe, {"name": "x"}, "r") == Recipe("x")


def test_settings_go_through_json_and_come_back_the_same() -> None:
    for table in (FULL, {"name": "x"}):
        recipe = read_settings(Recipe, table, "r")
        assert read_settings(Recipe, json.loads(json.dumps(as_table(recipe))), "r") == recipe


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nmae": "y"}, "r.toml: nmae: unknown key; did you mean 'name'?; known: name, training,"),
        (
            {"training": {"learning_rat": 1}},
            "r.toml: training.learning_rat: unknown key; did you mean 'learning_rate'?",
        ),
        ({"sources": [{"path": "a"}, {"pth": "b"}]}, "r.toml: sources[1].pth: unknown key; did you mean 'path'?"),
        ({"sources": [{"weight": 1}]}, "r.toml: sources[0].path: is missing, expected a path"),
        ({"sources": {"path": "a"}}, "r.toml: sources: is {'path': 'a'}, expected a list, each a table"),
        ({"training": 3}, "r.toml: training: is 3, expected a table of settings"),
        ({"training": {"epochs": True}}, "r.toml: training.epochs: is true, expected a whole number"),
        ({"training": {"epochs": 2.0}}, "r.toml: training.epochs: is 2.0, expected a whole number"),
        ({"training": {"epochs": "2"}}, "r.toml: training.epochs: is '2', expected a whole number"),
        ({"training": {"shuffle": 1}}, "r.toml: training.shuffle: is 1, expected true or false"),
        ({"training": {"learning_rate": False}}, "r.toml: training.learning_rate: is false, expected a number"),
        ({"training": {"learning_rate": float("nan")}}, "r.toml: training.learning_rate: is nan, expected a number"),
        ({"training": {"learning_rate": 10**400}}, "r.toml: training.learning_rate: is 1000"),
        ({"training": {"metric": "acuracy"}}, "is 'acuracy', expected one of f1, accuracy; did you mean 'accuracy'?"),
        ({"training": {"precision": "fp16"}}, "r.toml: training.precision: is 'fp16', expected one of bf16, fp32"),
        ({"training": {"betas": [1]}}, "r.toml: training.betas: is [1], expected 2 of them"),
        ({"training": {"resume": 5}}, "r.toml: training.resume: is 5, expected a path"),
        ({"seeds": [1, "2"]}, "r.toml: seeds[1]: is '2', expected a whole number"),
        ({"seeds": "12"}, "r.toml: seeds: is '12', expected a list, each a whole number"),
        ({"weights": {"sentiment": "2"}}, "r.toml: weights.sentiment: is '2', expected a number"),
        ({"weights": [2]}, "r.toml: weights: is [2], expected a table"),
        ({"warm_start": 1.5}, "r.toml: warm_start: is 1.5, expected text or a whole number"),
        ({"name": None}, "r.toml: name: is None, expected text"),
    ],
)
def test_what_is_wrong_is_refused_by_name(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        read_settings(Recipe, {"name": "x", **change}, "r.toml")
    assert message in str(error.value)


def test_a_missing_required_key_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^r: name: is missing, expected text$"):
        read_settings(Recipe, {}, "r")


def test_a_long_value_is_shortened_in_the_message() -> None:
    with pytest.raises(SettingsError) as error:
        read_settings(Recipe, {"name": ["x" * 500]}, "r")
    assert len(str(error.value)) < 120


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"learning_rate": -1}, "r.toml: training.learning_rate: expected more than 0, got -1.0"),
        ({"epochs": 0}, "r.toml: training.epochs is 0, expected at least 1"),
        ({"resume": "runs/a"}, "r.toml: training: cannot shuffle and resume at once"),
    ],
)
def test_a_value_that_the_class_refuses_is_reported_under_its_key(training: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as error:
        read_settings(Recipe, {"name": "x", "training": training}, "r.toml")
    assert str(error.value) == message


def test_at_the_top_level_the_key_stands_alone() -> None:
    with pytest.raises(SettingsError, match=r"^r: learning_rate: expected more than 0"):
        read_settings(Training, {"learning_rate": 0}, "r")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["name", "training", "sources", "seeds", "weights", "other"]), _JSON))
def test_any_table_is_either_read_and_comes_back_or_refused(table: dict[str, Any]) -> None:
    try:
        recipe = read_settings(Recipe, table, "r")
    except SettingsError as error:
        assert str(error).startswith("r: ")
    else:
        assert read_settings(Recipe, as_table(recipe), "r") == recipe


def test_toml_is_read_with_and_without_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "r.toml"
    for prefix in (b"", b"\xef\xbb\xbf"):
        file.write_bytes(prefix + 'name = "små"\r\n[training]\r\nepochs = 2\r\n'.encode())
        assert read_toml(file) == {"name": "små", "training": {"epochs": 2}}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a = 1\nb = [1,\nc = 2\n", "line 3"),
        (b"a = 1\na = 2\n", "line 2"),
        (b"a = \xff\n", "byte 5 is not UTF-8; save the file as UTF-8"),
        (b"a = " + b"[" * 5000, "not valid TOML"),
        (b"a = " + b"1" * 5000, "not valid TOML"),
    ],
)
def test_a_file_that_is_not_toml_is_refused_with_the_place(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "r.toml"
    file.write_bytes(content)
    with pytest.raises(SettingsError) as error:
        read_toml(file)
    assert str(file) in str(error.value)
    assert message in str(error.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(SettingsError, match="give a TOML file"):
            read_toml(path)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"seed": -1}, "r: seed: is -1, expected 0 to 4294967295"),
        ({"encoder": {"source": "x", "max_tokens": 2}}, "r: encoder.max_tokens: is 2, expected at least 8"),
        ({"encoder": {"source": "x", "overlap": -4}}, "r: encoder.overlap: is -4, expected at least 0"),
        ({"export": {"max_parity_texts": 0}}, "r: export.max_parity_texts: is 0, expected more than 0"),
        ({"data": [{"name": "n", "kind": "norec_sentence", "paths": ["a", "b"]}]}, "r: data[0].paths: has 2 paths"),
    ],
)
def test_what_a_run_could_not_use_is_refused(more: dict[str, Any], message: str) -> None:
    table = {"name": "x", "encoder": {"source": "x"}, "data": [{"name": "d", "paths": ["d.jsonl"]}], **more}
    with pytest.raises(SettingsError) as error:
        recipe_from_table(table, "r")
    assert str(error.value).startswith(message)
