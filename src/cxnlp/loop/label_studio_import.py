"""Read what Label Studio exports as JSON or as JSON-MIN.

Formats: https://labelstud.io/guide/task_format and https://labelstud.io/guide/export.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cxnlp.errors import nearest
from cxnlp.loop.answers import Answer, Answers, put, read_json_list, refuser
from cxnlp.loop.label_studio import ID, LANG, TEXT, TOOL, Control, controls_of
from cxnlp.loop.marks import NONE, Marks, labels_of
from cxnlp.taxonomy import Taxonomy
from cxnlp.text.counted import counted

Refuse = Callable[[str], None]
_SKIPPED = "skipped"


@dataclass(frozen=True)
class _Given:
    """What one annotator answered: block to choices."""

    annotator: str
    choices: Mapping[str, list[str]] = field(default_factory=dict)
    time: str = ""


def read_label_studio(path: Path, taxonomy: Taxonomy) -> Answers:
    """Read an export: one answer for each annotation of each task, one without labels for a task that has none.

    Predictions and drafts are not answers. Skipped annotations are left out and counted. Of two annotations of one task
    by one annotator the newer counts.

    Raises:
        DataError: the file cannot be read, or is no list.
    """
    controls = {control.name: control for control in controls_of(taxonomy)}
    answers = Answers()
    seen: set[tuple[str, str]] = set()
    unlabelled: dict[str, Answer] = {}
    n_skipped = 0
    for number, task in enumerate(read_json_list(path, TOOL), 1):
        refuse = refuser(answers, path, number, "task")
        if not isinstance(task, dict):
            refuse(f"a JSON {type(task).__name__}, expected an object")
            continue
        minimal = not isinstance(task.get("data"), dict)
        data: dict[str, Any] = task if minimal else task["data"]
        text = data.get(TEXT)
        if not isinstance(text, str):
            refuse(f'no text under "{TEXT}"; expected a task that cxnlp labels export wrote')
            continue
        bare = Answer(_identity(data, task, number), text, str(data.get(LANG) or ""))
        given, skipped = (_minimal(task, controls, refuse), 0) if minimal else _annotations(task, refuse)
        n_skipped += skipped
        for one in given:
            labels = labels_of(taxonomy, _marks(one.choices, controls, refuse), refuse)
            put(answers, replace(bare, labels=labels, annotator=one.annotator), seen, refuse)
        if not given:
            unlabelled.setdefault(bare.id, bare)
    known = {identity for identity, _ in seen}
    answers.answers += [bare for bare in unlabelled.values() if bare.id not in known]
    if n_skipped:
        answers.notes.append(f"{counted(n_skipped, 'skipped annotation')} left out")
    return answers


def _identity(data: Mapping[str, Any], task: Mapping[str, Any], number: int) -> str:
    for value in (data.get(ID), data.get("id"), task.get("id")):
        if isinstance(value, str | int):
            return str(value)
    return str(number)


def _annotations(task: Mapping[str, Any], refuse: Refuse) -> tuple[list[_Given], int]:
    """Give the newest annotation of each annotator, and how many were skipped."""
    found = task.get("annotations", task.get("completions"))  # the latter until version 1.0
    newest: dict[str, _Given] = {}
    n_skipped = n_older = 0
    for annotation in found if isinstance(found, list) else []:
        if not isinstance(annotation, dict):
            refuse(f"an annotation is a JSON {type(annotation).__name__}, expected an object")
        elif annotation.get("was_cancelled") or annotation.get(_SKIPPED):
            n_skipped += 1
        else:
            given = _Given(
                _annotator(annotation.get("completed_by")),
                dict(_choices(annotation.get("result"), refuse)),
                str(annotation.get("updated_at") or annotation.get("created_at") or ""),
            )
            before = newest.get(given.annotator)
            n_older += before is not None
            if before is None or given.time >= before.time:
                newest[given.annotator] = given
    if n_older:
        refuse(f"{n_older + 1} annotations by one annotator; the newest counts")
    return list(newest.values()), n_skipped


def _annotator(value: Any) -> str:
    """Give the address or, without one, the number of a user."""
    if isinstance(value, dict):
        value = value.get("email") or value.get("id")
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _choices(result: Any, refuse: Refuse) -> Iterator[tuple[str, list[str]]]:
    """Yield block and choices; regions of other kinds, such as remarks, are none of ours."""
    merged: dict[str, list[str]] = {}
    for region in result if isinstance(result, list) else []:
        if not isinstance(region, dict) or region.get("type") != "choices":
            continue
        value = region.get("value")
        choices = value.get("choices") if isinstance(value, dict) else None
        if not isinstance(choices, list) or not all(isinstance(choice, str) for choice in choices):
            refuse("a result of type choices without a list of choices")
            continue
        merged.setdefault(str(region.get("from_name")), []).extend(choices)
    yield from merged.items()


def _minimal(record: Mapping[str, Any], controls: Mapping[str, Control], refuse: Refuse) -> list[_Given]:
    """Read a record of JSON-MIN: one annotation, whose blocks are keys beside the data's."""
    choices = {name: _flat(record[name], refuse) for name in controls if name in record}
    # A block of a changed interface shows by the sign in its name; other keys may be the data's own.
    choices |= {name: [] for name in record if "=" in name and name not in controls}
    if not choices and record.get("annotation_id") is None:
        return []
    return [_Given(_annotator(record.get("annotator")), choices)]


def _flat(value: Any, refuse: Refuse) -> list[str]:
    """Give the choices of a block of JSON-MIN: one alone, an object with several, or a list of these."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict) and isinstance(value.get("choices"), list):
        return [choice for choice in value["choices"] if isinstance(choice, str)]
    if isinstance(value, list):
        return [choice for one in value for choice in _flat(one, refuse)]
    refuse(f"a JSON {type(value).__name__} in place of choices")
    return []


def _marks(choices: Mapping[str, list[str]], controls: Mapping[str, Control], refuse: Refuse) -> dict[str, Marks]:
    marks: dict[str, Marks] = {}
    for name, ticked in choices.items():
        control = controls.get(name)
        if control is None:
            refuse(f"a block of choices that the taxonomy does not have{nearest(name, list(controls))}")
            continue
        facet = control.facet.name
        before = marks.get(facet, Marks())
        if control.label:
            pairs = tuple((control.label, polarity) for polarity in ticked)
            marks[facet] = replace(before, polarities=(*before.polarities, *pairs))
        elif control.main:
            marks[facet] = replace(before, main=tuple(ticked))
        else:
            labels = tuple(label for label in ticked if label != NONE)
            marks[facet] = replace(before, labels=labels, none=NONE in ticked)
    return marks
