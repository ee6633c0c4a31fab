"""Requests that get no labels: why, in a form that programs and people can read, and never with a word of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse

CLOSE: Mapping[str, str] = {"Connection": "close"}
"""Headers of an answer to a body that was not read to its end."""


class Problem(BaseModel):
    """Why a request was refused. Nothing of the request is repeated."""

    model_config = ConfigDict(extra="forbid")

    error: str = Field(description="a fixed name for programs", examples=["too_long"])
    message: str = Field(
        description="what came, what was expected", examples=["the text has more than 10000 characters"]
    )
    where: str | None = Field(description="the place in the request, where there is one", examples=["reviews.3.text"])


class Refusal(Exception):
    """A request that is answered with a ``Problem``."""

    def __init__(
        self, status: int, error: str, message: str, where: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.message = message
        self.where = where
        self.headers = dict(headers or {})

    def response(self) -> JSONResponse:
        """Give the answer."""
        problem = Problem(error=self.error, message=self.message, where=self.where)
        return JSONResponse(problem.model_dump(), self.status, headers=self.headers)


def busy(error: str, message: str, retry_after_s: int) -> Refusal:
    """A refusal for now: 503, with the seconds after which another try makes sense."""
    return Refusal(503, error, message, headers={"Retry-After": str(retry_after_s)})


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe refusals for OpenAPI."""
    made: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        made[status] = {"model": Problem, "description": _MEANINGS[status]}
        if status == 503:
            schema = {"type": "integer", "minimum": 1}
            made[status]["headers"] = {
                "Retry-After": {"description": "seconds to wait before trying again", "schema": schema}
            }
    return made


_MEANINGS = {
    400: "the body is not JSON",
    401: "no key, or a wrong one",
    408: "the body came too slowly",
    413: "the body is too large, or its reviews would not be done in time even alone",
    415: "the body is not declared as JSON, or is packed",
    422: "the body is JSON of another form, or goes beyond a limit",
    500: "an error of the service",
    503: "too much to do, or stopping",
}
