"""The label axis: facets laid end to end, each a slice of one row of logits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

FacetValue = str | tuple[str, ...] | dict[str, str]
"""What one review is labelled with in one facet: a label (``one_of``), labels (``any_of``), or label to polarity."""


class Kind(StrEnum):
    """How the labels of a facet exclude each other."""

    ONE_OF = "one_of"
    """Exactly one label; softmax."""
    ANY_OF = "any_of"
    """Any number of labels; sigmoid and a threshold per label."""
    POLARITY = "polarity"
    """One of a small set for every label of another facet; softmax per label, read where that label is present."""


@dataclass(frozen=True)
class Rollup:
    """Coarser names for the labels of a facet, such as the four phases of the journey."""

    name: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class Facet:
    """One question asked of a review."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    of: str | None = None
    """The facet whose labels get a polarity (kind ``polarity`` only)."""
    main: str | None = None
    """Output name of the main label, which stands first; such a facet always has a label (kind ``any_of`` only)."""
    rollup: Rollup | None = None


@dataclass(frozen=True)
class Taxonomy:
    """All facets of a model, in the order of their logits."""

    name: str
    version: int
    languages: tuple[str, ...]
    facets: tuple[Facet, ...]
    source: str = field(default="", compare=False)
    """The TOML text it was read from; a bundle carries it."""

    def __getitem__(self, name: str) -> Facet:
        for facet in self.facets:
            if facet.name == name:
                return facet
        raise KeyError(name)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each facet's logits lie on the axis."""
        slices: dict[str, slice] = {}
        start = 0
        for facet in self.facets:
            size = len(facet.labels) * (len(self[facet.of].labels) if facet.of else 1)
            slices[facet.name] = slice(start, start + size)
            start += size
        return slices

    @cached_property
    def n_logits(self) -> int:
        """Length of the label axis."""
        return len(self.logit_names)

    @cached_property
    def answers(self) -> tuple[Facet, ...]:
        """The facets that are keys of a record: all but the polarities, which are values inside another facet."""
        return tuple(facet for facet in self.facets if facet.kind is not Kind.POLARITY)

    @cached_property
    def polarity_of(self) -> dict[str, Facet]:
        """The polarity facet of each facet that has one."""
        return {facet.of: facet for facet in self.facets if facet.of is not None}

    @cached_property
    def main_facets(self) -> tuple[Facet, ...]:
        """The facets whose first label is the main one."""
        return tuple(facet for facet in self.facets if facet.main)

    @cached_property
    def logit_names(self) -> tuple[str, ...]:
        """One name per logit: ``sentiment=negative``, ``touchpoints=app``, ``touchpoints=app:negative``."""
        names: list[str] = []
        for facet in self.facets:
            if facet.of:
                names += [f"{facet.of}={label}:{value}" for label in self[facet.of].labels for value in facet.labels]
            else:
                names += [f"{facet.name}={label}" for label in facet.labels]
        return tuple(names)
