"""The model and the engine that a command scores with."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cxnlp.inference.tagger import Tagger

SHIPPED = "default"
"""Stands for the model that is shipped."""


def add_bundle(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names a model."""
    parser.add_argument(
        "bundle", metavar="BUNDLE", help=f"folder of a model, or {SHIPPED!r} for the one that is shipped"
    )


def add_engine(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what computes."""
    parser.add_argument("--backend", choices=("onnx", "torch"), default="onnx", help="engine (default: onnx)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="processor (default: auto)")


def add_careful(parser: argparse.ArgumentParser) -> None:
    """Add the option to read each review three times."""
    parser.add_argument(
        "--careful",
        action="store_true",
        help='read each review three times, for better labels in three times the time; needs "cxnlp[evidence]"',
    )


def own_folder(bundle: str | None) -> Path | None:
    """Give the folder of a bundle that a command names; None for the shipped one: ``default`` or nothing."""
    return None if bundle in (None, SHIPPED) else Path(bundle)


def folder_of(bundle: str | None) -> Path:
    """Give the folder of a bundle that a command names; ``default`` or nothing is the shipped one."""
    from cxnlp.bundle import shipped_bundle

    return own_folder(bundle) or shipped_bundle()


def load_named(
    bundle: str | None,
    args: argparse.Namespace,
    *,
    careful: bool = False,
    min_precision: float | None = None,
) -> Tagger:
    """Load the bundle of a folder, or the shipped one for ``default`` or nothing, with the engine asked for."""
    from cxnlp.inference.tagger import Tagger

    return Tagger.load(
        own_folder(bundle), backend=args.backend, device=args.device, careful=careful, min_precision=min_precision
    )
