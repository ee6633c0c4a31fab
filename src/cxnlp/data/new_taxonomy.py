"""A taxonomy file to begin with: the default one's questions, other labels, or those that labelled reviews have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cxnlp.data.read import Problem, json_lines
from cxnlp.errors import DataError
from cxnlp.settings import toml_value
from cxnlp.taxonomy import Facet, Kind, Rollup, Taxonomy, parse_taxonomy
from cxnlp.taxonomy.load import FACET_NAME, RESERVED

_MAX_LABELS = 200
"""A key with more values is no question with fixed answers."""
_MAX_CHARS = 60
"""A longer value is a text and no label."""

_HEAD = """\
# A taxonomy of your own: which questions are asked of a review, and which answers there are. Edit it, then
#   cxnlp taxonomy check FILE.toml                     says whether it can be used
#   cxnlp taxonomy check FILE.toml reviews.jsonl       and how many reviews each label has
#
# A facet is one question. Its kind is
#   one_of    exactly one label;
#   any_of    any number of labels (with main = "name": at least one, and the main one is also given as "name");
#   polarity  one of these labels for every label that is present in the facet named by "of".
# A review file has one key per facet: a label, a list of labels, or, where a polarity belongs to it, {label: polarity}.
# Take out a facet that you do not ask; add one as a table of the same form. A label is text without ; : , and =.
# A warm start keeps what a model has learnt where the names of facet and label are the same.
"""
_SAID = {
    Kind.ONE_OF: "exactly one label for each review",
    Kind.ANY_OF: "any number of labels for each review",
}


def from_labels(default: Taxonomy, labels: Sequence[str]) -> tuple[Facet, ...]:
    """Give the facets of a taxonomy with other labels in its first facet that has a polarity.

    That facet, its polarity and the ``one_of`` facets stay; the others go, since their labels belong to the old ones.
    """
    name = next(iter(default.polarity_of))
    kept = [one for one in default.facets if name in (one.name, one.of) or one.kind is Kind.ONE_OF]
    return tuple(
        Facet(one.name, one.kind, tuple(dict.fromkeys(labels)), one.of) if one.name == name else one for one in kept
    )


@dataclass
class _Seen:
    values: Counter[str] = field(default_factory=Counter)
    polarities: Counter[str] = field(default_factory=Counter)
    forms: set[type] = field(default_factory=set)


def from_reviews(paths: Sequence[Path], default: Taxonomy) -> tuple[Facet, ...]:
    """Find the facets of labelled reviews: keys whose values are lists of names, names with polarities, or few names.

    Keys that say something else of a review, such as a shop, may be among them; whoever edits the file takes them out.
    What reviews cannot say is taken from the default taxonomy: the name of the only polarity; and of a facet whose
    name and labels it knows, the order of the labels, the main label, and the coarser names.

    Raises:
        DataError: a file cannot be read, or holds no labels.
    """
    seen: dict[str, _Seen] = {}
    for path in paths:
        for _, record in json_lines(path):
            if not isinstance(record, Problem):
                for key, value in record.items():
                    if key not in RESERVED and FACET_NAME.fullmatch(key):
                        _look(seen.setdefault(key, _Seen()), value)
    facets = [facet for key, one in seen.items() for facet in _facets(key, one)]
    if not facets:
        names = ", ".join(map(str, paths))
        raise DataError(f'{names}: no labels found; expected keys such as "topics": ["room", "price"]')
    polarities = [one for one in facets if one.of]
    if len(polarities) == 1:
        name = next(iter(default.polarity_of.values())).name
        if name not in seen:
            facets = [replace(one, name=name) if one.of else one for one in facets]
    known = {one.name: one for one in default.facets}
    return tuple(_as_known(one, known.get(one.name)) for one in facets)


def _as_known(found: Facet, known: Facet | None) -> Facet:
    """Complete a facet by one of the same name, if that has all its labels."""
    if known is None or known.kind is not found.kind or not set(found.labels) <= set(known.labels):
        return found
    labels = tuple(label for label in known.labels if label in found.labels)
    rollup = known.rollup
    if rollup is not None:
        rollup = replace(rollup, labels={label: rollup.labels[label] for label in labels})
    return replace(found, labels=labels, main=known.main, rollup=rollup)


def _look(seen: _Seen, value: Any) -> None:
    if value is None:
        return
    seen.forms.add(type(value))
    if isinstance(value, str):
        seen.values[value] += 1
    elif isinstance(value, Mapping):
        seen.values.update(map(str, value))
        seen.polarities.update(str(one) for one in value.values() if one is not None)
    elif isinstance(value, list):
        seen.values.update(map(str, value))


def _facets(key: str, seen: _Seen) -> list[Facet]:
    labels = tuple(label for label, _ in seen.values.most_common())
    few = 0 < len(labels) <= _MAX_LABELS and max(map(len, labels)) <= _MAX_CHARS
    if not few:
        return []
    if seen.forms == {str}:
        # As many values as reviews are names or dates and no answers.
        repeated = len(labels) >= 2 and len(labels) <= sum(seen.values.values()) // 2
        return [Facet(key, Kind.ONE_OF, labels)] if repeated else []
    if not seen.forms <= {dict, list}:
        return []
    found = [Facet(key, Kind.ANY_OF, labels)]
    polarities = tuple(sorted(seen.polarities))
    if len(polarities) >= 2 and len(polarities) <= _MAX_LABELS and max(map(len, polarities)) <= _MAX_CHARS:
        found.append(Facet(f"{key}_polarity", Kind.POLARITY, polarities, of=key))
    return found


def taxonomy_text(name: str, languages: Sequence[str], facets: Sequence[Facet]) -> str:
    """Write facets as a taxonomy file with comments.

    Raises:
        TaxonomyError: a name cannot be used.
    """
    lines = [
        _HEAD,
        f"name = {toml_value(name)}",
        "version = 1",
        f"languages = {toml_value(list(languages))}  # a review in another one is flagged; [] flags none",
    ]
    for facet in facets:
        lines += ["", *_facet_lines(facet)]
    text = "\n".join(lines) + "\n"
    parse_taxonomy(text, name)  # what cannot be used is not written
    return text


def _facet_lines(facet: Facet) -> list[str]:
    said = _SAID.get(facet.kind, f"for every label of {facet.of} that is present, exactly one of these")
    lines = [f"[facets.{facet.name}]  # {said}", f"kind = {toml_value(str(facet.kind))}"]
    if facet.of:
        lines.append(f"of = {toml_value(facet.of)}")
    if facet.main:
        lines.append(f"main = {toml_value(facet.main)}")
    lines += ["labels = [", *(f"  {toml_value(label)}," for label in facet.labels), "]"]
    return lines + (_rollup_lines(facet.name, facet.rollup) if facet.rollup else [])


def _rollup_lines(name: str, rollup: Rollup) -> list[str]:
    head = ["", f"[facets.{name}.rollup]  # coarser names for the labels", f"name = {toml_value(rollup.name)}"]
    pairs = [f"{toml_value(label)} = {toml_value(coarse)}" for label, coarse in rollup.labels.items()]
    return [*head, "", f"[facets.{name}.rollup.labels]", *pairs]
