"""What a trained model is on disk."""

from cxnlp.bundle.card import CARD_FILE, FIGURE_NAMES, Usage, model_card
from cxnlp.bundle.manifest import FORMAT_VERSION, MANIFEST_FILE, FileRecord, Manifest, digest_of, read_manifest
from cxnlp.bundle.store import (
    ONNX_FILE,
    SHIPPED,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    Bundle,
    copy_bundle,
    is_bundle,
    load_bundle,
    refuse_taken,
    shipped_bundle,
    write_bundle,
)

__all__ = [
    "CARD_FILE", "FIGURE_NAMES", "FORMAT_VERSION", "MANIFEST_FILE", "ONNX_FILE", "SHIPPED", "TOKENIZER_FILE",
    "WEIGHTS_FILE", "Bundle", "FileRecord", "Manifest", "Usage", "copy_bundle", "digest_of", "is_bundle", "load_bundle",
    "model_card", "read_manifest", "refuse_taken", "shipped_bundle", "write_bundle",
]  # fmt: skip
