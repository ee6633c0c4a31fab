"""What a service allows and how it works, in one frozen record."""

from __future__ import annotations

from dataclasses import dataclass, field

from cxnlp.errors import SettingsError


@dataclass(frozen=True)
class ServiceOptions:
    """Limits of a service; each is above zero, but for ``batch_wait_ms``."""

    max_texts: int = 256
    """Reviews in one request."""
    max_chars: int = 10_000
    """Characters in one text."""
    max_body_bytes: int = 1_048_576
    """Bytes in the body of one request."""
    max_requests: int = 64
    """Requests in hand: being read, waiting, or being scored. Times ``max_body_bytes``, the memory they may take."""
    max_waiting_texts: int = 2_048
    """Texts that wait to be scored; a request that would go beyond is answered 503."""
    max_connections: int = 256
    """Open connections, idle ones too."""
    batch_texts: int = 64
    """Texts of all waiting requests that are scored in one call."""
    batch_wait_ms: float = 2.0
    """How long the first waiting text waits for others to be scored with it; 0: not at all."""
    read_timeout_s: float = 10.0
    """How long a client may take to send its headers, and again its body."""
    answer_timeout_s: float = 30.0
    """How long a request may wait for its labels before it is answered 503."""
    stop_timeout_s: float = 30.0
    """How long requests in hand may take when the service is told to stop."""
    languages: bool = True
    """Whether the language of each text is identified."""
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    """Any of these opens the service; without one it is open to whoever reaches it."""

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            value = getattr(self, name)
            if not least <= value:  # NaN is not either
                raise SettingsError(f"{_option(name)} is {value}, expected {least} or more")
            if isinstance(value, float) and value > _MOST:
                raise SettingsError(f"{_option(name)} is {value}, expected at most {_MOST}")
        if self.max_waiting_texts < self.max_texts:
            raise SettingsError(
                f"--max-waiting-texts is {self.max_waiting_texts}, less than the {self.max_texts} texts of one request "
                "(--max-texts), which could then never be answered; raise it"
            )


_LEAST = {
    "max_texts": 1, "max_chars": 1, "max_body_bytes": 64, "max_requests": 1, "max_waiting_texts": 1,
    "max_connections": 1, "batch_texts": 1, "batch_wait_ms": 0, "read_timeout_s": 0.1, "answer_timeout_s": 0.1,
    "stop_timeout_s": 0.1,
}  # fmt: skip
# Of waits: a day in seconds. Some systems cannot wait for ever.
_MOST = 86_400


def _option(name: str) -> str:
    """Give the name of an option as it is typed."""
    return f"--{name.replace('_', '-')}"


DEFAULT = ServiceOptions()
