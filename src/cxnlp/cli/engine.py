"""The model and the engine that a command scores with."""

from __future__ import annotations

import argparse
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


def load_named(bundle: str, args: argparse.Namespace) -> Tagger:
    """Load the bundle of a folder, or ``default`` for the shipped one, with the engine that was asked for."""
    from cxnlp.inference.tagger import Tagger

    return Tagger.load(None if bundle == SHIPPED else bundle, backend=args.backend, device=args.device)
