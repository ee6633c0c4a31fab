"""`cxnlp card`: the model card of a bundle."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cxnlp.cli.engine import folder_of
from cxnlp.errors import DataError, SettingsError

_EPILOG = """\
examples:
  cxnlp card models/mine
  cxnlp evaluate models/mine test.jsonl --json test.json
  cxnlp card models/mine --scores "our reviews, test=test.json" --output models/mine/README.md
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "card",
        help="write a model's card: data, figures, limits, licences",
        description="Write the model card of a bundle, with a model-index that model hubs read. Without --scores the "
        "figures are those on the development data.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", nargs="?", help="folder of a bundle (default: the shipped model)")
    parser.add_argument(
        "--scores", metavar="NAME=FILE", action="append", default=[], help="a data set and its figures: evaluate --json"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write here (default: print it)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write or print the card."""
    from cxnlp.bundle import MANIFEST_FILE, load_bundle, model_card
    from cxnlp.data.write import AtomicText, refuse_input

    bundle = load_bundle(folder_of(args.bundle))
    card = model_card(bundle.manifest, bundle.taxonomy, dict(map(_scores, args.scores)))
    if args.output is None:
        print(card, end="")
        return 0
    parts = [bundle.folder / name for name in (MANIFEST_FILE, *bundle.manifest.files)]
    refuse_input(args.output, [*parts, *(Path(option.rpartition("=")[2]) for option in args.scores)], "--output")
    _refuse_notes(args.output)
    with AtomicText(args.output) as output:
        output.write(card)
    return 0


def _refuse_notes(path: Path) -> None:
    """Refuse to write over what somebody wrote themselves."""
    from cxnlp.bundle.card import is_generated

    if path.is_file() and path.stat().st_size and not is_generated(path.read_text("utf-8", errors="replace")):
        raise SettingsError(f"--output {path}: holds something else than a model card; name another file or remove it")


def _scores(option: str) -> tuple[str, Any]:
    name, equals, file = option.rpartition("=")
    if not equals or not name or not file:
        raise SettingsError(f"--scores {option!r}: expected NAME=FILE, such as test=test.json")
    try:
        figures = dict(json.loads(Path(file).read_text("utf-8"))["figures"])
    except FileNotFoundError as error:
        raise DataError(f"{file}: no such file; make it with cxnlp evaluate --json {file}") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{file}: holds no figures; make it with cxnlp evaluate --json {file}") from error
    return name, figures
