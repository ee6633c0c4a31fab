"""``cxnlp export``: a model in the form of another library."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cxnlp.cli.engine import folder_of
from cxnlp.errors import SettingsError

_EPILOG = """\
examples:
  cxnlp export --output exported
  cxnlp export models/mine --output exported --facet polarity --label delivery
  cxnlp export models/mine --output exported --push-to-hub me/reviews

Writes one folder for each facet (of a polarity, one for each label that has one), such as exported/sentiment:
  pipeline("text-classification", model="exported/sentiment")
What is equal to cxnlp and what is not: docs/huggingface.md. Needs torch: pip install "cxnlp[torch]".
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "export",
        help="write a model as folders that Hugging Face transformers loads",
        description="Write a model as folders that Hugging Face transformers loads without any code of ours.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bundle", nargs="?", help="folder of a bundle (default: the shipped model)")
    parser.add_argument("--format", choices=("hf",), default="hf", help="of transformers (default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER", help="a new folder")
    parser.add_argument(
        "--facet", action="append", default=[], metavar="NAME", help="this one (default: all but polarities)"
    )
    parser.add_argument(
        "--label", action="append", default=[], metavar="NAME", help="of a polarity: of this label (default: of all)"
    )
    parser.add_argument(
        "--push-to-hub", metavar="USER/NAME", help="send each folder to the hub, as USER/NAME-FACET, for you alone"
    )
    parser.add_argument("--public", action="store_true", help="with --push-to-hub: for everybody")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Export, and send if asked to."""
    from cxnlp.bundle import load_bundle
    from cxnlp.integrations.huggingface import export_huggingface, parts_of, push

    if args.public and not args.push_to_hub:
        raise SettingsError("--public says for whom --push-to-hub is; give it too, or leave --public out")
    if args.push_to_hub and (args.push_to_hub.count("/") != 1 or not all(args.push_to_hub.split("/"))):
        raise SettingsError(f"--push-to-hub {args.push_to_hub!r}: expected USER/NAME")
    bundle = load_bundle(folder_of(args.bundle))
    parts = parts_of(bundle.taxonomy, args.facet, args.label)
    print(f"cxnlp: writing and comparing {', '.join(part.name for part in parts)}", file=sys.stderr, flush=True)
    written = export_huggingface(bundle, args.output, parts)
    for part in written:
        size = sum(path.stat().st_size for path in part.folder.iterdir()) / 1e6
        print(f"{part.folder} ({size:.0f} MB, probabilities within {part.difference:.0e})", flush=True)
    for part in written if args.push_to_hub else ():
        repository = f"{args.push_to_hub}-{part.folder.name}".replace("_", "-").replace("%", "-")
        print(f"sent: {push(part.folder, repository, public=args.public)}", file=sys.stderr)
    return 0
