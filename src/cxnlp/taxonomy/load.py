"""Read a taxonomy from TOML, or refuse it with the line and the reason."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

from cxnlp.errors import TaxonomyError, nearest
from cxnlp.taxonomy.facets import Facet, Kind, Rollup, Taxonomy
from cxnlp.taxonomy.lines import line_of

_TOP_KEYS = ("name", "version", "languages", "facets")
_FACET_KEYS = ("kind", "labels", "of", "main", "rollup")
RESERVED = ("id", "text", "lang", "split", "language", "flags", "probabilities", "confidence", "todo")
"""Keys that a review record already uses for something else; no facet is called so."""
FACET_NAME = re.compile(r"[a-z][a-z0-9_]*")
"""What a facet may be called."""
# These part labels from each other and from their polarity in a scored CSV file.
_NOT_IN_NAMES = re.compile(r"[;:,=\x00-\x1f]")


def load_taxonomy(path: str | Path | None = None) -> Taxonomy:
    """Read the taxonomy at ``path``; without a path, the default one.

    Raises:
        TaxonomyError: the file is missing, is not TOML, or is not a usable taxonomy.
    """
    if path is None:
        return parse_taxonomy(resources.files("cxnlp.taxonomy").joinpath("default.toml").read_text("utf-8"), "default")
    try:
        text = Path(path).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TaxonomyError(f"{path}: the taxonomy cannot be read ({error}); give a TOML file in UTF-8") from error
    return parse_taxonomy(text, str(path))


def parse_taxonomy(text: str, where: str) -> Taxonomy:
    """Make a taxonomy of TOML ``text``; ``where`` names it in error messages."""
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # also numbers of thousands of digits and deep nesting
        raise TaxonomyError(f"{where}: not valid TOML: {error}") from error
    return _Reader(text, where).taxonomy(data)


class _Reader:
    def __init__(self, text: str, where: str) -> None:
        self.text = text
        self.where = where

    def refuse(self, reason: str, section: str = "", word: str = "", *, key: str = "", nth: int = 1) -> NoReturn:
        """Raise with the line where ``word`` stands for the ``nth`` time in ``section``, counted from ``key``."""
        raise TaxonomyError(f"{self.where}, line {line_of(self.text, section, word, key=key, nth=nth)}: {reason}")

    def taxonomy(self, data: dict[str, Any]) -> Taxonomy:
        for key in data:
            if key not in _TOP_KEYS:
                self.refuse(
                    f"unknown key {key!r}{nearest(key, list(_TOP_KEYS))}; known: {', '.join(_TOP_KEYS)}", word=key
                )
        name, version = data.get("name"), data.get("version", 1)
        if not isinstance(name, str) or not name:
            self.refuse('a taxonomy needs a name, such as name = "hotels"', word="name")
        if not isinstance(version, int) or isinstance(version, bool):
            self.refuse(f"version is {version!r}, expected a whole number", word="version")
        languages = self.names(data.get("languages", []), "", "languages", allow_empty=True)
        tables = data.get("facets")
        if not isinstance(tables, dict) or not tables:
            self.refuse("no facets; add at least one table such as [facets.sentiment]", word="facets")
        facets = tuple(self.facet(key, table) for key, table in tables.items())
        self.check_together(facets)
        return Taxonomy(name, version, languages, facets, self.text)

    def facet(self, name: str, table: Any) -> Facet:
        section = f"facets.{name}"
        if not isinstance(table, dict):
            self.refuse(f"facet {name!r} is {table!r}, expected a table [facets.{name}]", "facets", name)
        if not FACET_NAME.fullmatch(name):
            self.refuse(f"facet name {name!r}: use small letters, digits and _", section, name)
        if name in RESERVED:
            self.refuse(f"facet name {name!r} is taken by the review record itself; choose another", section, name)
        for key in table:
            if key not in _FACET_KEYS:
                self.refuse(f"unknown key {key!r}{nearest(key, list(_FACET_KEYS))}", section, key)
        kind = self.kind(table, section)
        labels = self.names(table.get("labels"), section, "labels")
        if kind is not Kind.ANY_OF and len(labels) < 2:
            self.refuse(f"facet {name!r} has {len(labels)} label, expected at least two", section, "labels")
        return Facet(
            name, kind, labels, table.get("of"), table.get("main"), self.rollup(name, labels, table.get("rollup"))
        )

    def kind(self, table: dict[str, Any], section: str) -> Kind:
        kinds = [kind.value for kind in Kind]
        if table.get("kind") not in kinds:
            self.refuse(f"kind is {table.get('kind')!r}, expected one of {', '.join(kinds)}", section, "kind")
        kind = Kind(table["kind"])
        if (kind is Kind.POLARITY) != ("of" in table):
            self.refuse('"of" belongs to facets of kind polarity, and to all of them', section, "of")
        if kind is Kind.POLARITY and not isinstance(table["of"], str):
            self.refuse(f"of is {table['of']!r}, expected the name of an any_of facet", section, "of")
        if kind is Kind.POLARITY and "rollup" in table:
            self.refuse("a polarity has no rollup; give it to the facet that the polarity is of", section, "rollup")
        main = table.get("main")
        if main is not None and (
            kind is not Kind.ANY_OF or not isinstance(main, str) or not FACET_NAME.fullmatch(main)
        ):
            self.refuse('"main" is the output name of an any_of facet\'s main label', section, "main")
        return kind

    def rollup(self, facet: str, labels: tuple[str, ...], table: Any) -> Rollup | None:
        if table is None:
            return None
        section = f"facets.{facet}.rollup"
        if not isinstance(table, dict) or set(table) != {"name", "labels"} or not isinstance(table["labels"], dict):
            self.refuse('a rollup has a "name" and a table "labels" (label = "coarser label")', section, "rollup")
        if not isinstance(table["name"], str) or not FACET_NAME.fullmatch(table["name"]):
            self.refuse(f"rollup name {table['name']!r}: use small letters, digits and _", section, "name")
        for label, coarse in table["labels"].items():
            if label not in labels:
                self.refuse(
                    f"{label!r} is no label of {facet!r}{nearest(label, list(labels))}", f"{section}.labels", label
                )
            if not isinstance(coarse, str) or not coarse:
                self.refuse(f"{label!r} rolls up to {coarse!r}, expected a name", f"{section}.labels", label)
        missing = [label for label in labels if label not in table["labels"]]
        if missing:
            self.refuse(f"these labels of {facet!r} roll up to nothing: {', '.join(missing)}", section, "labels")
        return Rollup(table["name"], dict(table["labels"]))

    def names(self, value: Any, section: str, key: str, *, allow_empty: bool = False) -> tuple[str, ...]:
        if not isinstance(value, list) or (not value and not allow_empty):
            self.refuse(f"{key} is {value!r}, expected a list of names", section, key)
        for name in value:
            if not isinstance(name, str) or not name or name != name.strip() or _NOT_IN_NAMES.search(name):
                reason = f"{name!r} in {key}: a name is text without ; : , = or line breaks, and no space around it"
                self.refuse(reason, section, str(name), key=key)
            if value.count(name) > 1:
                self.refuse(
                    f"{name!r} is {value.count(name)} times in {key}, expected once", section, name, key=key, nth=2
                )
        return tuple(value)

    def check_together(self, facets: tuple[Facet, ...]) -> None:
        names = {facet.name: facet for facet in facets}
        taken: set[str] = set(names)
        for facet in facets:
            section = f"facets.{facet.name}"
            if facet.of is not None:
                target = names.get(facet.of)
                if target is None or target.kind is not Kind.ANY_OF:
                    self.refuse(f"of = {facet.of!r} names no facet of kind any_of", section, "of")
                if sum(other.of == facet.of for other in facets) > 1:
                    self.refuse(f"facet {facet.of!r} has two polarities, expected one", section, "of")
                if target.main:
                    self.refuse(
                        f"facet {facet.of!r} has a main label and a polarity, expected one of them", section, "of"
                    )
            outputs = {section: facet.main, f"{section}.rollup": facet.rollup.name if facet.rollup else None}
            for place, output in outputs.items():
                if output is not None and (output in taken or output in RESERVED):
                    self.refuse(f"output name {output!r} is already taken", place, output)
                if output is not None:
                    taken.add(output)
