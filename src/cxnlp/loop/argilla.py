"""Argilla (version 2): settings and records as its SDK reads and writes them as JSON.

Formats: ``Settings.to_json`` and ``DatasetRecords.to_json`` of argilla 2, https://docs.argilla.io.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cxnlp.errors import DataError, nearest
from cxnlp.loop.answers import Answer, Answers, put, read_json_list, refuser
from cxnlp.loop.items import Item
from cxnlp.loop.marks import NONE, NONE_SHOWN, Marks, has_none, labels_of, marks_of
from cxnlp.taxonomy import Facet, Kind, Taxonomy
from cxnlp.text.counted import counted

TOOL = "Argilla"
_TEXT, _LANG = "text", "lang"
_PAIR = ":"
"""Between a label and its polarity; no label holds it."""
_MIN_VISIBLE = 3
_MAX_OPTIONS = 500
"""Options of a question, as the server limits them by default."""
_USERS = uuid.UUID("8f3c1f0a-6f5e-5d3a-9d2c-0d8b5f5a7c11")
_NOT_SUBMITTED = ("draft", "discarded")


def settings_json(
    taxonomy: Taxonomy, definitions: Mapping[str, Mapping[str, str]], guidelines: str | None
) -> dict[str, Any]:
    """Make the settings of a dataset, for ``rg.Settings.from_json``.

    A ``one_of`` facet is a LabelQuestion. An ``any_of`` facet is a MultiLabelQuestion, whose options are pairs such as
    ``delivery:negative`` where it has a polarity: Argilla cannot show a question only where another is answered, and
    eighteen more questions on every review are more to read than one longer list.

    Raises:
        DataError: more options than the server takes.
    """
    questions = []
    for facet in taxonomy.answers:
        options = list(_options(taxonomy, facet, definitions))
        if len(options) > _MAX_OPTIONS:
            raise DataError(f"{facet.name}: {len(options)} options, Argilla takes {_MAX_OPTIONS}; use another tool")
        questions.append(_question(facet.name, options, multiple=facet.kind is Kind.ANY_OF))
        if facet.main:
            plain = [{"value": label, "text": label} for label in facet.labels]
            questions.append(_question(facet.main, plain, multiple=False))
    return {
        "guidelines": guidelines,
        "questions": questions,
        "fields": [
            {"name": _TEXT, "title": _TEXT, "required": True, "settings": {"type": "text", "use_markdown": False}}
        ],
        "vectors": [],
        "metadata": [{"name": _LANG, "title": _LANG, "visible_for_annotators": True, "settings": {"type": "terms"}}],
        "allow_extra_metadata": False,
        "distribution": {"strategy": "overlap", "min_submitted": 1},
    }


def _options(
    taxonomy: Taxonomy, facet: Facet, definitions: Mapping[str, Mapping[str, str]]
) -> Iterator[dict[str, str]]:
    polarity = taxonomy.polarity_of.get(facet.name)
    meaning = definitions.get(facet.name, {})
    for label in facet.labels:
        shown = {"value": label, "text": label}
        yield {**shown, "description": meaning[label]} if label in meaning else shown
        for value in polarity.labels if polarity else ():
            yield {"value": f"{label}{_PAIR}{value}", "text": f"{label}: {value}"}
    if has_none(facet):
        yield {"value": NONE, "text": NONE_SHOWN}


def _question(name: str, options: list[dict[str, str]], *, multiple: bool) -> dict[str, Any]:
    settings: dict[str, Any] = {"type": "multi_label_selection" if multiple else "label_selection", "options": options}
    if len(options) >= _MIN_VISIBLE:
        settings["visible_options"] = len(options)
    if multiple:
        settings["options_order"] = "natural"
    # Not required: a review may be labelled in part.
    return {"name": name, "title": name, "description": None, "required": False, "settings": settings}


def records_json(taxonomy: Taxonomy, items: Iterable[Item], model: str, user: str | None) -> list[dict[str, Any]]:
    """Make one record for each review, for ``dataset.records.from_json``.

    A model's labels are suggestions with their probabilities as scores, a person's are responses.

    Args:
        taxonomy: of the labels.
        items: the reviews.
        model: name of the model, the ``agent`` of its suggestions.
        user: id (UUID) of the user of Argilla whose responses a person's labels become. Without one, an annotator who
            is not named by a UUID gets one that is always the same for the same name.
    """
    return [_record(taxonomy, item, model, user) for item in items]


def _record(taxonomy: Taxonomy, item: Item, model: str, user: str | None) -> dict[str, Any]:
    suggestions: dict[str, Any] = {}
    responses: dict[str, Any] = {}
    who = user or _user_id(item.annotator)
    for facet in taxonomy.answers:
        if facet.name not in item.labels:
            continue
        for question, value, score in _answers(taxonomy, facet, item):
            if item.predicted:
                suggestions[question] = {"value": value, "score": score, "agent": model}
            else:
                responses[question] = [{"value": value, "user_id": who, "status": "submitted"}]
    return {
        "id": item.id,
        "fields": {_TEXT: item.text},
        "metadata": {_LANG: item.lang} if item.lang else {},
        "suggestions": suggestions,
        "responses": responses,
        "vectors": {},
    }


def _answers(taxonomy: Taxonomy, facet: Facet, item: Item) -> Iterator[tuple[str, Any, Any]]:
    """Yield question, value and score (a number, or one for each of several labels; None where not known)."""
    marks = marks_of(facet, item.labels[facet.name])
    if facet.kind is Kind.ONE_OF:
        yield facet.name, marks.labels[0], item.probability(taxonomy, facet, marks.labels[0])
        return
    polarities = dict(marks.polarities)
    names = [f"{label}{_PAIR}{polarities[label]}" if label in polarities else label for label in marks.labels]
    scores = [item.probability(taxonomy, facet, label, polarities.get(label, "")) for label in marks.labels]
    yield facet.name, [NONE] if marks.none else names, scores if scores and None not in scores else None
    for label in marks.main:
        yield str(facet.main), label, item.probability(taxonomy, facet, label)


def _user_id(annotator: str) -> str:
    try:
        return str(uuid.UUID(annotator))
    except ValueError:
        return str(uuid.uuid5(_USERS, annotator))


def read_argilla(path: Path, taxonomy: Taxonomy) -> Answers:
    """Read what ``dataset.records.to_json`` wrote: one answer for each user that responded, one bare for a record
    without responses. Suggestions are not answers, nor are responses marked as drafts or discarded.

    Raises:
        DataError: the file cannot be read, or is no list.
    """
    answers = Answers()
    seen: set[tuple[str, str]] = set()
    n_left_out = 0
    for number, record in enumerate(read_json_list(path, TOOL), 1):
        refuse = refuser(answers, path, number, "record")
        fields = record.get("fields") if isinstance(record, dict) else None
        if not isinstance(fields, dict) or not isinstance(fields.get(_TEXT), str):
            refuse(f'no text under "fields", "{_TEXT}"; expected what dataset.records.to_json writes')
            continue
        metadata = record.get("metadata")
        lang = str(metadata.get(_LANG) or "") if isinstance(metadata, dict) else ""
        identity = record.get("id")
        identity = str(identity if identity is not None else number)
        by_user, left_out = _by_user(taxonomy, record.get("responses"), refuse)
        n_left_out += left_out
        for user, marks in by_user.items():
            labels = labels_of(taxonomy, marks, refuse)
            put(answers, Answer(identity, fields[_TEXT], lang, labels, user), seen, refuse)
        if not by_user:
            put(answers, Answer(identity, fields[_TEXT], lang), seen, refuse)
    if n_left_out:
        answers.notes.append(f"{counted(n_left_out, 'response')} left out: draft or discarded")
    return answers


def _by_user(
    taxonomy: Taxonomy, responses: Any, refuse: Callable[[str], None]
) -> tuple[dict[str, dict[str, Marks]], int]:
    """Give user to facet to marks, and the number of responses that were not submitted."""
    mains = {facet.main: facet for facet in taxonomy.main_facets}
    facets = {facet.name: facet for facet in taxonomy.answers}
    by_user: dict[str, dict[str, Marks]] = {}
    n_left_out = 0
    for question, given in responses.items() if isinstance(responses, dict) else ():
        facet = facets.get(question) or mains.get(question)
        if facet is None:
            refuse(f"a question that the taxonomy does not have{nearest(question, [*facets, *map(str, mains)])}")
            continue
        for response in given if isinstance(given, list) else []:
            value = response.get("value") if isinstance(response, dict) else None
            names = [value] if isinstance(value, str) else value
            if isinstance(response, dict) and response.get("status") in _NOT_SUBMITTED:
                n_left_out += 1
            elif not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                refuse(f"a response to {question} without a label or a list of labels")
            else:
                marks = by_user.setdefault(str(response.get("user_id") or ""), {})
                marks[facet.name] = _with(marks.get(facet.name, Marks()), names, main=question in mains)
    return by_user, n_left_out


def _with(marks: Marks, names: list[str], *, main: bool) -> Marks:
    if main:
        return Marks(marks.labels, marks.none, marks.polarities, tuple(names))
    pairs = [name.partition(_PAIR) for name in names if name != NONE]
    labels = tuple(label for label, _, _ in pairs)
    return Marks(labels, NONE in names, tuple((label, p) for label, sign, p in pairs if sign), marks.main)
