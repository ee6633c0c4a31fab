"""The process of a service: its socket, uvicorn, and an end without loss."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.h11_impl import H11Protocol

from cxnlp.errors import SettingsError
from cxnlp.integrations.service.options import ServiceOptions

_KEEP_ALIVE_S = 5
_MAX_PORT = 65_535
_MAX_HEADER_BYTES = 16_384


class PatientProtocol(H11Protocol):
    """uvicorn's protocol, which by itself would wait for the headers of a request for ever."""

    patience_s: float
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for headers."""
        super().connection_made(transport)
        self._arm()

    def data_received(self, data: bytes) -> None:
        """Take bytes; once the headers are whole, the body has a time limit of its own."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._disarm()
        elif self._deadline is None:
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._disarm()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Leave an idle connection to uvicorn's own limit."""
        self._disarm()
        super().on_response_complete()

    def _arm(self) -> None:
        self._deadline = self.loop.call_later(self.patience_s, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def bind(host: str, port: int) -> socket.socket:
    """Take an address; port 0 is any that is free.

    Raises:
        SettingsError: it is taken, not allowed, or not one of this machine.
    """
    if not 0 <= port <= _MAX_PORT:  # some systems would take the remainder
        raise SettingsError(f"--port {port}: expected 0 to {_MAX_PORT}")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        bound = socket.socket(family, kind, protocol)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        what = f"{host}, port {port}: cannot be bound ({error.strerror})"
        raise SettingsError(f"{what}; choose others with --host and --port") from error
    return bound


def serve(app: FastAPI, bound: socket.socket, options: ServiceOptions) -> bool:
    """Serve until SIGTERM or SIGINT: then nothing new is taken, and what is in hand is answered.

    Gives whether it had started.
    """
    config = uvicorn.Config(
        app,
        http=_protocol(options),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,  # it would hold query strings, and so perhaps text
        server_header=False,
        proxy_headers=False,
        limit_concurrency=options.max_connections,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=options.stop_timeout_s,  # type: ignore[arg-type]  # it only waits so long
        h11_max_incomplete_event_size=_MAX_HEADER_BYTES,
    )
    server = uvicorn.Server(config)
    with _ended_by_signals():
        server.run(sockets=[bound])
    return server.started


def _protocol(options: ServiceOptions) -> type[H11Protocol]:
    return type("Protocol", (PatientProtocol,), {"patience_s": options.read_timeout_s})


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let the process go on to its own end; uvicorn raises the signal that stopped it once more when it is done."""
    before = {which: signal.signal(which, lambda *_: None) for which in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for which, handler in before.items():
            signal.signal(which, handler)
