"""Everything that is served beside the hot path."""

from collections.abc import Callable

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from serving.answer import similar
from serving.current_release import CurrentRelease, Served
from serving.web.answer_types import Answer, Health, Ready
from serving.web.inspector.routes import PATH as INSPECTOR
from serving.web.inspector.routes import Inspector, Refused
from serving.web.metrics import CONTENT_TYPE, Metrics
from serving.web.openapi import document
from serving.web.parameters import parse_count, parse_id, parse_query
from serving.web.problems import FAILED, NO_RELEASE, Problem

RECOMMENDATIONS = "/v1/recommendations"
"""The hot path, answered before a request comes here."""


def build_pages(
    current: CurrentRelease,
    metrics: Metrics,
    missing: Callable[[], Problem | None],
    inspector: Inspector,
) -> Starlette:
    """Returns the application for every path but `/v1/recommendations`.

    Args:
        current: the release that is served.
        metrics: what the server counts.
        missing: returns what else than a release is lacking for the server to be ready.
        inspector: the page at `/` and what it asks for.
    """
    described = document()

    async def similar_items(request: Request) -> Response:
        return _similar(current.served, request)

    async def health(request: Request) -> Response:
        return _json(Health())

    async def ready(request: Request) -> Response:
        served = current.served
        if served is None or not current.is_ready:
            return problem_response(NO_RELEASE)
        if (problem := missing()) is not None:
            return problem_response(problem)
        return _json(Ready("ready", served.release.id))

    async def openapi(request: Request) -> Response:
        return Response(described, media_type="application/json")

    async def exposition(request: Request) -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE)

    return Starlette(
        routes=[
            *inspector.routes(),
            Route("/healthz", health),
            Route("/readyz", ready),
            Route("/metrics", exposition),
            Route("/openapi.json", openapi),
            Route("/v1/items/{item_id:path}/similar", similar_items),
        ],
        exception_handlers={HTTPException: _refuse, Refused: _explain, Exception: _fail},
    )


def problem_response(problem: Problem) -> Response:
    """Returns a problem document as a response."""
    return Response(problem.to_bytes(), problem.status, problem.headers)


def _json(answer: Answer) -> Response:
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _similar(served: Served | None, request: Request) -> Response:
    fields = parse_query(request.scope["query_string"].decode())
    count = fields if isinstance(fields, Problem) else parse_count(fields)
    if isinstance(count, Problem):
        return problem_response(count)
    item_id = parse_id(request.path_params["item_id"], "item_id")
    if isinstance(item_id, Problem):
        return problem_response(item_id)
    if served is None:
        return problem_response(NO_RELEASE)
    number = served.release.item_num(item_id)
    if number is None or item_id in served.release.taken_down:
        detail = f"item {item_id[:80]!r} is not in release {served.release.id}"
        return problem_response(Problem(404, detail))
    body = similar(served.release, item_id, number, count, served.age_seconds())
    return Response(body, 200, media_type="application/json")


async def _refuse(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = 405 if error.status_code == 405 else 404
    paths = [route.path.replace(":path", "") for route in request.app.routes]
    beside = [path for path in paths if not path.startswith(INSPECTOR[:-1])]
    asked = f"{request.method} {request.scope['path'][:80]!r}"
    detail = f"{asked} is not served here; GET {', '.join([RECOMMENDATIONS, *beside])} is"
    response = problem_response(Problem(status, detail))
    response.headers.update(error.headers or {})
    return response


async def _explain(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return problem_response(error.problem)


async def _fail(request: Request, error: Exception) -> Response:
    return problem_response(FAILED)
