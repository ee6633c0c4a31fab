"""The routes of the service."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cxnlp.inference.labelling import Labeller
from cxnlp.integrations.service.desk import Desk
from cxnlp.integrations.service.keys import opens
from cxnlp.integrations.service.metrics import CONTENT_TYPE
from cxnlp.integrations.service.options import DEFAULT, ServiceOptions
from cxnlp.integrations.service.outer import Outer
from cxnlp.integrations.service.reading import TagRequest, read_asked, request_model, request_schema
from cxnlp.integrations.service.refusal import Refusal, problems
from cxnlp.integrations.service.schema import answer_schema
from cxnlp.taxonomy import Taxonomy
from cxnlp.version import __version__

_EXAMPLE = {
    "reviews": [
        {"id": "1", "text": "Pakken kom aldri, men appen er fin", "lang": "no"},
        {"text": "Friendly staff, fair price."},
        {"text": ""},
    ]
}


class Health(BaseModel):
    """Whether the service works."""

    live: bool
    ready: bool


class FacetNames(BaseModel):
    """One question and its answers."""

    name: str
    kind: str
    labels: list[str]


class TaxonomyNames(BaseModel):
    """What is asked of a review."""

    name: str
    version: int
    languages: list[str]
    facets: list[FacetNames]


class Version(BaseModel):
    """What answers: the same fingerprint, the same labels."""

    cxnlp: str
    bundle: str
    fingerprint: str
    taxonomy: TaxonomyNames


def create_app(labeller: Labeller, options: ServiceOptions = DEFAULT, *, bundle: str = "") -> FastAPI:
    """Make the ASGI application of a service; its lifespan starts and ends the thread that scores.

    ``labeller`` is a ``Tagger``, ``bundle`` the name of its bundle for ``/version``.
    """
    desk = Desk(labeller, options)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        desk.batcher.start()
        try:
            yield
        finally:
            await run_in_threadpool(desk.batcher.close)

    # No pages: FastAPI's would load scripts from another host.
    app = FastAPI(
        title="cxnlp", version=__version__, description="Labels of customer reviews.", lifespan=lifespan,
        openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
    )  # fmt: skip

    @app.exception_handler(Refusal)
    async def refuse(_: Request, refusal: Refusal) -> Response:
        desk.metrics.refused(refusal.error)
        return refusal.response()

    @app.exception_handler(HTTPException)
    async def refuse_route(_: Request, error: HTTPException) -> Response:
        headers = dict(error.headers or {})
        if headers.get("Allow") == "GET":
            headers["Allow"] = "GET, HEAD"  # see Outer
        name, what = _ROUTE_PROBLEMS.get(error.status_code, ("invalid", "this request cannot be answered"))
        return Refusal(error.status_code, name, what, headers=headers).response()

    for router in (
        _open_routes(desk),
        _tag_routes(desk, labeller.taxonomy),
        _about_routes(desk, labeller, bundle, app),
    ):
        app.include_router(router)
    app.add_middleware(Outer, metrics=desk.metrics, routes=_ROUTES)
    return app


_BEARER = HTTPBearer(auto_error=False, description="Authorization: Bearer KEY")
_ROUTES = frozenset({"/v1/tag", "/healthz", "/version", "/metrics", "/openapi.json"})
_ROUTE_PROBLEMS = {
    404: ("not_found", f"no such path, expected one of {', '.join(sorted(_ROUTES))}"),
    405: ("method", "this path does not take this method; see Allow"),
}


def _locked(options: ServiceOptions) -> APIRouter:
    """Make a router whose routes ask for a key, if there is any."""
    if not options.api_keys:
        return APIRouter()

    async def check(given: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)]) -> None:
        if given is None or not opens(given.credentials, options.api_keys):
            what = "expected the header Authorization: Bearer KEY with a key of this service"
            raise Refusal(401, "no_key", what, headers={"WWW-Authenticate": "Bearer", "Connection": "close"})

    return APIRouter(dependencies=[Security(check)], responses=problems(401))


def _tag_routes(desk: Desk, taxonomy: Taxonomy) -> APIRouter:
    router = _locked(desk.options)
    model: type[TagRequest] = request_model(desk.options)
    body = {"schema": request_schema(model), "examples": {"three reviews": {"value": _EXAMPLE}}}
    answer: dict[str, Any] = {"application/json": {"schema": answer_schema(taxonomy)}}

    @router.post(
        "/v1/tag",
        summary="Label reviews",
        openapi_extra={"requestBody": {"required": True, "content": {"application/json": body}}},
        response_class=Response,
        responses={
            200: {"description": "one prediction for each review, in order", "content": answer},
            **problems(400, 408, 413, 415, 422, 500, 503),
        },
    )
    async def tag(request: Request) -> Response:
        with desk.admitted():
            asked = await read_asked(request, model, desk.options)
            answers = await desk.answers(asked, request)
        request.state.n_texts = len(asked)
        return Response(b'{"predictions":[' + b",".join(answers) + b"]}", media_type="application/json")

    return router


def _open_routes(desk: Desk) -> APIRouter:
    router = APIRouter()

    states: dict[int | str, dict[str, Any]] = {
        200: {"model": Health, "description": "ready"},
        503: {"model": Health, "description": "stopping, or the engine fails on everything"},
    }

    @router.get("/healthz", summary="Whether it works", response_class=JSONResponse, responses=states)
    async def healthz() -> JSONResponse:
        health = Health(live=True, ready=desk.ready)
        return JSONResponse(health.model_dump(), 200 if desk.ready else 503)

    return router


def _about_routes(desk: Desk, labeller: Labeller, bundle: str, app: FastAPI) -> APIRouter:
    router = _locked(desk.options)
    taxonomy = labeller.taxonomy
    facets = [FacetNames(name=facet.name, kind=facet.kind, labels=list(facet.labels)) for facet in taxonomy.facets]
    names = TaxonomyNames(
        name=taxonomy.name, version=taxonomy.version, languages=list(taxonomy.languages), facets=facets
    )
    about = Version(cxnlp=__version__, bundle=bundle, fingerprint=labeller.fingerprint, taxonomy=names)

    @router.get("/version", summary="What answers")
    async def version() -> Version:
        return about

    @router.get(
        "/metrics",
        summary="Counts, for Prometheus",
        response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics() -> Response:
        return Response(desk.metrics.text(), media_type=CONTENT_TYPE)

    @router.get("/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    return router
