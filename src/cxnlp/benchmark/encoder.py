"""Which encoder a benchmark starts from, and what is known of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cxnlp.benchmark.spec import DEFAULT_ENCODER
from cxnlp.bundle import is_bundle, load_bundle, shipped_bundle

_ENCODER_FILES = ("config.json", "tokenizer.json", "*.safetensors")


@dataclass(frozen=True)
class EncoderNote:
    """An encoder as results name it: without the folders of the machine."""

    source: str
    """What training loads."""
    name: str
    digest: str
    """Of its files; empty for a hub name."""
    learnt_from: Mapping[str, int] = field(default_factory=dict)
    """For a bundle: labelled data set to the number of its reviews that it, or one it grew from, was trained on."""

    def knows(self, benchmark: str) -> int:
        """How many reviews of the training part of a benchmark's set it has learnt from before."""
        return self.learnt_from.get(benchmark, 0)


def note_encoder(source: str) -> EncoderNote:
    """Find out what there is to say of an encoder; a hub name is taken as it is.

    Raises:
        BundleError: it is a bundle that is incomplete or altered.
    """
    path = shipped_bundle() if source == DEFAULT_ENCODER else Path(source)
    if is_bundle(path):
        bundle = load_bundle(path)  # verifies its files
        learnt = {name: sum(counts.values()) for name, counts in bundle.manifest.learnt_from().items()}
        return EncoderNote(str(path), bundle.manifest.name, _digest([bundle.weights, bundle.tokenizer]), learnt)
    if path.is_dir():
        return EncoderNote(source, path.resolve().name, _digest(_files(path)))
    if path.is_file():
        return EncoderNote(source, path.name, _digest([path]))
    return EncoderNote(source, source, "")


def _files(folder: Path) -> list[Path]:
    return sorted(path for pattern in _ENCODER_FILES for path in folder.glob(pattern))


def _digest(files: list[Path]) -> str:
    total = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            total.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()[:16]
