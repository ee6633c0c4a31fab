"""What stands round every request: time, log line, headers, and a last net for errors."""

from __future__ import annotations

import logging
import time
import traceback

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cxnlp.integrations.service.metrics import Metrics
from cxnlp.integrations.service.refusal import Refusal

_log = logging.getLogger("cxnlp.service")
_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
]


class Outer:
    """ASGI middleware. A path or a method that is not known is logged as ``other``, since it could hold anything."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: frozenset[str]) -> None:
        self.app = app
        self.metrics = metrics
        self.routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        state = scope.setdefault("state", {})
        status = 0
        # Whatever answers GET answers HEAD, with the same headers and no body.
        bodiless = scope["method"] == "HEAD"
        inner = {**scope, "method": "GET"} if bodiless else scope

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *_HEADERS]
            elif bodiless:
                message = {**message, "body": b""}
            await send(message)

        try:
            await self.app(inner, receive, send_on)
        except Exception as error:  # noqa: BLE001 - uvicorn would log its words, which might hold the text
            place = traceback.extract_tb(error.__traceback__)[-1]
            _log.error("%s in %s, line %s", type(error).__name__, place.name, place.lineno)
            if status:  # too late for an answer
                raise RuntimeError("an answer was cut short") from None
            await Refusal(500, "internal", "an error of the service; its log names it").response()(
                scope, receive, send_on
            )
        elapsed_s = time.perf_counter() - started
        route = scope["path"] if scope["path"] in self.routes else "other"
        method = scope["method"] if scope["method"] in _METHODS else "other"
        n_texts = int(state.get("n_texts", 0))
        self.metrics.request(route, status, elapsed_s, n_texts)
        _log.info("%s %s %d texts=%d ms=%.1f", method, route, status, n_texts, 1e3 * elapsed_s)
