"""Whether a model was trained on the reviews that it is to be measured on, as far as its manifest tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from cxnlp.bundle import Manifest
from cxnlp.data import Review, split_of
from cxnlp.data.fingerprint import fingerprint
from cxnlp.evaluation.checklist.shipped import suite_hashes
from cxnlp.text import text_hash

Placed = tuple[Path, Review]
"""A review and the file that it stands in."""


def placed_in(data: Path, reviews: Sequence[Review]) -> list[Placed]:
    """Say in which file each review stands, of those that ``read_gold`` read from a file or a folder of files."""
    return [(data / f"{one.source}.jsonl" if data.is_dir() else data, one) for one in reviews]


@dataclass(frozen=True)
class TrainedOn:
    """How many of some reviews a model has seen, the split being that by the hash of the text."""

    learnt: int
    chose: int
    """Development reviews, which chose its epoch and its thresholds."""
    total: int
    why: str
    """What in the manifest says so."""
    calibrated: bool = False
    """Whether all of them set its thresholds and probabilities, by ``cxnlp calibrate``."""

    def __str__(self) -> str:
        parts = [f"{self.learnt:,} of the {self.total:,} reviews were learnt from"] if self.learnt else []
        parts += [f"{self.chose:,} of the {self.total:,} chose its epoch and thresholds"] if self.chose else []
        known = [f"{' and '.join(parts)} ({self.why})"] if parts else []
        return "; ".join([*known, *(["it was calibrated on these very reviews"] if self.calibrated else [])])


def trained_on(manifest: Manifest | None, placed: Sequence[Placed]) -> TrainedOn | None:
    """Say how many reviews a model was trained on; None where its manifest does not tell of any.

    It tells by the fingerprint of the training reviews, where these are the very same ones, and by the names of files
    in its recipe. Both also of the bundles that it was started from.
    """
    if manifest is None:
        return None
    seen, why = list(placed), "the fingerprint in its manifest is theirs"
    if _fingerprint([review for _, review in placed]) not in manifest.fingerprints():
        patterns = manifest.data_paths()
        known = {path for path in {path for path, _ in placed} if any(_names(one, path) for one in patterns)}
        seen = [(path, review) for path, review in placed if path in known]
        listed = ", ".join(sorted(path.name for path in known))
        why = f"its manifest names {listed if len(known) < 4 else f'{len(known)} such files'}"
    splits = [split_of(review.text) for _, review in seen]
    calibrated_on = manifest.data.get("calibrated_on", {}).get("fingerprint")
    calibrated = bool(calibrated_on and placed) and calibrated_on == fingerprint(review for _, review in placed)
    found = TrainedOn(splits.count("train"), splits.count("dev"), len(placed), why, calibrated)
    return found if found.learnt or found.chose or found.calibrated else None


def _fingerprint(reviews: Sequence[Review]) -> str:
    """Give the fingerprint that training on these reviews leaves in a manifest."""
    suite = suite_hashes()
    return fingerprint(
        review
        for review in reviews
        if review.labels and split_of(review.text) == "train" and text_hash(review.text) not in suite
    )


def _names(pattern: str, path: Path) -> bool:
    """Whether a path of a recipe, which may have been written for another folder, names a file."""
    resolved = path.resolve()
    if resolved.match(str(Path(pattern).absolute())):
        return True
    parts = [part for part in PurePath(pattern).parts if part not in ("..", ".")]
    if PurePath(pattern).is_absolute() or not parts:
        return False
    # A lone "*.jsonl" would name every file of the world.
    return (len(parts) > 1 or not set("*?[") & set(parts[0])) and resolved.match(str(PurePath(*parts)))
