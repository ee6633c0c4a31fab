"""``cxnlp serve``."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
import sys
from pathlib import Path

from cxnlp.cli.engine import add_engine, own_folder
from cxnlp.errors import ExtraError

_DESCRIPTION = """\
Label reviews over HTTP: POST /v1/tag takes a batch and gives a record for each review. GET /openapi.json says how.

Listens on this machine only, unless --host says otherwise. Reviews of concurrent requests are scored together. When too
many wait, a request is answered 503 with Retry-After. SIGTERM and Ctrl-C end it: what is in hand is still answered.
No text is logged. A key that clients must send comes from --api-key-file or the variable CXNLP_API_KEY."""
_EPILOG = """\
examples:
  cxnlp serve
  cxnlp serve --port 8080 --model models/mine --api-key-file keys.txt

exit codes:
  0  it was told to stop, and stopped
  2  it could not start

Needs the packages of the service: pip install "cxnlp[serve]"."""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "serve",
        help="label reviews over HTTP",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port (default: 8000; 0: any that is free)")
    parser.add_argument("--model", metavar="BUNDLE", help="folder of a trained model (default: the shipped one)")
    add_engine(parser)
    parser.add_argument("--threads", type=int, default=0, help="of the engine on a processor (default: one a core)")
    parser.add_argument("--min-precision", type=float, metavar="P", help="as of cxnlp score")
    parser.add_argument("--no-languages", action="store_true", help="do not identify languages; saves 80 MB")
    parser.add_argument(
        "--api-key-file", type=Path, metavar="FILE", help="keys of which clients must send one, one a line"
    )
    _add_limits(parser)
    parser.set_defaults(run=run)


_LIMITS = (
    ("max-texts", int, 256, "reviews in one request"),
    ("max-chars", int, 10_000, "characters in one text"),
    ("max-body-bytes", int, 1_048_576, "bytes in the body of one request"),
    ("max-requests", int, 64, "requests in hand; further ones are answered 503"),
    ("max-waiting-texts", int, 2_048, "texts that wait to be scored; a request beyond is answered 503"),
    ("max-connections", int, 256, "open connections"),
    ("batch-texts", int, 64, "texts scored together"),
    ("batch-wait-ms", float, 2.0, "how long a text waits for others to be scored with it"),
    ("read-timeout-s", float, 10.0, "how long a client may take to send its headers, and its body"),
    ("answer-timeout-s", float, 30.0, "how long a request may wait for its labels before it is answered 503"),
    ("stop-timeout-s", float, 30.0, "how long requests in hand may take at the end"),
)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits")
    for name, kind, default, text in _LIMITS:
        group.add_argument(f"--{name}", type=kind, default=default, metavar="N", help=f"{text} (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop."""
    try:
        from cxnlp.integrations.service import ServiceOptions, bind, create_app, read_keys, serve
    except ModuleNotFoundError as error:
        raise ExtraError("cxnlp serve", error.name or "a package", "serve") from error
    from cxnlp.inference.tagger import Tagger

    limits = {name.replace("-", "_"): getattr(args, name.replace("-", "_")) for name, *_ in _LIMITS}
    keys = read_keys(args.api_key_file, os.environ)
    options = ServiceOptions(languages=not args.no_languages, api_keys=keys, **limits)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    with bind(args.host, args.port) as bound:
        if not keys and not _is_loopback(bound.getsockname()[0]):
            warning = "other machines can reach this service, and it asks for no key; see --api-key-file"
            print(f"cxnlp: warning: {warning}", file=sys.stderr)
        tagger = Tagger.load(
            own_folder(args.model),
            backend=args.backend,
            device=args.device,
            threads=args.threads,
            min_precision=args.min_precision,
        )
        # What is loaded when first needed is needed now, and not by the first who asks.
        tagger.tag(["Bra!", "A text of another length, so that batches lie side by side."], languages=options.languages)
        app = create_app(tagger, options, bundle=tagger.manifest.name if tagger.manifest else "")
        bound.listen()  # from here on clients can connect, if not yet be answered
        host, port = bound.getsockname()[:2]
        print(f"cxnlp: listening on http://{f'[{host}]' if ':' in host else host}:{port}", file=sys.stderr, flush=True)
        return 0 if serve(app, bound, options) else 2


def _is_loopback(host: str) -> bool:
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback
