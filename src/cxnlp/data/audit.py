"""The audit of labelled data: what would spoil training or flatter a score, each with its file and line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxnlp.data.counts import Counts, count
from cxnlp.data.read import Problem, json_lines, refuse_twice
from cxnlp.data.review import TODO, Review, named_in_todo, review_from_record, unfinished_note
from cxnlp.data.splits import split_of
from cxnlp.errors import TaxonomyError, nearest
from cxnlp.taxonomy import Facet, FacetValue, Taxonomy, check_labels
from cxnlp.text import clean, text_hash

KINDS = (
    "broken line", "no text", "near-empty text", "no id", "duplicate id", "no labels", "unfinished labels",
    "unknown label", "unknown language", "duplicate text", "conflicting labels", "leakage",
)  # fmt: skip
"""The kinds of problem, in the order in which they are reported."""
NO_SPLIT = "none"
"""Counted here are reviews without a split where others have one."""
# "OK" is a review; a lone "?" or emoji has nothing to learn words from.
_MIN_CHARACTERS = 2


@dataclass(frozen=True)
class Audit:
    """What was found in files of labelled reviews. Holds no review text."""

    paths: tuple[str, ...]
    records: int
    """Lines that are not blank."""
    reviews: int
    """Records with a text; the counts are of these."""
    splits_given: bool
    """Whether the files or records name their splits; otherwise the splits are those by hash of the text."""
    problems: Mapping[str, tuple[Problem, ...]]
    """Kind to problems, in the order of ``KINDS``; kinds that do not occur are left out."""
    counts: Counts
    unfinished: str = ""
    """How many reviews are still to be labelled in which facets, in words; empty if none is."""

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.problems

    def as_json(self) -> dict[str, Any]:
        """Give the audit as JSON can hold it."""
        return {
            "paths": list(self.paths),
            "records": self.records,
            "reviews": self.reviews,
            "splits_given": self.splits_given,
            "problems": {
                kind: [{"path": p.path, "line": p.line, "reason": p.reason} for p in found]
                for kind, found in self.problems.items()
            },
            "unfinished": self.unfinished,
            "counts": self.counts.as_json(),
        }


def audit(paths: Sequence[Path], taxonomy: Taxonomy, splits: Mapping[Path, str] | None = None) -> Audit:
    """Audit JSONL files of labelled reviews together.

    A file's split is given by ``splits``, otherwise each record by its own ``split``. A text in two of them leaks.

    Raises:
        DataError: a file cannot be opened, or is given twice.
    """
    refuse_twice(paths)
    auditor = _Auditor(taxonomy)
    for path in paths:
        auditor.file(path, (splits or {}).get(path, ""))
    return auditor.result(paths)


@dataclass(frozen=True)
class _Seen:
    path: str
    line: int
    split: str
    labels: Mapping[str, FacetValue]

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}"


class _Auditor:
    def __init__(self, taxonomy: Taxonomy) -> None:
        self.taxonomy = taxonomy
        self.records = 0
        self.reviews: list[Review] = []
        self.splits: list[str] = []
        self.problems: dict[str, list[Problem]] = {kind: [] for kind in KINDS}
        self.ids: dict[str, str] = {}
        self.texts: dict[str, list[_Seen]] = {}

    def result(self, paths: Sequence[Path]) -> Audit:
        given = any(self.splits)
        splits = [s or NO_SPLIT for s in self.splits] if given else [split_of(review.text) for review in self.reviews]
        problems = {kind: tuple(found) for kind, found in self.problems.items() if found}
        counts = count(self.reviews, splits, self.taxonomy)
        unfinished = unfinished_note(self.reviews)
        return Audit(tuple(map(str, paths)), self.records, len(self.reviews), given, problems, counts, unfinished)

    def file(self, path: Path, split: str) -> None:
        before = self.records
        for line, record in json_lines(path):
            self.records += 1
            if isinstance(record, Problem):
                self.problems["broken line"].append(record)
            else:
                self.record(str(path), line, record, split or str(record.get("split") or "")[:20])
        if self.records == before:
            self.found("broken line", str(path), 1, "the file holds no records; expected one JSON object a line")

    def found(self, kind: str, path: str, line: int, reason: str) -> None:
        self.problems[kind].append(Problem(path, line, reason))

    def record(self, path: str, line: int, record: dict[str, Any], split: str) -> None:
        self.check_id(path, line, record.get("id"))
        labels = self.usable_labels(path, line, record)
        text = record.get("text")
        if not isinstance(text, str) or not clean(text):
            reason = "the text is empty" if isinstance(text, str) else 'no "text", expected a string'
            self.found("no text", path, line, reason)
            return
        review = review_from_record({**record, **labels}, self.taxonomy, number=line)
        self.reviews.append(review)
        self.splits.append(split)
        languages = self.taxonomy.languages
        if review.lang and languages and review.lang not in languages:
            self.found("unknown language", path, line, f"{review.lang[:20]!r}, expected one of {', '.join(languages)}")
        self.check_text(review, _Seen(path, line, split, review.labels))

    def check_id(self, path: str, line: int, value: object) -> None:
        identity = "" if value is None else str(value)
        if not identity:
            self.found("no id", path, line, 'no "id"; give each review a name of its own')
        elif identity in self.ids:
            shown = repr(identity) if len(identity) <= 40 else f"of {len(identity)} characters"
            self.found("duplicate id", path, line, f"id {shown} is also that of {self.ids[identity]}")
        else:
            self.ids[identity] = f"{path}, line {line}"

    def usable_labels(self, path: str, line: int, record: dict[str, Any]) -> dict[str, Any]:
        """Report what is wrong with a record's labels, facet by facet; give None for each facet that is wrong."""
        wrong: dict[str, Any] = {}
        names = [facet.name for facet in self.taxonomy.answers]
        unfinished = self.unfinished(path, line, record)
        for facet in self.taxonomy.answers:
            if record.get(facet.name) is None or facet.name in unfinished:
                continue
            try:
                check_labels(self.taxonomy, facet, record[facet.name])
            except TaxonomyError as error:
                self.found("unknown label", path, line, str(error))
                wrong[facet.name] = None
        if not unfinished and all(record.get(name) is None for name in names):
            near = next((hint for key in record if (hint := nearest(key, names))), "")
            self.found("no labels", path, line, f"none of {', '.join(names)}{near}")
        return wrong

    def unfinished(self, path: str, line: int, record: dict[str, Any]) -> list[str]:
        """Report the facets that are still to be labelled, and what may be meant as one; give the facets."""
        names = [facet.name for facet in self.taxonomy.answers]
        named = named_in_todo(record)
        found = [name for name in names if name in named]
        if found:
            reason = f"{', '.join(found)}: unknown until labelled and taken out of {TODO}"
            self.found("unfinished labels", path, line, reason)
        for name in named:
            if name not in names and (hint := nearest(name, names)):
                self.found("unfinished labels", path, line, f"{TODO} names {name[:20]!r}, which is no facet{hint}")
        return found

    def check_text(self, review: Review, seen: _Seen) -> None:
        characters = sum(character.isalnum() for character in review.text)
        if characters < _MIN_CHARACTERS:
            reason = f"letters and digits in the text: {characters}, expected at least {_MIN_CHARACTERS}"
            self.found("near-empty text", seen.path, seen.line, reason)
            return  # texts of no words are all alike
        earlier = self.texts.setdefault(text_hash(review.text), [])
        other = next((e for e in earlier if e.split and seen.split and e.split != seen.split), None)
        if other:
            reason = f"in {seen.split}, and the same text is in {other.split}: {other}"
            self.found("leakage", seen.path, seen.line, reason)
        if earlier and (facets := self.differing(earlier[0].labels, seen.labels)):
            reason = f"same text as {earlier[0]}, but other {', '.join(facets)}"
            self.found("conflicting labels", seen.path, seen.line, reason)
        elif earlier and not other:
            self.found("duplicate text", seen.path, seen.line, f"same text as {earlier[0]}")
        earlier.append(seen)

    def differing(self, a: Mapping[str, FacetValue], b: Mapping[str, FacetValue]) -> list[str]:
        """Name the facets that both know and label differently; what one does not know is no conflict."""
        return [
            facet.name
            for facet in self.taxonomy.answers
            if facet.name in a and facet.name in b and _differs(facet, a[facet.name], b[facet.name])
        ]


def _differs(facet: Facet, a: FacetValue, b: FacetValue) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return a != b
    if facet.main and next(iter(a)) != next(iter(b)):
        return True
    if (
        isinstance(a, dict)
        and isinstance(b, dict)
        and any(a[label] and b.get(label) not in ("", a[label]) for label in a)
    ):
        return True
    return set(a) != set(b)
