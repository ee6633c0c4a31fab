"""``cxnlp train``."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cxnlp.cli.engine import folder_of
from cxnlp.cli.main import INTERRUPTED
from cxnlp.errors import BackendError, SettingsError

if TYPE_CHECKING:
    from cxnlp.settings import Recipe

EPILOG = """examples:
  cxnlp train models/recipes/nordic-small.toml --output models/nordic-small
  cxnlp train my-recipe.toml --warm-start models/nordic-small --output models/mine   go on from a trained model
  cxnlp train my-recipe.toml --output models/mine --resume                           go on after an interruption

A warm start keeps the encoder of a bundle and, by the names of facets and labels, what its heads have learnt; labels
that it does not know are learnt from the beginning. It says how many were kept and which are new.

Ctrl-C loses the epoch that has begun: the command says what is kept, and from where --resume goes on. The scores at the
end are those of the development reviews, which chose epoch and thresholds; cxnlp evaluate measures on others.

Needs the training packages: pip install "cxnlp[train]".
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "train",
        help="train a model from a recipe; ends with a bundle and its scores",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", type=Path, help="a recipe (TOML)")
    parser.add_argument("--output", "-o", type=Path, help="folder of the bundle (default: runs/NAME/bundle)")
    parser.add_argument(
        "--run", dest="run_folder", type=Path, help="folder of checkpoints and log (default: runs/NAME)"
    )
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of the run")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--encoder", help="use this encoder or bundle instead of the recipe's")
    source.add_argument(
        "--warm-start", metavar="BUNDLE", help='go on from this bundle ("default": the shipped model), label by label'
    )
    parser.add_argument(
        "--data", action="append", default=[], metavar="NAME=PATH", help="use PATH for one of the recipe's data sets"
    )
    parser.add_argument("--seed", type=int, help="use this seed instead of the recipe's")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train."""
    from cxnlp.settings import read_recipe

    prepare_training()
    recipe = read_recipe(args.recipe)
    run_folder = args.run_folder or Path("runs") / recipe.name
    output = args.output or Path("runs") / recipe.name / "bundle"
    from cxnlp.training.checkpoints import how_to_go_on

    try:
        report = _train(args, recipe, run_folder, output)
    except KeyboardInterrupt:
        print(f"cxnlp: interrupted; nothing was written to {output}", file=sys.stderr)
        print(f"cxnlp: {how_to_go_on(run_folder)}", file=sys.stderr)
        return INTERRUPTED
    print(report)
    return 0


def _train(args: argparse.Namespace, recipe: Recipe, run_folder: Path, output: Path) -> str:
    from cxnlp.training import Overrides, train

    warm_start = None if args.warm_start is None else str(folder_of(args.warm_start))
    paths = data_paths(args.data)
    with contextlib.redirect_stdout(sys.stderr):  # the Trainer's figures along the way; stdout is for the report
        return train(
            recipe,
            Overrides(encoder=args.encoder, warm_start=warm_start, data=paths, seed=args.seed),
            run=run_folder,
            output=output,
            resume=args.resume,
            on_problem=lambda problem: print(f"cxnlp: {problem}", file=sys.stderr),
            say=lambda line: print(f"cxnlp: {line}", file=sys.stderr, flush=True),
        )


def prepare_training() -> None:
    """Ask for the packages that training needs, and keep transformers from talking.

    Raises:
        BackendError: one of them is not installed.
    """
    try:
        import accelerate  # noqa: F401 - the last of the packages that training needs
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise BackendError(f'training needs {error.name}: pip install "cxnlp[train]"') from error
    from transformers.utils import logging

    logging.set_verbosity_error()


def data_paths(items: Sequence[str]) -> dict[str, str]:
    """Read ``NAME=PATH`` options.

    Raises:
        SettingsError: one has another form.
    """
    return dict(_pair(item) for item in items)


def _pair(item: str) -> tuple[str, str]:
    name, sign, path = item.partition("=")
    if not sign or not name or not path:
        raise SettingsError(f"--data {item}: expected NAME=PATH, such as norec_sentence=downloads/norec")
    return name, path
