"""The record of a bundle: what it answers, how it was made, and the hashes of its files."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from cxnlp.errors import BundleError, SettingsError, TaxonomyError, kind_of
from cxnlp.taxonomy import Cutoffs, Facet, Kind, Taxonomy, parse_taxonomy

FORMAT_VERSION = 3
MANIFEST_FILE = "manifest.json"
_FORMS = {
    "name": str, "taxonomy": str, "thresholds": dict, "max_tokens": int, "overlap": int, "encoder": dict,
    "scaling": dict, "main": dict, "review": dict, "precise": dict, "careful": dict,
    "recipe": dict, "data": dict, "scores": dict, "parity": dict, "files": dict, "cxnlp_version": str,
}  # fmt: skip
CONFIDENCE = ("thresholds", "scaling", "main", "review", "precise")
"""The fields that turn a network's probabilities into answers."""
_WORDS = {str: "text", int: "a whole number", dict: "an object"}


@dataclass(frozen=True)
class FileRecord:
    """Size and SHA-256 of a file."""

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What ``manifest.json`` holds."""

    name: str
    taxonomy: str
    """The taxonomy's TOML text."""
    thresholds: Mapping[str, Mapping[str, float]]
    max_tokens: int
    overlap: int
    encoder: Mapping[str, Any]
    """The encoder's Hugging Face configuration."""
    scaling: Mapping[str, Mapping[str, tuple[float, float]]] = field(default_factory=dict)
    """Facet to label to the scale and the shift of its logit, by which probabilities mean what they say."""
    main: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Facet with a main label to label to what is added to its log-odds before the label with the most is the main one;
    facets without any take the most probable label."""
    review: Mapping[str, float] = field(default_factory=dict)
    """Facet to the probability of its first label under which a review is marked for a person."""
    precise: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """A precision, such as ``0.9``, to the ``thresholds`` and the ``review`` with which labels are right that often."""
    careful: Mapping[str, Any] = field(default_factory=dict)
    """The same five fields, from ``thresholds`` to ``precise``, for careful reading; empty where none were learnt."""
    recipe: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    """Fingerprint and counts of what it was trained on, counts of what was left out, and what is known of the bundle
    that it was started from, if any."""
    scores: Mapping[str, Any] = field(default_factory=dict)
    """On the development data of the recipe."""
    parity: Mapping[str, Any] = field(default_factory=dict)
    """Share of labels, per language, that eight bits changed."""
    files: Mapping[str, FileRecord] = field(default_factory=dict)
    cxnlp_version: str = ""
    format_version: int = FORMAT_VERSION

    def to_json(self) -> str:
        """Give the text of ``manifest.json``; its ``digest`` covers all the rest of it."""
        table = asdict(self)
        return json.dumps(table | {"digest": digest_of(table)}, ensure_ascii=False, indent=1) + "\n"

    def learnt_from(self) -> dict[str, dict[str, int]]:
        """Give data set to language to training reviews, with all that the bundles it was started from had learnt.

        A set that was trained on more than once counts with its larger number, as a rule that of the same reviews.
        """
        earlier = self.data.get("started_from", {}).get("train", {})
        found = {name: dict(counts) for name, counts in self.data.get("train", {}).items()}
        for name, counts in earlier.items():
            known = found.setdefault(name, {})
            for language, n in counts.items():
                known[language] = max(n, known.get(language, 0))
        return {name: dict(sorted(found[name].items())) for name in sorted(found)}

    def licenses(self) -> dict[str, str]:
        """Give data set to licence, as recipes stated them; sets without one are left out."""
        stated = {one["name"]: one.get("license") or "" for one in self.recipe.get("data", ())}
        known = {**self.data.get("started_from", {}).get("licenses", {}), **{k: v for k, v in stated.items() if v}}
        return dict(sorted(known.items()))

    def encoder_origin(self) -> dict[str, str]:
        """Give where the encoder comes from (``origin``) and its ``license``, empty where nobody stated them.

        A bundle that was started from another one has that one's encoder, whatever its recipe says.
        """
        earlier = self.data.get("started_from", {})
        if "encoder" in earlier:
            return dict(earlier["encoder"])
        stated = self.recipe.get("encoder", {})
        source = PurePath(stated.get("source") or "")
        # A folder of somebody's machine says nothing to others but its last name.
        place = source.name if source.is_absolute() else stated.get("source") or ""
        return {"origin": stated.get("origin") or place, "license": stated.get("license") or ""}

    def fingerprints(self) -> list[str]:
        """Give the fingerprints of the training reviews, its own and those of all bundles that it was started from."""
        earlier = self.data.get("started_from", {}).get("fingerprints", ())
        return [one for one in (self.data.get("fingerprint"), *earlier) if one]

    def data_paths(self) -> list[str]:
        """Give the paths of data as recipes name them, its own and those of all bundles that it was started from."""
        own = [path for one in self.recipe.get("data", ()) for path in one.get("paths", ())]
        return list(dict.fromkeys([*own, *self.data.get("started_from", {}).get("paths", ())]))

    def as_origin(self) -> dict[str, Any]:
        """Give what a bundle that is started from this one records of it, as ``data["started_from"]``."""
        return {
            "name": self.name,
            "digest": digest_of(asdict(self)),
            "train": self.learnt_from(),
            "licenses": self.licenses(),
            "license": self.recipe.get("license") or "",
            "encoder": self.encoder_origin(),
            "fingerprints": self.fingerprints(),
            "paths": self.data_paths(),
        }

    def read_taxonomy(self, where: str) -> Taxonomy:
        """Parse the taxonomy and check the thresholds against it."""
        try:
            taxonomy = parse_taxonomy(self.taxonomy, f"{where}, taxonomy")
        except TaxonomyError as error:
            raise BundleError(str(error)) from error
        for cutoffs in ({"thresholds": self.thresholds, "review": self.review}, *self.precise.values()):
            if wrong := _misfit(cutoffs, taxonomy):
                raise BundleError(f"{where}: {wrong} do not match its labels; export the bundle anew")
        for name, scales in self.scaling.items():
            if not _scales_fit(name, scales, taxonomy):
                raise BundleError(f"{where}: the scaling of {name!r} does not match its labels; export the bundle anew")
        for name, shifts in self.main.items():
            if not _shifts_fit(name, shifts, taxonomy):
                raise BundleError(f"{where}: main of {name!r} does not match its labels; export the bundle anew")
        if self.careful:
            self._check_careful(where)
        return taxonomy

    def _check_careful(self, where: str) -> None:
        for key in CONFIDENCE:
            if not isinstance(self.careful.get(key), dict):
                raise BundleError(f"{where}: careful has no {key}, or not as an object; fetch the bundle anew")
        self.carefully().read_taxonomy(f"{where}, careful")

    def carefully(self) -> Manifest:
        """Give this manifest with what was learnt for careful reading in place of the ordinary.

        Raises:
            SettingsError: nothing was.
        """
        if not self.careful:
            raise SettingsError(
                f"the model {self.name} has learnt nothing for careful reading; cxnlp calibrate --careful does that"
            )
        return replace(self, **{key: self.careful[key] for key in CONFIDENCE}, careful={})

    def cutoffs(self, min_precision: float | None = None) -> Cutoffs:
        """Give the ordinary cutoffs, or those for a stated precision.

        Raises:
            SettingsError: there are none for that precision.
        """
        if min_precision is None:
            return Cutoffs(self.thresholds, self.review, self.main)
        found = self.precise.get(f"{min_precision:g}")
        if found is None:
            known = ", ".join(self.precise) or "none: train it anew"
            raise SettingsError(f"no cutoffs for a precision of {min_precision:g}; the model {self.name} has: {known}")
        return Cutoffs(found["thresholds"], found["review"], self.main)


def digest_of(table: Mapping[str, Any]) -> str:
    """Give the SHA-256 of a manifest's content, its own ``digest`` left out."""
    return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()


def _misfit(cutoffs: object, taxonomy: Taxonomy) -> str:
    """Say what of some cutoffs does not fit the taxonomy, if anything."""
    thresholds, review = (cutoffs.get(k) if isinstance(cutoffs, Mapping) else None for k in ("thresholds", "review"))
    for facet in taxonomy.facets:
        known = thresholds.get(facet.name) if isinstance(thresholds, Mapping) else None
        if facet.kind is Kind.ANY_OF and not _fits(known, facet):
            return f"thresholds of {facet.name!r}"
    names = {facet.name for facet in taxonomy.answers}
    if not isinstance(review, Mapping) or set(review) - names or not all(map(_is_share, review.values())):
        return "the cutoffs for a person's review"
    return ""


def _fits(thresholds: object, facet: Facet) -> bool:
    if not isinstance(thresholds, Mapping) or set(thresholds) != set(facet.labels):
        return False
    return all(map(_is_share, thresholds.values()))


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and 0 <= value <= 1


def _scales_fit(name: str, scales: object, taxonomy: Taxonomy) -> bool:
    facet = next((facet for facet in taxonomy.facets if facet.name == name), None)
    if facet is None or not isinstance(scales, Mapping) or set(scales) != set(facet.labels):
        return False
    return all(isinstance(pair, list | tuple) and len(pair) == 2 and _is_scale(*pair) for pair in scales.values())


def _shifts_fit(name: str, shifts: object, taxonomy: Taxonomy) -> bool:
    facet = next((facet for facet in taxonomy.main_facets if facet.name == name), None)
    if facet is None or not isinstance(shifts, Mapping) or set(shifts) != set(facet.labels):
        return False
    return all(isinstance(shift, int | float) and math.isfinite(shift) for shift in shifts.values())


def _is_scale(scale: object, shift: object) -> bool:
    if not isinstance(scale, int | float) or not isinstance(shift, int | float):
        return False
    return math.isfinite(shift) and 0 < scale < math.inf


def read_manifest(folder: Path) -> Manifest:
    """Read ``manifest.json`` of a bundle.

    Raises:
        BundleError: there is none, it is damaged, or of a format that this version does not read.
    """
    path = folder / MANIFEST_FILE
    if folder.is_file():
        raise BundleError(
            f"{folder}: a file, expected the folder of a bundle, in which {MANIFEST_FILE} lies; give that"
        )
    try:
        table = json.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        what = f"no {MANIFEST_FILE} in it" if folder.is_dir() else "no such folder"
        raise BundleError(f"{folder}: not a bundle ({what}); give a folder made by cxnlp train") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: cannot be read ({type(error).__name__}); fetch the bundle anew") from error
    version = table.get("format_version") if isinstance(table, dict) else None
    if version != FORMAT_VERSION:
        newer = isinstance(version, int) and version > FORMAT_VERSION
        todo = "update cxnlp" if newer else "export the bundle anew"
        raise BundleError(f"{path}: bundle format {version!r}, this cxnlp reads format {FORMAT_VERSION}; {todo}")
    if table.pop("digest", None) != digest_of(table):
        raise BundleError(f"{path}: altered or damaged (its digest does not match); fetch the bundle anew")
    for key, form in _FORMS.items():
        if key in table and not isinstance(table[key], form):
            found = kind_of(table[key])
            raise BundleError(f"{path}: {key} is {found}, expected {_WORDS[form]}; fetch the bundle anew")
    try:
        files = {name: FileRecord(**record) for name, record in table.pop("files").items()}
        return Manifest(**table, files=files)
    except (KeyError, TypeError, AttributeError) as error:
        raise BundleError(
            f"{path}: not a manifest of format {FORMAT_VERSION} ({error}); fetch the bundle anew"
        ) from error
