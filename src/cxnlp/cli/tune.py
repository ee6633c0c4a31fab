"""``cxnlp tune``."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import sys
from pathlib import Path

from cxnlp.errors import ExtraError

EPILOG = """examples:
  cxnlp tune mine.toml --trials 30
  cxnlp tune mine.toml --trials 30 --space space.toml --encoder models/nordic-small --run runs/mine-tune
  cxnlp train runs/mine-tune/best.toml

space.toml names what is searched, each with a range or a list; without it, settings around those of the recipe:

  [tune]
  learning_rate = { low = 2e-5, high = 3e-4, log = true }
  batch_size = [16, 24, 32]
  [tune.loss_weights]
  polarity = { low = 0.5, high = 3.0, log = true }

A search that was cut short goes on when the same command is given again; with more --trials it goes further. Needs
pip install "cxnlp[train,tune]".
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "tune",
        help="search for better settings of a recipe; ends with a recipe",
        description="Train again and again with other settings, by the recipe's figure on its development reviews, and "
        "write the best as a recipe.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("recipe", type=Path, help="a recipe (TOML)")
    parser.add_argument("--trials", type=int, required=True, metavar="N", help="trials in all, earlier ones counted")
    parser.add_argument("--space", type=Path, metavar="FILE", help="TOML file with a table [tune]")
    parser.add_argument(
        "--run", dest="run_folder", type=Path, metavar="FOLDER", help="folder of the search (default: runs/NAME-tune)"
    )
    parser.add_argument("--encoder", help="use this encoder or bundle instead of the recipe's")
    parser.add_argument(
        "--data", action="append", default=[], metavar="NAME=PATH", help="use PATH for one of the recipe's data sets"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Search, and say what was found."""
    from cxnlp.cli.train import data_paths, prepare_training

    prepare_training()
    if importlib.util.find_spec("optuna") is None:
        raise ExtraError("cxnlp tune", "optuna", "tune")
    from cxnlp.settings import read_recipe, read_space
    from cxnlp.training import Overrides
    from cxnlp.training.tune import tune

    recipe = read_recipe(args.recipe)
    with contextlib.redirect_stdout(sys.stderr):  # the Trainer's figures along the way; stdout is for the report
        report = tune(
            recipe,
            Overrides(encoder=args.encoder, data=data_paths(args.data)),
            run=args.run_folder or Path("runs") / f"{recipe.name}-tune",
            trials=args.trials,
            space=read_space(args.space) if args.space else None,
            say=lambda line: print(f"cxnlp: {line}", file=sys.stderr),
            on_problem=lambda problem: print(f"cxnlp: {problem}", file=sys.stderr),
        )
    print(report)
    return 0
