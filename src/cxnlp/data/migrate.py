"""Old annotations for a new taxonomy: what follows from the old labels is carried over, what does not is unknown.

Missing is not negative. A label that was split cannot be told from the old one, so the whole facet of such a review is
unknown in the new data, and the review is listed for a person; likewise where two polarities were merged into one that
they contradict. Records that no change concerns stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cxnlp.data.changes import FacetPlan
from cxnlp.data.review import TODO, named_in_todo
from cxnlp.errors import TaxonomyError
from cxnlp.taxonomy import Facet, Kind, Taxonomy, check_labels


@dataclass(frozen=True)
class Todo:
    """One facet of one record that a person has to label."""

    facet: str
    """Of the new taxonomy."""
    reason: str
    suggestion: Any
    """What is sure of its new labels: a label, a list, or label to polarity; None where nothing is."""


@dataclass
class Migration:
    """What was done to records so far."""

    records: int = 0
    changed: int = 0
    """Records of which a label or a facet's name is another one now."""
    counts: Counter[str] = field(default_factory=Counter)
    """A change in words to the number of records that it was made in."""


class Migrator:
    """Carries records over from one taxonomy to the next, and counts what it does."""

    def __init__(self, old: Taxonomy, new: Taxonomy, plans: Sequence[FacetPlan]) -> None:
        self.old = old
        self.new = new
        self.plans = {plan.old.name: plan for plan in plans}
        self.done = Migration()
        self._continued = {plan.new.name for plan in plans if plan.new}

    def record(self, record: Mapping[str, Any]) -> tuple[dict[str, Any], list[Todo]]:
        """Give a record with the labels of the new taxonomy, and what a person has to label; all other keys stay.

        A facet whose old labels are not of the old taxonomy is unknown in the result and listed, and so is one that the
        record's own ``todo`` names.
        """
        self.done.records += 1
        out: dict[str, Any] = {}
        todo: list[Todo] = []
        counted = set[str]()
        unfinished = self._unfinished(named_in_todo(record))
        for key, value in record.items():
            plan = self.plans.get(key)
            if plan is None:
                # A key that is a facet only now gives way to the one that becomes it, and ``todo`` is written anew.
                if key not in self._continued and not (key == TODO and unfinished):
                    out[key] = value
            elif plan.new is None:
                counted.add(f"facet {key} deleted")
            else:
                out[plan.new.name] = self._facet(plan, value, todo, counted)
                if plan.new.name != key:
                    counted.add(f"facet {key} renamed {plan.new.name}")
        self._check_facets_that_are_new(out, todo)
        for facet in self.new.answers:
            if facet.name in unfinished:
                _reopen(facet.name, out, todo)
        self.done.counts.update(counted)
        self.done.changed += out != record
        return out, todo

    def _unfinished(self, named: Iterable[str]) -> set[str]:
        """Give the new names of facets that a person had still to label before."""
        plans = [self.plans[name] for name in named if name in self.plans]
        grown = {name for name in named if name not in self.plans and name not in self._continued}
        return {plan.new.name for plan in plans if plan.new} | (grown & {facet.name for facet in self.new.answers})

    def _facet(self, plan: FacetPlan, value: Any, todo: list[Todo], counted: set[str]) -> Any:
        if value is None or plan.new is None:
            return None
        try:
            present = check_labels(self.old, plan.old, value)
        except TaxonomyError as error:
            todo.append(Todo(plan.new.name, str(error), None))
            return None
        one = _OneFacet(plan, plan.new, self.new, value, present)
        made = one.migrate()
        counted |= one.counted
        if one.reasons:
            todo.append(Todo(plan.new.name, "; ".join(one.reasons), one.suggestion))
        return made

    def _check_facets_that_are_new(self, out: dict[str, Any], todo: list[Todo]) -> None:
        for facet in self.new.answers:
            if facet.name in self._continued or out.get(facet.name) is None:
                continue
            try:
                check_labels(self.new, facet, out[facet.name])
            except TaxonomyError as error:  # a key of another meaning would be read as labels from now on
                todo.append(Todo(facet.name, str(error), None))
                out[facet.name] = None


def _reopen(facet: str, out: dict[str, Any], todo: list[Todo]) -> None:
    """Make a facet unknown that was not labelled to the end before, and list it with what stood there."""
    found = out.get(facet)
    reasons = ["was still to be labelled before"]
    for earlier in [one for one in todo if one.facet == facet]:
        todo.remove(earlier)
        reasons.append(earlier.reason)
        found = earlier.suggestion
    todo.append(Todo(facet, "; ".join(reasons), found))
    out[facet] = None


class _OneFacet:
    """The labels of one facet of one record, on their way."""

    def __init__(self, plan: FacetPlan, facet: Facet, new: Taxonomy, value: Any, present: Mapping[str, str]) -> None:
        self.plan = plan
        self.facet = facet
        self.with_polarity = isinstance(value, Mapping) and facet.name in new.polarity_of
        self.present = present
        self.reasons: list[str] = []
        self.counted: set[str] = set()
        self.suggestion: Any = None

    def migrate(self) -> Any:
        labels = self.labels()
        polarities = self.polarities(labels) if self.with_polarity else {}
        if any(self.present.values()) and not self.with_polarity:
            self.count("polarities deleted")
        unsure = self.unsure(labels)
        sure: Any = list(labels)
        if self.with_polarity:
            sure = {label: polarities[label] or None for label in labels}
        if self.facet.kind is Kind.ONE_OF:
            sure = next(iter(labels), None)
        self.reasons = unsure + self.reasons
        self.suggestion = sure if self.reasons else None
        return None if unsure else sure

    def labels(self) -> dict[str, list[str]]:
        """Give new label to the old ones that became it."""
        out: dict[str, list[str]] = {}
        for old in self.present:
            targets = self.plan.labels[old]
            if len(targets) == 1:
                out.setdefault(targets[0], []).append(old)
                if targets[0] != old:
                    self.count(f"label {old} {_became(self.plan.labels, targets[0])}")
            elif not targets:
                self.count(f"label {old} deleted")
        for new, olds in out.items():
            if len(olds) > 1:
                self.count(f"labels {', '.join(sorted(olds))} of one review made one, {new}")
        return out

    def unsure(self, labels: Mapping[str, Any]) -> list[str]:
        """Say why the labels are not known, if so."""
        reasons = []
        split = {old: self.plan.labels[old] for old in self.present if len(self.plan.labels[old]) > 1}
        for old, targets in split.items():
            self.count(f"label {old} split into {', '.join(targets)}")
            reasons.append(f"{old} was split into {', '.join(targets)}")
        if self.plan.unknown_labels:
            reasons.append("has labels that are new, of which reviews labelled before say nothing")
            self.count("unknown because of new labels")
        first = next(iter(self.present), None)
        if self.facet.kind is Kind.ONE_OF and not labels and not reasons:
            reasons.append(f"{first} was deleted")
        elif self.facet.main and first is not None and not self.plan.labels[first]:
            reasons.append(f"the main label {first} was deleted")
        return reasons

    def polarities(self, labels: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """Give new label to its polarity, empty where it is unknown."""
        out: dict[str, str] = {}
        for new, olds in labels.items():
            found = {self.polarity(new, old) for old in olds}
            out[new] = next(iter(found)) if len(found) == 1 else ""
            if len(found - {""}) > 1:
                self.count(f"polarity of {new} unknown: merged labels had several")
                self.reasons.append(f"{', '.join(olds)} became {new}, and their polarities differ")
        return out

    def polarity(self, label: str, old: str) -> str:
        was = self.present[old]
        if not was:
            return ""
        targets = self.plan.polarities.get(was, ())
        if self.plan.unknown_polarities or len(targets) > 1:
            self.count("polarity unknown: it was split, or others are new")
            self.reasons.append(f"the polarity of {label} was {was}, which may be another now")
            return ""
        if not targets:
            self.count(f"polarity {was} deleted")
            self.reasons.append(f"the polarity of {label} was {was}, which was deleted")
            return ""
        if targets[0] != was:
            self.count(f"polarity {was} {_became(self.plan.polarities, targets[0])}")
        return targets[0]

    def count(self, what: str) -> None:
        self.counted.add(f"{self.facet.name}: {what}")


def _became(plan: Mapping[str, tuple[str, ...]], label: str) -> str:
    merged = sum(targets == (label,) for targets in plan.values()) > 1
    return f"{'merged into' if merged else 'renamed'} {label}"


def as_todo_record(record: Mapping[str, Any], todo: Iterable[Todo], file: str, line: int) -> dict[str, Any]:
    """Give the record that a person completes: all of it, what is sure of the open facets, and why they are open.

    ``file`` and ``line`` say where the old record stands.
    """
    open_facets = {one.facet: one for one in todo}
    out = {key: open_facets[key].suggestion if key in open_facets else value for key, value in record.items()}
    reasons = {facet: one.reason for facet, one in open_facets.items()}
    return {**out, TODO: reasons, "from": {"file": file, "line": line}}
