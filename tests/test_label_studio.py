"""Label Studio: the interface, tasks with pre-annotations, and what its exports say."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings

import tiny
from cxnlp.cli.main import main
from cxnlp.loop.label_studio import config_xml, controls_of, tasks
from cxnlp.loop.label_studio_import import read_label_studio
from cxnlp.taxonomy import Taxonomy, load_taxonomy
from label_tools import export_to, import_from
from labels_random import assert_same, items_of, labelled, taxonomies

TOY = tiny.toy_taxonomy()
SCORED = {
    "id": "r1", "language": "no", "text": "Fin dør, taket lekker", "mood": "good",
    "parts": {"door": "plus", "roof": "minus"}, "when": ["during", "before"], "confidence": 0.8125,
    "flags": [],
}  # fmt: skip


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text(TOY.source, "utf-8")
    return path


export, load = partial(export_to, "label-studio"), partial(import_from, "label-studio")


def choices(name: str, *ticked: str) -> dict[str, Any]:
    return {"id": "k3x", "from_name": name, "to_name": "text", "type": "choices", "origin": "manual",
            "value": {"choices": list(ticked)}}  # fmt: skip


def task(identity: str, *annotations: dict[str, Any], **more: Any) -> dict[str, Any]:
    data = {"text": f"Text of {identity}", "review-id": identity, "lang": "no"}
    return {"id": 71, "data": data, "annotations": list(annotations), "project": 5, "drafts": [], **more}


def annotation(who: object, *result: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"id": 9, "completed_by": who, "result": list(result), "was_cancelled": False, "ground_truth": False,
            "created_at": "2026-11-02T10:00:00Z", "updated_at": "2026-11-02T10:00:00Z", **more}  # fmt: skip


def view(xml: str) -> dict[str, tuple[dict[str, str], list[tuple[str, str]]]]:
    """Name of each block to its attributes and its choices, as shown and as they come back."""
    return {
        str(block.get("name")): (dict(block.attrib), [(str(c.get("value")), str(c.get("alias"))) for c in block])
        for block in ET.fromstring(xml).iter("Choices")
    }


def test_the_interface_of_a_small_taxonomy() -> None:
    xml = config_xml(TOY, {"mood": {"bad": 'Says "no" & <means> it'}})
    root = ET.fromstring(xml)
    assert root.tag == "View"
    assert [(text.get("name"), text.get("value")) for text in root.iter("Text")] == [("text", "$text")]
    found = view(xml)
    assert list(found) == ["mood", "parts", "parts=door", "parts=roof", "when", "first"]
    assert found["mood"] == (
        {"name": "mood", "toName": "text", "choice": "single", "showInline": "true"},
        [("bad", "bad"), ("good", "good")],
    )
    assert found["parts"][0]["choice"] == "multiple"
    assert found["parts"][1] == [("door", "door"), ("roof", "roof"), ("none of these", "=none")]
    assert found["when"][1][-1] == ("after", "after")  # there is always one, so that "none" is no answer
    assert found["first"][0]["choice"] == "single"
    polarity = found["parts=roof"]
    assert polarity[1] == [("minus", "minus"), ("plus", "plus")]
    assert (polarity[0]["visibleWhen"], polarity[0]["whenTagName"], polarity[0]["whenChoiceValue"]) == (
        "choice-selected", "parts", "roof",
    )  # fmt: skip
    assert [c.get("hint") for c in root.iter("Choice") if c.get("hint")] == ['Says "no" & <means> it']


@given(taxonomies())
def test_the_interface_is_sound_whatever_the_labels(taxonomy: Taxonomy) -> None:
    found = view(config_xml(taxonomy, {}))
    names = [control.name for control in controls_of(taxonomy)]
    assert list(found) == names and len(set(names)) == len(names)
    assert not any("|" in name for name in names)  # Label Studio joins names with it
    for control in controls_of(taxonomy):
        attributes, shown = found[control.name]
        assert attributes["toName"] == "text"
        assert [alias for _, alias in shown] == list(control.choices)
        if control.label:
            aliases = [alias for _, alias in found[attributes["whenTagName"]][1]]
            assert attributes["whenChoiceValue"] in aliases


def test_a_models_labels_are_predictions_and_a_persons_annotations(tmp_path: Path, toml: Path) -> None:
    (made,) = export(tmp_path, toml, [SCORED], "--model-name", "toy-1")
    assert made["data"] == {"text": SCORED["text"], "review-id": "r1", "lang": "no"}
    (prediction,) = made["predictions"]
    assert (prediction["model_version"], prediction["score"], "annotations" in made) == ("toy-1", 0.8125, False)
    assert {one["from_name"]: one["value"]["choices"] for one in prediction["result"]} == {
        "mood": ["good"], "parts": ["door", "roof"], "parts=door": ["plus"], "parts=roof": ["minus"],
        "when": ["during", "before"], "first": ["during"],
    }  # fmt: skip
    assert {(one["to_name"], one["type"]) for one in prediction["result"]} == {("text", "choices")}
    (made,) = export(tmp_path, toml, [SCORED], "--labels", "labels")
    assert "predictions" not in made and made["annotations"][0]["result"] == prediction["result"]
    (made,) = export(tmp_path, toml, [{**SCORED, "annotator": "anna@example.org"}], "--labels", "labels")
    assert made["annotations"][0]["completed_by"] == {"email": "anna@example.org"}
    (made,) = export(tmp_path, toml, [SCORED], "--labels", "none")
    assert list(made) == ["data"]


def test_predictions_are_not_answers(tmp_path: Path, toml: Path) -> None:
    exported = export(tmp_path, toml, [SCORED])
    assert load(tmp_path, toml, exported) == (0, [{"id": "r1", "lang": "no", "text": SCORED["text"]}])
    assert load(tmp_path, toml, exported, "--only-labelled") == (0, [])


def test_several_annotators_skips_and_drafts(tmp_path: Path, toml: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exported = [
        task("a", annotation(1, choices("mood", "good"), choices("parts", "door"), choices("parts=door", "minus")),
             annotation({"id": 2, "email": "bo@example.org"}, choices("mood", "bad"), choices("parts", "=none"))),
        task("b", annotation(1, was_cancelled=True)),
        task("c", annotation(1, choices("when", "before", "after"), choices("first", "after"))),
        task("d", drafts=[annotation(1, choices("mood", "good"))], predictions=[annotation(0, choices("mood", "bad"))]),
    ]  # fmt: skip
    code, back = load(tmp_path, toml, exported)
    assert code == 0
    assert back == [
        {"id": "a", "lang": "no", "text": "Text of a", "mood": "good", "parts": {"door": "minus"}, "annotator": "1"},
        {"id": "a", "lang": "no", "text": "Text of a", "mood": "bad", "parts": {}, "annotator": "bo@example.org"},
        {"id": "c", "lang": "no", "text": "Text of c", "when": ["after", "before"], "annotator": "1"},
        {"id": "b", "lang": "no", "text": "Text of b"},
        {"id": "d", "lang": "no", "text": "Text of d"},
    ]
    said = capsys.readouterr()
    assert "1 skipped annotation left out" in said.err
    assert "2 labelled reviews, 2 without labels" in said.out and "2 annotators; cxnlp labels agreement" in said.out


def test_completions_of_old_versions_and_the_newest_of_two(
    tmp_path: Path, toml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = task("a")
    old["completions"] = [annotation(3, choices("mood", "bad")), annotation(4, skipped=True)]
    del old["annotations"]
    twice = task("b", annotation(3, choices("mood", "good"), updated_at="2026-11-03T00:00:00Z"),
                 annotation(3, choices("mood", "bad")))  # fmt: skip
    code, back = load(tmp_path, toml, [old, twice])
    assert (code, [(one["id"], one["mood"]) for one in back]) == (1, [("a", "bad"), ("b", "good")])
    assert "task 2: 2 annotations by one annotator; the newest counts" in capsys.readouterr().err


def test_json_min(tmp_path: Path, toml: Path) -> None:
    # One choice is a string, several an object; "id" and "annotator" are Label Studio's own.
    common = {"lang": "no", "id": 71, "annotation_id": 9, "created_at": "", "updated_at": "", "lead_time": 3.1}
    exported = [
        {"text": "Ja", "review-id": "a", "mood": "good", "parts": {"choices": ["door", "roof"], "type": "Choices"},
         "parts=roof": "minus", "when": "after", "annotator": 1, **common},
        {"text": "Ja", "review-id": "a", "parts": "=none", "annotator": 2, **common},
        {"text": "Nei", "review-id": "b", "annotator": 1, **{**common, "annotation_id": None}},
    ]  # fmt: skip
    assert load(tmp_path, toml, exported) == (
        0,
        [
            {"id": "a", "lang": "no", "text": "Ja", "mood": "good", "parts": {"door": None, "roof": "minus"},
             "when": ["after"], "annotator": "1"},
            {"id": "a", "lang": "no", "text": "Ja", "parts": {}, "annotator": "2"},
            {"id": "b", "lang": "no", "text": "Nei"},
        ],
    )  # fmt: skip


def test_what_cannot_be_used_is_named_and_the_rest_kept(
    tmp_path: Path, toml: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported: list[Any] = [
        task("a", annotation(1, choices("mood", "goood"), choices("parts", "door"))),
        task("b", annotation(1, choices("mood", "good"), choices("part", "door"))),
        task("c", annotation(1, choices("mood", "good"), choices("parts", "door", "=none"))),
        task("d", annotation(1, choices("mood", "bad"), choices("when", "before", "after"))),
        {"id": 1, "data": {"image": "x.png"}, "annotations": []},
        "broken",
        task("e", annotation(1, {"type": "textarea", "from_name": "remark", "value": {"text": ["ask Bo"]}})),
        task("f", "broken", annotation(1, {**choices("mood"), "value": {}}, choices("when", "after"))),  # type: ignore[arg-type]
        task("a", annotation(1, choices("mood", "good"))),
    ]
    code, back = load(tmp_path, toml, exported)
    assert code == 1
    assert [{k: v for k, v in one.items() if k not in ("text", "lang", "annotator")} for one in back] == [
        {"id": "a", "parts": {"door": None}},
        {"id": "b", "mood": "good"},
        {"id": "c", "mood": "good"},
        {"id": "d", "mood": "bad"},
        {"id": "e"},
        {"id": "f", "when": ["after"]},
    ]
    err = capsys.readouterr().err
    for line in (
        "task 1: unknown label 'goood' in mood; did you mean 'good'?",
        "task 2: a block of choices that the taxonomy does not have; did you mean 'parts'?",
        'task 3: parts has labels and "none of these"',
        "task 4: when has 2 labels and none under first",
        'task 5: no text under "text"',
        "task 6: a JSON str, expected an object",
        "task 8: an annotation is a JSON str",
        "task 8: a result of type choices without a list of choices",
        "task 9: an id that stands above already",
    ):
        assert line in err
    assert err.count(", task ") == 9
    assert "Text of" not in err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not valid JSON at line 1"),
        ('{"id": 1}', "a JSON dict, expected the list"),
        ("[" * 9000, "not valid JSON"),
    ],
)
def test_files_that_are_no_export(content: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.json").write_text(content, "utf-8")
    out = tmp_path / "labels.jsonl"
    assert main(["labels", "import", str(tmp_path / "a.json"), "--from", "label-studio", "-o", str(out)]) == 2
    assert said in capsys.readouterr().err
    assert not out.exists()


@given(labelled())
@settings(max_examples=40)
def test_a_round_trip_loses_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: tuple[Taxonomy, list[dict[str, Any]]]
) -> None:
    taxonomy, records = data
    folder = tmp_path_factory.mktemp("studio")
    items = items_of(folder / "in.jsonl", taxonomy, records)
    (folder / "a.json").write_text(json.dumps(tasks(taxonomy, items, "m")), "ascii")
    assert_same(taxonomy, items, read_label_studio(folder / "a.json", taxonomy))


def test_label_studios_own_reader_takes_interface_and_tasks(tmp_path: Path) -> None:
    interface = pytest.importorskip("label_studio_sdk.label_interface").LabelInterface(
        config_xml(load_taxonomy(), {"sentiment": {"mixed": "praise & blame"}})
    )
    interface.validate()
    records = [{**one, "confidence": 0.5} for one in tiny.records()]
    made = tasks(load_taxonomy(), items_of(tmp_path / "in.jsonl", load_taxonomy(), records), "m")
    for one in made:
        assert interface.validate_prediction(one["predictions"][0], return_errors=True) == []
    wrong = {"result": [{**made[0]["predictions"][0]["result"][0], "value": {"choices": ["furious"]}}]}
    assert interface.validate_prediction({**wrong, "model_version": "m", "score": 0.5}, return_errors=True) != []


def test_the_files_of_a_scored_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A scored CSV, with the ids of its own column and a row that was not scored."""
    table = tmp_path / "scored.csv"
    table.write_text(
        "review_id;comment;cx_sentiment;cx_touchpoints;cx_phases;cx_confidence;cx_flags\n"
        "R-1;Pakken kom aldri, men appen er grei;mixed;delivery:negative; app:neutral;delivery; use;0,61;\n".replace(
            "delivery:negative; app:neutral", '"delivery:negative; app:neutral"'
        ).replace("delivery; use", '"delivery; use"')
        + "R-2;Helt greit, ikke noe å si på dette;neutral;;use;0,9;\nR-3;;;;;;empty\n",
        "utf-8",
    )
    out = tmp_path / "tasks.json"
    assert main(["labels", "export", str(table), "--to", "label-studio", "-o", str(out)]) == 0
    assert "3 reviews, 2 with labels" in capsys.readouterr().out
    first, second, third = json.loads(out.read_text("ascii"))
    assert [one["data"]["review-id"] for one in (first, second, third)] == ["R-1", "R-2", "R-3"]
    assert {one["from_name"]: one["value"]["choices"] for one in first["predictions"][0]["result"]} == {
        "sentiment": ["mixed"], "touchpoints": ["delivery", "app"], "touchpoints=delivery": ["negative"],
        "touchpoints=app": ["neutral"], "phases": ["delivery", "use"], "phase": ["delivery"],
    }  # fmt: skip
    assert first["predictions"][0]["score"] == 0.61
    assert {one["from_name"]: one["value"]["choices"] for one in second["predictions"][0]["result"]}["touchpoints"] == [
        "=none"
    ]
    assert "predictions" not in third


def test_a_text_of_a_scored_csv_is_the_one_that_was_scored(tmp_path: Path) -> None:
    """There an apostrophe stands before what a spreadsheet would compute."""
    table = tmp_path / "scored.csv"
    table.write_text("id;review;cx_sentiment;cx_confidence\n1;'- treg levering;negative;0,9\n", "utf-8")
    out = tmp_path / "tasks.json"
    assert main(["labels", "export", str(table), "--to", "label-studio", "-o", str(out)]) == 0
    assert "- treg levering" in (text := out.read_text("ascii")) and "'- treg" not in text


def test_options_that_do_not_go_together(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tiny.write_jsonl(tmp_path / "in.jsonl", tiny.records())
    export_to = ["labels", "export", str(source), "--output", str(tmp_path / "out"), "--to"]
    assert main([*export_to, "xlsx", "--config", str(tmp_path / "c")]) == 2
    assert "a workbook needs none" in capsys.readouterr().err
    assert main([*export_to, "label-studio", "--user", "anna"]) == 2
    assert "--user: names a user of Argilla" in capsys.readouterr().err
    assert main([*export_to, "argilla", "--user", "anna"]) == 2
    assert "a UUID" in capsys.readouterr().err
    assert main([*export_to, "label-studio", "--config", str(source)]) == 2
    assert "--config would overwrite" in capsys.readouterr().err
    assert main([*export_to, "label-studio", "--config", str(tmp_path / "out")]) == 2
    assert "named by --output and --config" in capsys.readouterr().err
    read = ["labels", "import", str(source), "--from", "argilla", "--all-rows", "-o", str(tmp_path / "out")]
    assert main(read) == 2
    assert "are of workbooks" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_label_that_is_not_known_costs_its_facet_and_no_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [
        {"id": "1", "text": "Elendig app, men rask levering.", "sentiment": "mixed", "touchpoints": {"ap": "negative"}},
        {"id": "2", "text": "Helt topp.", "sentiment": "positiv", "touchpoints": {"app": "positive"}},
    ]
    source, out = tiny.write_jsonl(tmp_path / "in.jsonl", records), tmp_path / "out.json"
    command = ["labels", "export", str(source), "--to", "label-studio", "--labels", "labels", "-o", str(out)]
    assert main(command) == 1
    shown = capsys.readouterr()
    assert "2 reviews, 2 with labels" in shown.out
    assert "line 1" in shown.err and "did you mean 'app'" in shown.err and "line 2" in shown.err
    answers = [
        {one["from_name"]: one["value"]["choices"] for one in task["annotations"][0]["result"]}
        for task in json.loads(out.read_text("ascii"))
    ]
    assert answers == [{"sentiment": ["mixed"]}, {"touchpoints": ["app"], "touchpoints=app": ["positive"]}]
