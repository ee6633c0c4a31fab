"""The labels of several annotators, joined by the reviews' ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cxnlp.data import Problem
from cxnlp.data.read import refuse_twice
from cxnlp.errors import DataError
from cxnlp.evaluation.compare import Labels
from cxnlp.evaluation.second import labelled_lines
from cxnlp.taxonomy import Taxonomy
from cxnlp.text.counted import counted


@dataclass
class Annotations:
    """Who said what of which review."""

    annotators: list[str] = field(default_factory=list)
    """In order of appearance."""
    labels: dict[str, dict[str, Labels]] = field(default_factory=dict)
    """Id to annotator to labels; reviews without any label are not there."""
    texts: dict[str, str] = field(default_factory=dict)
    """Id to text, where a file has it."""
    languages: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @property
    def shared(self) -> int:
        """How many reviews at least two annotators labelled."""
        return sum(len(by_annotator) > 1 for by_annotator in self.labels.values())


def read_annotations(paths: Iterable[Path], taxonomy: Taxonomy) -> Annotations:
    """Read labelled JSONL files; an annotator is what a line has under ``annotator``, or else the file's name.

    Raises:
        DataError: a file cannot be opened or is given twice, or there are not two annotators who labelled the same
            review.
    """
    paths = list(paths)
    refuse_twice(paths)
    found = Annotations()
    stems = [path.stem for path in paths]
    for path in paths:
        name = path.stem if stems.count(path.stem) == 1 else str(path)
        for number, record, labels in labelled_lines(path, taxonomy, found.problems):
            identity, annotator = str(record["id"]), str(record.get("annotator") or name)
            if isinstance(record.get("text"), str):
                found.texts.setdefault(identity, record["text"])
            if record.get("lang"):
                found.languages.setdefault(identity, str(record["lang"]))
            if not labels:
                continue
            by_annotator = found.labels.setdefault(identity, {})
            if annotator in by_annotator:
                found.problems.append(
                    Problem(str(path), number, "an id that this annotator has above already; the first one counts")
                )
                continue
            by_annotator[annotator] = labels
            if annotator not in found.annotators:
                found.annotators.append(annotator)
    if not found.shared:
        first = f"; first problem: {found.problems[0]}" if found.problems else ""
        who = counted(len(found.annotators), "annotator")
        raise DataError(
            f"{', '.join(map(str, paths))}: {who} and no review that two of them labelled; expected the same ids{first}"
        )
    return found
