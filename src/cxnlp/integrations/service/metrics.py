"""What a service counts, for Prometheus: numbers and fixed names, never a word of a request."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_TEXTS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counts of one service since it started."""

    def __init__(self, n_waiting: Callable[[], int], n_in_hand: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        registry = self._registry
        ProcessCollector(registry=registry)
        self._requests = Counter("cxnlp_requests", "Answered requests", ("route", "status"), registry=registry)
        self._request_s = Histogram(
            "cxnlp_request_seconds", "From the headers to the answer", ("route",), buckets=_SECONDS, registry=registry
        )
        self._texts = Counter("cxnlp_texts", "Texts answered with 200", registry=registry)
        self._refused = Counter("cxnlp_refused", "Requests without labels, by reason", ("error",), registry=registry)
        self._batch_texts = Histogram(
            "cxnlp_batch_texts", "Texts scored in one call", buckets=_TEXTS, registry=registry
        )
        self._batch_s = Histogram("cxnlp_batch_seconds", "Scoring of one batch", buckets=_SECONDS, registry=registry)
        Gauge("cxnlp_waiting_texts", "Texts in the queue", registry=registry).set_function(n_waiting)
        Gauge("cxnlp_requests_in_hand", "Requests being read or answered", registry=registry).set_function(n_in_hand)

    def request(self, route: str, status: int, elapsed_s: float, n_texts: int) -> None:
        """Count an answered request."""
        self._requests.labels(route, str(status)).inc()
        self._request_s.labels(route).observe(elapsed_s)
        self._texts.inc(n_texts)

    def refused(self, error: str) -> None:
        """Count a refusal under its fixed name."""
        self._refused.labels(error).inc()

    def batch(self, n_texts: int, elapsed_s: float) -> None:
        """Count a batch."""
        self._batch_texts.observe(n_texts)
        self._batch_s.observe(elapsed_s)

    def text(self) -> bytes:
        """Give them in the text format of Prometheus."""
        return generate_latest(self._registry)
