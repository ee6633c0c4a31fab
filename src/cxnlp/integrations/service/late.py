"""Requests that would not be done in time: what would be too long, what it is measured by, and what to do."""

from __future__ import annotations

import math


class TooLate(Exception):
    """A request that would not be answered within its time limit. Its words hold figures and no text.

    ``retry_after_s`` is None if it would not be even with nothing beside it, at a pace that was measured: to send it
    again as it is makes no sense.
    """

    def __init__(self, message: str, retry_after_s: int | None) -> None:
        super().__init__(message)
        self.message = message
        self.retry_after_s = retry_after_s


def behind_others(n: int, whole_s: float, share: float, limit_s: float) -> str:
    """Say that ``n`` reviews, and what waits before them, would take more than their share of the limit."""
    what = f"with all that waits before {_these(n)} it would take about {_more(whole_s)} s"
    return f"{what}, {_expected(share, limit_s)}; try again"


def given_up(n: int, needed_s: float, left_s: float, limit_s: float) -> str:
    """Say that what is still to do of ``n`` reviews would take more than the time that is left."""
    what = f"what is still to do of {_these(n)} would take about {_more(needed_s)} s"
    return f"{what}, and {_less(left_s)} s of the limit of {limit_s:g} s are left; try again"


def too_large(n: int, own_s: float, share: float, limit_s: float) -> str:
    """Say that ``n`` reviews alone would take more than their share of the limit, and how many would do."""
    n_fit = int(n * share * limit_s / own_s)
    advice = f"send about {n_fit} of them in a request"
    if not n_fit:
        advice = "send one in a request, and shorter ones" if n > 1 else "send a shorter one"
    return f"{_these(n)} would take about {_more(own_s)} s alone, {_expected(share, limit_s)}; {advice}"


def _expected(share: float, limit_s: float) -> str:
    return f"expected at most {_less(share * limit_s)} s ({100 * share:.0f} % of the limit of {limit_s:g} s)"


def _these(n: int) -> str:
    return f"these {n} reviews" if n > 1 else "this review"


def _more(seconds: float) -> str:
    """Write what is more than a bar so that it reads as more."""
    scale = 1 if seconds >= 10 else 10
    return f"{math.ceil(round(scale * seconds, 6)) / scale:g}"


def _less(seconds: float) -> str:
    scale = 1 if seconds >= 10 else 10
    return f"{math.floor(round(scale * seconds, 6)) / scale:g}"
