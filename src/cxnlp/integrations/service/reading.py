"""The body of a request: read within its limits, then checked; what is wrong is said without repeating it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request

from cxnlp.integrations.service.options import ServiceOptions
from cxnlp.integrations.service.refusal import CLOSE, Refusal
from cxnlp.integrations.service.scoring import Asked

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

MAX_ID_CHARS = 256
_MAX_LANGUAGE_CHARS = 35
# Bodies from this size on are parsed in a thread; smaller ones take less time than handing them over.
_LARGE_BYTES = 32_768
# NUL is no text: databases and C programs behind us would end there.
_NO_NUL = r"^[^\x00]*$"
_STRICT = ConfigDict(extra="forbid", strict=True)
_FORMS = {
    "body": 'an object such as {"reviews": [{"text": "…"}]}',
    "reviews": 'a list such as [{"text": "…"}]',
    "review": 'an object such as {"text": "…"}',
    "text": "a string, or null where there is no text",
}
_LIMITS = {"string_too_long": "too_long", "too_long": "too_many"}


class Review(BaseModel):
    """One review to be labelled."""

    model_config = _STRICT

    text: str | None
    id: Annotated[str, Field(max_length=MAX_ID_CHARS)] | None = Field(None, description="comes back with the answer")
    lang: Annotated[str, Field(max_length=_MAX_LANGUAGE_CHARS)] | None = Field(
        None,
        description="the language that is declared: a code of ISO 639, a tag such as da-DK, or a name such as norsk; "
        "decides where the text is too short to tell, and says nothing if it is none that is known",
    )


class TagRequest(BaseModel):
    """Reviews to be labelled."""

    model_config = _STRICT

    reviews: list[Review]


def request_model(options: ServiceOptions) -> type[TagRequest]:
    """Make the model of a request with the limits of this service."""
    text = Annotated[str, Field(max_length=options.max_chars, pattern=_NO_NUL)] | None
    about = Field(description="null and a text without a word are answered, and flagged empty")
    review = create_model("Review", __base__=Review, __doc__=Review.__doc__, text=(text, about))
    reviews = Annotated[list[review], Field(max_length=options.max_texts, fail_fast=True)]  # type: ignore[valid-type]
    return create_model("TagRequest", __base__=TagRequest, __doc__=TagRequest.__doc__, reviews=(reviews, ...))


def request_schema(model: type[TagRequest]) -> dict[str, Any]:
    """Give the model's JSON Schema in one piece, as OpenAPI has no place for definitions inside a body."""
    schema = model.model_json_schema()
    schema["properties"]["reviews"]["items"] = schema.pop("$defs")["Review"]
    return schema


async def read_asked(request: Request, model: type[TagRequest], options: ServiceOptions) -> list[Asked]:
    """Read and check the reviews of a request.

    Raises:
        Refusal: it is not JSON, too large, too slow, of another form, or beyond a limit.
    """
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.lower().replace('"', "").strip()
    if kind.strip().lower() != "application/json" or charset not in ("", "charset=utf-8"):
        raise Refusal(415, "not_json", "expected Content-Type: application/json, in UTF-8", headers=CLOSE)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Refusal(415, "packed", "expected a body that is not packed (no Content-Encoding)", headers=CLOSE)
    body = await _read_body(request, options)
    if len(body) < _LARGE_BYTES:
        return _parse(body, model)
    return await run_in_threadpool(_parse, body, model)


async def _read_body(request: Request, options: ServiceOptions) -> bytes:
    limit = options.max_body_bytes
    too_large = Refusal(
        413, "body_too_large", f"the body has more than {limit} bytes; send fewer reviews", headers=CLOSE
    )
    # As much again is read and dropped, since a client that is cut off while it sends may never see the answer.
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > 2 * limit:
        raise too_large
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(options.read_timeout_s):
            async for chunk in request.stream():
                size += len(chunk)
                if size > 2 * limit:
                    break
                if size <= limit:
                    body += chunk
                else:
                    body.clear()
    except TimeoutError as error:
        if size <= limit:
            what = f"the body was not there after {options.read_timeout_s:g} s"
            raise Refusal(408, "too_slow", what, headers=CLOSE) from error
    except ClientDisconnect as error:
        raise gone() from error
    if size > limit:
        raise too_large
    return bytes(body)


def gone() -> Refusal:
    """A refusal that nobody will read; for the log and the metrics."""
    return Refusal(400, "client_gone", "the client has gone", headers=CLOSE)


def _parse(body: bytes, model: type[TagRequest]) -> list[Asked]:
    try:
        made = model.model_validate_json(body)
    except ValidationError as error:
        raise _refusal(error) from None  # the original holds the input
    return [Asked(review.text, review.id, review.lang) for review in made.reviews]


def _refusal(error: ValidationError) -> Refusal:
    first = error.errors(include_url=False)[0]
    kind, path = first["type"], first["loc"]
    if kind == "json_invalid":
        # The words of the parser end with a place: "… at line 1 column 7".
        place = first["msg"].rpartition(" at ")[2] if " at line " in first["msg"] else ""
        half = "hex escape" in first["msg"]
        what = "an escape that is no character, such as half a pair" if half else "something that is not JSON"
        return Refusal(400, "invalid_json", f"the body holds {what}, expected JSON in UTF-8", place or None)
    if kind == "extra_forbidden":  # its last part is the key, which is theirs
        path = path[:-1]
    where = ".".join(str(part) for part in path) or "body"
    return Refusal(422, _LIMITS.get(kind, "invalid"), _said(kind, first, path), where)


def _said(kind: str, first: ErrorDetails, path: tuple[int | str, ...]) -> str:
    """Say what came, what was expected and what to do; pydantic's own words would name its internals."""
    came, limit = first["input"], first.get("ctx", {}).get("max_length")
    in_review = "reviews" in path and len(path) > 1
    if kind == "string_too_long":
        return f"a string of {len(came)} characters, expected at most {limit}; shorten it"
    if kind == "too_long":
        return f"{len(came)} reviews, expected at most {limit}; send several requests"
    if kind == "missing":
        name = str(path[-1])
        return f"no {name}, expected {_FORMS[name]}; add it"
    if kind == "extra_forbidden":
        known = "text, id and lang" if in_review else "reviews"
        return f"a key that is not known, expected no other than {known}; remove it"
    if kind == "string_pattern_mismatch":
        return "a string with a NUL character, expected one without; remove the character"
    if kind == "string_type":
        return f"{_named(came)}, expected a string or null; send it in quotes, or null where there is none"
    form = _FORMS["reviews"] if kind == "list_type" else _FORMS["review" if path else "body"]
    return f"{_named(came)}, expected {form}; see GET /openapi.json"


def _named(value: object) -> str:
    """Name the kind of a JSON value."""
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a string", list: "a list"}
    return "null" if value is None else kinds.get(type(value), "an object")
