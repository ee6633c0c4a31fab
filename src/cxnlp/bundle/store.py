"""A bundle on disk: written whole or not at all, loaded whole and verified, or refused."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from cxnlp.bundle.card import CARD_FILE, is_generated, model_card
from cxnlp.bundle.manifest import MANIFEST_FILE, FileRecord, Manifest, read_manifest
from cxnlp.data.write_folder import atomic_folder
from cxnlp.errors import BundleError
from cxnlp.taxonomy import Taxonomy

TOKENIZER_FILE = "tokenizer.json"
ONNX_FILE = "model.onnx"
WEIGHTS_FILE = "weights.safetensors"
FILES = (TOKENIZER_FILE, ONNX_FILE, WEIGHTS_FILE)
SHIPPED = "nordic-small"


@dataclass(frozen=True)
class Bundle:
    """A verified bundle."""

    folder: Path
    manifest: Manifest
    taxonomy: Taxonomy

    @property
    def tokenizer(self) -> Path:
        """The tokenizer, in the ``tokenizers`` library's format."""
        return self.folder / TOKENIZER_FILE

    @property
    def onnx(self) -> Path:
        """The graph for the CPU; its large tensors lie in the weights file."""
        return self.folder / ONNX_FILE

    @property
    def weights(self) -> Path:
        """Int8 weights and scales, in safetensors format, for both back ends."""
        return self.folder / WEIGHTS_FILE


def shipped_bundle() -> Path:
    """Where the shipped model lies: inside the installed package, or in ``models/`` of a source tree."""
    installed = Path(str(resources.files("cxnlp"))) / "models" / SHIPPED
    source = Path(__file__).resolve().parents[3] / "models" / SHIPPED
    for folder in (installed, source):
        if (folder / MANIFEST_FILE).is_file():
            return folder
    raise BundleError(f"the shipped model {SHIPPED} is not installed with cxnlp; give the folder of a bundle")


def is_bundle(folder: Path) -> bool:
    """Whether ``folder`` claims to be a bundle."""
    return (folder / MANIFEST_FILE).is_file()


def refuse_taken(folder: Path) -> None:
    """Refuse a place for a bundle where something else lies.

    Raises:
        BundleError: it exists and is not a bundle.
    """
    if folder.exists() and not is_bundle(folder):
        raise BundleError(f"{folder}: exists and is not a bundle; name another folder or remove it")


def load_bundle(folder: Path) -> Bundle:
    """Read a bundle and check every file of it.

    Raises:
        BundleError: a file is missing, altered or not readable, or the format is another one.
    """
    manifest = read_manifest(folder)
    for name in FILES:
        if name not in manifest.files:
            raise BundleError(f"{folder / MANIFEST_FILE}: does not list {name}; fetch the bundle anew")
    for name, expected in manifest.files.items():
        path = folder / name
        if Path(name).name != name:
            raise BundleError(f"{folder / MANIFEST_FILE}: lists {name!r}, expected a file of the bundle itself")
        if not path.is_file():
            raise BundleError(f"{path}: missing; the manifest lists it. Fetch the bundle anew")
        try:
            found = file_record(path)
        except OSError as error:
            raise BundleError(f"{path}: cannot be read ({error.strerror}); see who may read it") from error
        if found != expected:
            how = f"{found.bytes} bytes, expected {expected.bytes}"
            if found.bytes == expected.bytes:
                how = f"SHA-256 {found.sha256[:12]}…, expected {expected.sha256[:12]}…"
            raise BundleError(f"{path}: altered or damaged ({how}); fetch the bundle anew")
    return Bundle(folder, manifest, manifest.read_taxonomy(str(folder / MANIFEST_FILE)))


def file_record(path: Path) -> FileRecord:
    """Measure a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return FileRecord(path.stat().st_size, digest)


def write_bundle(folder: Path, fill: Callable[[Path], Manifest]) -> Bundle:
    """Write a bundle: ``fill`` puts the files into an empty folder, which then takes its name in one step.

    An older bundle of that name is replaced; anything else of that name is refused.

    Raises:
        BundleError: the place is taken or cannot be written.
    """
    refuse_taken(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with atomic_folder(folder) as work:
            manifest = fill(work)
            manifest = replace(manifest, files={name: file_record(work / name) for name in FILES})
            (work / MANIFEST_FILE).write_text(manifest.to_json(), "utf-8")
            (work / CARD_FILE).write_text(model_card(manifest, manifest.read_taxonomy(MANIFEST_FILE)), "utf-8")
            for path in work.iterdir():
                path.chmod(0o644)  # some libraries write for their own user only
            bundle = load_bundle(work)  # what cannot be loaded is not written
            _keep_notes(folder, work)
    except OSError as error:
        raise BundleError(f"{folder}: cannot be written ({error.strerror or error})") from error
    return replace(bundle, folder=folder)


def copy_bundle(source: Path, folder: Path, manifest: Manifest | None = None) -> Bundle:
    """Copy a bundle, checked before and after, if asked with another manifest.

    An older bundle of that name is replaced.

    Raises:
        BundleError: the source cannot be used, or the place is taken or cannot be written.
    """
    bundle = load_bundle(source)

    def fill(work: Path) -> Manifest:
        for name in FILES:
            shutil.copyfile(source / name, work / name)
        return manifest or bundle.manifest

    return write_bundle(folder, fill)


def _is_our_card(path: Path) -> bool:
    return path.name == CARD_FILE and path.is_file() and is_generated(path.read_text("utf-8", errors="replace"))


def _keep_notes(folder: Path, work: Path) -> None:
    """Copy what people keep beside a bundle's files into the one that replaces it."""
    for path in folder.iterdir() if folder.exists() else ():
        if path.name not in (*FILES, MANIFEST_FILE) and not _is_our_card(path):
            (shutil.copytree if path.is_dir() else shutil.copy2)(path, work / path.name)
