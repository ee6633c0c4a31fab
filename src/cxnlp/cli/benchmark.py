"""``cxnlp benchmark``."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import sys
from pathlib import Path

from cxnlp.errors import ExtraError

# As cxnlp.benchmark has them; named here so that the command line starts without reading them.
_NAMES = ("norec_sentence", "fabsa", "scandisent_mt", "swedish_sentiment")

EPILOG = """examples:
  cxnlp benchmark norec_sentence --data downloads/norec
  cxnlp benchmark fabsa --data downloads/fabsa --baseline --seeds 3
  cxnlp benchmark norec_sentence --data downloads/norec --encoder downloads/xlm-roberta-base --output runs/xlmr

Each seed's figures are kept as soon as they are known. A run that was cut short goes on when the same command is given
again. No model is exported. Needs the training packages: pip install "cxnlp[train]".
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "benchmark",
        help="train and measure on a public data set, to compare with published figures",
        description="Train on the training part of a public data set, choose epoch and thresholds on its development "
        "part, and measure on its test part, once for each seed.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=_NAMES, metavar="NAME", help=f"one of {', '.join(_NAMES)}")
    parser.add_argument("--data", type=Path, required=True, metavar="PATH", help="folder of the data set's files")
    parser.add_argument(
        "--encoder", metavar="SOURCE", help="folder, bundle or hub name (default: that of the shipped model)"
    )
    parser.add_argument("--seeds", type=int, metavar="N", help="train so many times (default: the benchmark's, 3 or 5)")
    parser.add_argument("--epochs", type=float, metavar="N", help="instead of the benchmark's own")
    parser.add_argument("--learning-rate", type=float, metavar="RATE", help="of the encoder, instead of its own")
    parser.add_argument("--batch-size", type=int, metavar="N", help="reviews a step, instead of its own")
    parser.add_argument("--max-tokens", type=int, metavar="N", help="length of a window, instead of its own")
    parser.add_argument("--freeze-embeddings", action="store_true", help="leave the word vectors as they are")
    parser.add_argument(
        "--baseline", action="store_true", help="also measure TF-IDF with logistic regression (needs scikit-learn)"
    )
    parser.add_argument(
        "--output", "-o", type=Path, metavar="FOLDER", help="folder of the results (default: runs/benchmark/NAME)"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Train, measure, show."""
    from cxnlp.cli.train import prepare_training

    prepare_training()
    if args.baseline and importlib.util.find_spec("sklearn") is None:
        raise ExtraError("--baseline", "scikit-learn", "benchmark")
    from cxnlp.benchmark.run import Options, run_benchmark

    names = ("encoder", "seeds", "epochs", "learning_rate", "batch_size", "max_tokens", "freeze_embeddings", "baseline")
    with contextlib.redirect_stdout(sys.stderr):  # the Trainer's figures along the way; stdout is for the tables
        tables = run_benchmark(
            args.name,
            args.data,
            args.output or Path("runs") / "benchmark" / args.name,
            Options(**{name: getattr(args, name) for name in names}),
            lambda line: print(f"cxnlp: {line}", file=sys.stderr),
        )
    print(tables, end="")
    return 0
