"""What changed from one taxonomy to the next: facets and labels renamed, merged, split and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cxnlp.errors import SettingsError, nearest
from cxnlp.settings import read_settings, read_toml
from cxnlp.taxonomy import Facet, Taxonomy

Target = str | tuple[str, ...]
"""A new name; or a list of them: none (deleted), or those among which only a person can choose (split)."""


@dataclass(frozen=True)
class Changes:
    """What a file of changes holds. What it does not name keeps its name."""

    facets: Mapping[str, Target] = field(default_factory=dict)
    """Old facet to its new name, or to an empty list where it is deleted."""
    labels: Mapping[str, Mapping[str, Target]] = field(default_factory=dict)
    """Old facet to old label to what became of it; two labels with the same new name are merged."""
    new: Mapping[str, Mapping[str, Literal["absent", "unknown"]]] = field(default_factory=dict)
    """New facet to label that no old one leads to, and what reviews labelled before say of it: that they do not have
    it, or nothing."""


@dataclass(frozen=True)
class FacetPlan:
    """What becomes of one facet that has a key in the records."""

    old: Facet
    new: Facet | None
    """None where it is deleted."""
    labels: Mapping[str, tuple[str, ...]]
    """Every old label to its new ones: one, none (deleted), or several (split)."""
    polarities: Mapping[str, tuple[str, ...]]
    """Likewise of the polarity; empty where either side has none."""
    unknown_labels: bool = False
    """Whether there are new labels of which nothing is known in reviews labelled before."""
    unknown_polarities: bool = False


def read_changes(path: Path) -> Changes:
    """Read a file of changes.

    Raises:
        SettingsError: it cannot be read, or holds an unknown key or a value of another form.
    """
    return read_settings(Changes, read_toml(path), str(path))


def plan(old: Taxonomy, new: Taxonomy, changes: Changes, where: str) -> list[FacetPlan]:
    """Check changes against both taxonomies and give what becomes of each facet; ``where`` names the file.

    Raises:
        SettingsError: a name that a taxonomy does not have, or a change that is left open.
    """
    return _Planner(old, new, changes, where).plans()


class _Planner:
    def __init__(self, old: Taxonomy, new: Taxonomy, changes: Changes, where: str) -> None:
        self.old = old
        self.new = new
        self.changes = changes
        self.where = where

    def refuse(self, reason: str) -> SettingsError:
        return SettingsError(f"{self.where}: {reason}")

    def plans(self) -> list[FacetPlan]:
        names = [facet.name for facet in self.old.facets]
        for key, given in (("facets", self.changes.facets), ("labels", self.changes.labels)):
            for name in given:
                if name not in names:
                    raise self.refuse(f"{key}.{name}: the old taxonomy has no such facet{nearest(name, names)}")
        pairs = {facet.name: self.continued(facet) for facet in self.old.facets}
        self.check_facets(pairs)
        for name in self.changes.labels:
            if pairs[name] is None:
                raise self.refuse(
                    f"labels.{name}: the facet is deleted, so nothing becomes of its labels; take this out"
                )
        self.check_new(pairs)
        return [self.one(facet, pairs) for facet in self.old.answers]

    def continued(self, facet: Facet) -> Facet | None:
        """Give the facet of the new taxonomy that an old one becomes, None where it is deleted."""
        target = self.changes.facets.get(facet.name, facet.name)
        if not isinstance(target, str):
            if target:
                raise self.refuse(f"facets.{facet.name}: a facet cannot be split; expected a name, or [] to delete it")
            return None
        known = [one.name for one in self.new.facets]
        if target not in known:
            raise self.refuse(
                f"facets.{facet.name}: the new taxonomy has no facet {target!r}{nearest(target, known)}; give its new "
                "name, or [] to delete it"
            )
        found = self.new[target]
        if found.kind is not facet.kind:
            raise self.refuse(
                f"facets.{facet.name}: is {facet.kind}, and {target!r} is {found.kind}; labels of one do not say those "
                "of the other. Delete it with [] and label anew"
            )
        if found.main and not facet.main:
            raise self.refuse(
                f"facets.{facet.name}: {target!r} has a main label, which old records do not name; delete it with []"
            )
        return found

    def check_facets(self, pairs: Mapping[str, Facet | None]) -> None:
        taken: dict[str, str] = {}
        for name, found in pairs.items():
            if found and found.name in taken:
                raise self.refuse(f"facets.{name}: {taken[found.name]!r} becomes {found.name!r} as well, expected one")
            if found:
                taken[found.name] = name
        for facet in self.old.facets:
            found, of = pairs[facet.name], pairs.get(facet.of or "")
            if facet.of and found and (of is None or found.of != of.name):
                raise self.refuse(
                    f"facets.{facet.name}: it is the polarity of {facet.of!r}, and {found.name!r} that of another; "
                    "give its new name, or [] to delete it"
                )

    def check_new(self, pairs: Mapping[str, Facet | None]) -> None:
        """Refuse new labels of which nobody said what old reviews know of them."""
        before = {found.name: self.old[name] for name, found in pairs.items() if found}
        for name, labels in self.changes.new.items():
            if name not in before:
                raise self.refuse(f"new.{name}: expected a facet that the new taxonomy continues from the old one")
            for label in labels:
                if label not in self.new[name].labels:
                    known = list(self.new[name].labels)
                    raise self.refuse(f"new.{name}.{label}: the new taxonomy has no such label{nearest(label, known)}")
        for name, old in before.items():
            reached = {target for targets in self.targets(old, self.new[name]).values() for target in targets}
            said = self.changes.new.get(name, {})
            for label in self.new[name].labels:
                if label not in reached and label not in said:
                    raise self.refuse(
                        f"new.{name}: no old label leads to {label!r}; say what reviews labelled before know of it: "
                        f'"{label}" = "absent" (they do not have it) or "unknown"'
                    )
                if label in reached and label in said:
                    raise self.refuse(f"new.{name}.{label}: an old label leads there, expected one that is new")

    def targets(self, old: Facet, new: Facet) -> dict[str, tuple[str, ...]]:
        given = self.changes.labels.get(old.name, {})
        for label in given:
            if label not in old.labels:
                near = nearest(label, list(old.labels))
                raise self.refuse(f"labels.{old.name}: the old taxonomy has no label {label!r}{near}")
        out: dict[str, tuple[str, ...]] = {}
        for label in old.labels:
            target = given.get(label, label)
            out[label] = (target,) if isinstance(target, str) else tuple(dict.fromkeys(target))
            for one in out[label]:
                if one not in new.labels:
                    raise self.refuse(
                        f"labels.{old.name}: {label!r} would be {one!r}, which the new facet {new.name!r} does not have"
                        f"{nearest(one, list(new.labels))}; give its new name, a list of those it is split into, or []"
                    )
        return out

    def one(self, facet: Facet, pairs: Mapping[str, Facet | None]) -> FacetPlan:
        found = pairs[facet.name]
        if found is None:
            return FacetPlan(facet, None, {}, {})
        was = self.old.polarity_of.get(facet.name)
        now = pairs[was.name] if was else None
        unknown = {name: "unknown" in labels.values() for name, labels in self.changes.new.items()}
        return FacetPlan(
            facet, found, self.targets(facet, found), self.targets(was, now) if was and now else {},
            unknown.get(found.name, False), bool(now) and unknown.get(now.name if now else "", False),
        )  # fmt: skip
