"""Label Studio: the labelling interface as XML, and tasks as JSON, with labels as pre-annotations.

Formats: https://labelstud.io/tags/choices and https://labelstud.io/guide/predictions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

from cxnlp.errors import DataError
from cxnlp.loop.items import Item
from cxnlp.loop.marks import NONE, NONE_SHOWN, Marks, has_none, marks_of
from cxnlp.taxonomy import Facet, Kind, Taxonomy

TOOL = "Label Studio"
TEXT = "text"
"""The object that is labelled, and the key of a task's data that it shows; no facet has this name."""
ID = "review-id"
"""Key of a task's data: Label Studio's own ``id`` is that of the task. No facet's name has a hyphen."""
LANG = "lang"

# Keys that the export JSON-MIN puts over a task's answers.
_TAKEN = ("annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement")
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Control:
    """One block of choices: a facet's labels, its main label, or the polarity of one of its labels."""

    name: str
    facet: Facet
    choices: tuple[str, ...]
    multiple: bool = False
    main: bool = False
    label: str = ""
    """The label whose polarity is asked for; empty in the other blocks."""


def controls_of(taxonomy: Taxonomy) -> list[Control]:
    """Give the blocks of choices of a taxonomy, in the order in which they are shown."""
    controls: list[Control] = []
    for facet in taxonomy.answers:
        name = f"{facet.name}=" if facet.name in _TAKEN else facet.name
        choices = (*facet.labels, NONE) if has_none(facet) else facet.labels
        controls.append(Control(name, facet, choices, multiple=facet.kind is Kind.ANY_OF))
        if facet.main:
            controls.append(Control(f"{facet.main}=" if facet.main in _TAKEN else facet.main, facet, facet.labels,
                                    main=True))  # fmt: skip
        polarity = taxonomy.polarity_of.get(facet.name)
        if polarity:
            controls += [
                # Label Studio joins names with "|", so that a label is quoted like a part of an address.
                Control(f"{facet.name}={quote(label, safe='')}", facet, polarity.labels, label=label)
                for label in facet.labels
            ]
    return controls


def config_xml(taxonomy: Taxonomy, definitions: Mapping[str, Mapping[str, str]]) -> str:
    """Make the labelling interface.

    ``alias`` is what comes back; ``value`` is only shown, and may be put into other words. The polarity of a label is
    asked for once the label is ticked.

    Args:
        taxonomy: whose facets are asked for.
        definitions: facet to label to what it means, shown as a hint; may be empty.

    Raises:
        DataError: a label that XML cannot hold.
    """
    view = ET.Element("View")
    ET.SubElement(view, "Text", name=TEXT, value=f"${TEXT}")
    for control in controls_of(taxonomy):
        facet = control.facet
        title = control.label or (str(facet.main) if control.main else facet.name)
        attributes = {"toName": TEXT, "choice": "multiple" if control.multiple else "single", "showInline": "true"}
        block = view
        if control.label:
            shown = {"visibleWhen": "choice-selected", "whenTagName": _block_name(taxonomy, facet)}
            block = ET.SubElement(view, "View", {**shown, "whenChoiceValue": control.label})
            attributes |= {**shown, "whenChoiceValue": control.label}
        ET.SubElement(block, "Header", value=title, size="5" if control.label else "4")
        choices = ET.SubElement(block, "Choices", {"name": control.name, **attributes})
        meaning = definitions.get(taxonomy.polarity_of[facet.name].name if control.label else facet.name, {})
        for label in control.choices:
            hint = {"hint": meaning[label]} if label in meaning else {}
            ET.SubElement(choices, "Choice", {"value": NONE_SHOWN if label == NONE else label, "alias": label, **hint})
    ET.indent(view)
    xml = ET.tostring(view, encoding="unicode") + "\n"
    if bad := _NO_XML.search(xml):
        raise DataError(f"a label or definition holds U+{ord(bad[0]):04X}, which XML cannot hold; rename the label")
    return xml


def _block_name(taxonomy: Taxonomy, facet: Facet) -> str:
    return next(c.name for c in controls_of(taxonomy) if c.facet is facet and not c.main and not c.label)


def tasks(taxonomy: Taxonomy, items: Iterable[Item], model_version: str) -> list[dict[str, Any]]:
    """Make one task for each review; a model's labels are its predictions, a person's its annotations."""
    controls = controls_of(taxonomy)
    return [_task(controls, item, model_version) for item in items]


def _task(controls: list[Control], item: Item, model_version: str) -> dict[str, Any]:
    data = {TEXT: item.text, ID: item.id, **({LANG: item.lang} if item.lang else {})}
    task: dict[str, Any] = {"data": data}
    if not item.labels:
        return task
    answer: dict[str, Any] = {"result": _result(controls, item)}
    if item.predicted:
        score = {} if item.confidence is None else {"score": item.confidence}
        task["predictions"] = [{"model_version": model_version, **score, **answer}]
    else:
        # Only an address or a number names a user of Label Studio; others become those of whoever imports them.
        who: dict[str, Any] = {}
        if item.annotator.isdecimal():
            who = {"completed_by": int(item.annotator)}
        elif "@" in item.annotator:
            who = {"completed_by": {"email": item.annotator}}
        task["annotations"] = [{**who, **answer}]
    return task


def _result(controls: list[Control], item: Item) -> list[dict[str, Any]]:
    answered = [control for control in controls if control.facet.name in item.labels]
    found = [(c, _ticked(c, marks_of(c.facet, item.labels[c.facet.name]))) for c in answered]
    return [
        {
            "id": control.name,
            "from_name": control.name,
            "to_name": TEXT,
            "type": "choices",
            "value": {"choices": choices},
        }
        for control, choices in found
        if choices
    ]


def _ticked(control: Control, marks: Marks) -> list[str]:
    if control.label:
        return [polarity for label, polarity in marks.polarities if label == control.label]
    if control.main:
        return list(marks.main)
    return [NONE] if marks.none else list(marks.labels)
