"""Argilla: settings and records as its SDK reads them, and the responses of several users."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from hypothesis import given, settings

import tiny
from cxnlp.cli.main import main
from cxnlp.errors import DataError
from cxnlp.loop.argilla import read_argilla, records_json, settings_json
from cxnlp.taxonomy import Facet, Kind, Taxonomy, load_taxonomy
from label_tools import export_to, import_from
from labels_random import assert_same, items_of, labelled

TOY = tiny.toy_taxonomy()
ANNA, BO = "5f1c7c3e-2f6d-4a53-9f62-1b6c3f8f0001", "5f1c7c3e-2f6d-4a53-9f62-1b6c3f8f0002"
SCORED = {
    "id": "r1", "language": "no", "text": "Fin dør, taket lekker", "mood": "good",
    "parts": {"door": "plus", "roof": "minus"}, "when": ["during", "before"], "confidence": 0.8, "flags": [],
    "probabilities": {
        "mood": {"bad": 0.25, "good": 0.75}, "parts": {"door": 0.5, "roof": 0.75},
        "view": {"door:minus": 0.25, "door:plus": 0.75, "roof:minus": 0.5, "roof:plus": 0.5},
        "when": {"before": 0.5, "during": 1.0, "after": 0.0},
    },
}  # fmt: skip


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text(TOY.source, "utf-8")
    return path


export, load = partial(export_to, "argilla"), partial(import_from, "argilla")


def record(identity: str, **responses: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "id": identity, "fields": {"text": f"Text of {identity}"}, "metadata": {"lang": "no"}, "suggestions": {},
        "responses": responses, "vectors": {}, "status": "pending", "_server_id": "71",
    }  # fmt: skip


def said(value: object, user: str = ANNA, **more: str) -> dict[str, Any]:
    return {"value": value, "user_id": user, **more}


def test_the_questions_of_a_small_taxonomy() -> None:
    made = settings_json(TOY, {"parts": {"door": "What one enters by"}}, "# Read me")
    assert made["guidelines"] == "# Read me"
    assert [(one["name"], one["settings"]["type"]) for one in made["questions"]] == [
        ("mood", "label_selection"),
        ("parts", "multi_label_selection"),
        ("when", "multi_label_selection"),
        ("first", "label_selection"),
    ]
    options = {one["name"]: one["settings"]["options"] for one in made["questions"]}
    assert [one["value"] for one in options["parts"]] == [
        "door", "door:minus", "door:plus", "roof", "roof:minus", "roof:plus", "=none",
    ]  # fmt: skip
    assert options["parts"][0] == {"value": "door", "text": "door", "description": "What one enters by"}
    assert options["parts"][-1]["text"] == "none of these"
    assert [one["value"] for one in options["when"]] == ["before", "during", "after"]
    assert not any(one["required"] for one in made["questions"])  # a review may be labelled in part
    assert [field["name"] for field in made["fields"]] == ["text"]


def test_suggestions_carry_the_models_probabilities(tmp_path: Path, toml: Path) -> None:
    (made,) = export(tmp_path, toml, [SCORED], "--model-name", "toy-1")
    assert (made["id"], made["fields"], made["metadata"], made["responses"]) == (
        "r1", {"text": SCORED["text"]}, {"lang": "no"}, {},
    )  # fmt: skip
    assert made["suggestions"] == {
        "mood": {"value": "good", "score": 0.75, "agent": "toy-1"},
        "parts": {"value": ["door:plus", "roof:minus"], "score": [0.375, 0.375], "agent": "toy-1"},  # 0.5 × 0.75
        "when": {"value": ["during", "before"], "score": [1.0, 0.5], "agent": "toy-1"},
        "first": {"value": "during", "score": 1.0, "agent": "toy-1"},
    }
    (made,) = export(tmp_path, toml, [{**SCORED, "parts": {}, "probabilities": None}])
    assert made["suggestions"]["parts"] == {"value": ["=none"], "score": None, "agent": "cxnlp"}


def test_a_persons_labels_are_responses(tmp_path: Path, toml: Path) -> None:
    for more, who in (([], ANNA), (["--user", BO], BO)):
        (made,) = export(tmp_path, toml, [{**SCORED, "annotator": ANNA}], "--labels", "labels", *more)
        assert made["suggestions"] == {}
        assert made["responses"]["mood"] == [{"value": "good", "user_id": who, "status": "submitted"}]
    by_name = [export(tmp_path, toml, [{**SCORED, "annotator": who}], "--labels", "labels")[0] for who in "ab"]
    users = [one["responses"]["mood"][0]["user_id"] for one in by_name]
    assert users[0] != users[1] and all(len(user) == 36 for user in users)


def test_responses_of_several_users(tmp_path: Path, toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exported = [
        record("a", mood=[said("good"), said("bad", BO)], parts=[said(["door:minus", "roof"]), said(["=none"], BO)],
               when=[said(["before", "after"])], first=[said("after")]),
        record("b"),
        record("c", mood=[said("good", status="discarded"), said("bad", BO, status="submitted")]),
        {**record("d"), "suggestions": {"mood": {"value": "bad", "score": 0.9, "agent": "m"}}, "metadata": {}},
    ]  # fmt: skip
    code, back = load(tmp_path, toml, exported)
    assert (code, back) == (
        0,
        [
            {"id": "a", "lang": "no", "text": "Text of a", "mood": "good", "parts": {"door": "minus", "roof": None},
             "when": ["after", "before"], "annotator": ANNA},
            {"id": "a", "lang": "no", "text": "Text of a", "mood": "bad", "parts": {}, "annotator": BO},
            {"id": "b", "lang": "no", "text": "Text of b"},
            {"id": "c", "lang": "no", "text": "Text of c", "mood": "bad", "annotator": BO},
            {"id": "d", "text": "Text of d"},
        ],
    )  # fmt: skip
    out = capsys.readouterr()
    assert "1 response left out: draft or discarded" in out.err
    assert "2 annotators" in out.out


def test_what_cannot_be_used_is_named_and_the_rest_kept(
    tmp_path: Path, toml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported: list[Any] = [
        record("a", mood=[said("god")], parts=[said(["door"])]),
        record("b", parts=[said(["door:minus", "door:plus"])], mood=[said("good")]),
        record("c", modd=[said("good")], when=[said(["after"])]),
        record("d", mood=[said(3)], when=[said(["after"])]),
        {"id": "e", "fields": {"prompt": "x"}},
        7,
    ]
    code, back = load(tmp_path, toml, exported)
    assert (code, [{k: v for k, v in one.items() if k not in ("text", "lang", "annotator")} for one in back]) == (
        1,
        [
            {"id": "a", "parts": {"door": None}},
            {"id": "b", "mood": "good"},
            {"id": "c", "when": ["after"]},
            {"id": "d", "when": ["after"]},
        ],
    )
    err = capsys.readouterr().err
    for line in (
        "record 1: unknown label 'god' in mood; did you mean 'good'?",
        "record 2: parts has a label with two polarities",
        "record 3: a question that the taxonomy does not have; did you mean 'mood'?",
        "record 4: a response to mood without a label or a list of labels",
        'record 5: no text under "fields", "text"',
        'record 6: no text under "fields", "text"',
    ):
        assert line in err
    assert err.count(", record ") == 6 and "Text of" not in err


def test_more_options_than_the_server_takes() -> None:
    many = tuple(f"label {i}" for i in range(300))
    taxonomy = Taxonomy(
        "many", 1, (), (Facet("parts", Kind.ANY_OF, many), Facet("view", Kind.POLARITY, ("a", "b"), of="parts"))
    )
    with pytest.raises(DataError, match="parts: 901 options, Argilla takes 500"):
        settings_json(taxonomy, {}, None)


@given(labelled())
@settings(max_examples=40)
def test_a_round_trip_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: tuple[Taxonomy, list[dict[str, Any]]]
) -> None:
    taxonomy, records = data
    folder = tmp_path_factory.mktemp("argilla")
    items = items_of(folder / "in.jsonl", taxonomy, records)
    (folder / "a.json").write_text(json.dumps(records_json(taxonomy, items, "m", None)), "ascii")
    assert_same(taxonomy, items, read_argilla(folder / "a.json", taxonomy))


def test_argillas_own_reader_takes_settings_and_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rg = pytest.importorskip("argilla")
    from argilla.records._io import JsonIO

    monkeypatch.setattr(rg.Argilla, "_get_default", lambda: MagicMock())  # settings ask for a client, and use none
    source = tiny.write_jsonl(tmp_path / "in.jsonl", [{**one, "annotator": ANNA} for one in tiny.records()])
    made, config = tmp_path / "records.json", tmp_path / "settings.json"
    arguments = ["labels", "export", str(source), "--to", "argilla", "-o", str(made), "--config", str(config)]
    assert main([*arguments, "--guidelines", str(tiny.REPOSITORY / "data" / "annotation-guidelines.md")]) == 0
    read = rg.Settings.from_json(config)
    read.validate()
    assert {one.name: type(one).__name__ for one in read.questions} == {
        "sentiment": "LabelQuestion", "touchpoints": "MultiLabelQuestion", "phases": "MultiLabelQuestion",
        "phase": "LabelQuestion",
    }  # fmt: skip
    assert len(read.questions["touchpoints"].labels) == 18 * 4 + 1
    assert read.guidelines.startswith("# Annotation guidelines")
    records = JsonIO._records_from_json(made)
    assert [one.fields["text"] for one in records] == [one["text"] for one in tiny.records()]
    again = tmp_path / "again.json"
    JsonIO.to_json(records, again)  # what dataset.records.to_json writes
    taxonomy = load_taxonomy()
    assert_same(taxonomy, items_of(source, taxonomy, tiny.records()), read_argilla(again, taxonomy))
