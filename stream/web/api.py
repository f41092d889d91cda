"""The routes, and how each kind of trouble is told: always JSON, never a traceback."""

from __future__ import annotations

import asyncio
import hmac
import logging
from collections.abc import Sequence
from typing import Any, Final

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from stream.contracts.ids import why_bad
from stream.metrics import Metrics
from stream.store.errors import StoreUnavailable
from stream.tables.answers import listed
from stream.tables.questions import NotAsked, ask
from stream.tables.windows import DEFAULT_WINDOW
from stream.web.backend import Backend

logger = logging.getLogger(__name__)

ANSWER_SECONDS_MAX: Final = 5.0
"""A request that takes longer is given up."""
BODY_BYTES_MAX: Final = 1_024
"""No route reads a body; a larger one is refused unread."""

_BEARER: Final = "Bearer "
_METRICS_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
# What a customer's record says changes by the second and concerns one person: nobody on the way keeps it.
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


def make_api(
    backend: Backend,
    metrics: Metrics,
    tokens: Sequence[str] = (),
    answer_seconds_max: float = ANSWER_SECONDS_MAX,
) -> web.Application:
    """The application.

    Parameters
    ----------
    backend
        Gives the answers.
    metrics
        What `/metrics` shows.
    tokens
        Bearer tokens that open `/v1`; none: it is open.
    answer_seconds_max
        Seconds after which a request is given up with 503.
    """
    routes = _Routes(backend, metrics)
    api = web.Application(
        middlewares=[_errors_as_json(answer_seconds_max), _bearer(tokens)], client_max_size=BODY_BYTES_MAX
    )
    # An id may hold braces, which the default pattern of a variable part does not allow.
    api.router.add_get("/v1/customers/{customer_id:[^/]+}", routes.customer)
    api.router.add_get("/v1/tables", routes.tables)
    api.router.add_get("/v1/tables/{name:[^/]+}", routes.table)
    api.router.add_get("/metrics", routes.metrics)
    api.router.add_get("/healthz", routes.alive)
    api.router.add_get("/readyz", routes.readiness)
    return api


class _Routes:
    def __init__(self, backend: Backend, metrics: Metrics) -> None:
        self._backend = backend
        self._metrics = metrics

    async def customer(self, request: web.Request) -> web.Response:
        customer_id = request.match_info["customer_id"]
        bad = why_bad(customer_id)
        if bad is not None:
            return _problem(400, "bad_customer_id", f"This id can be no customer's: it {bad}.")
        record = await self._backend.record(customer_id)
        if record is None:
            return _problem(
                404,
                "unknown_customer",
                f"No event of customer {customer_id!r} has been applied. Is the id the one that events carry as "
                "customer_id? An event just sent takes a moment; one that was refused is in the dead letters.",
            )
        return _json(200, record)

    async def tables(self, _: web.Request) -> web.Response:
        return _json(200, {"tables": listed()})

    async def table(self, request: web.Request) -> web.Response:
        asked = request.query
        unknown = sorted(asked.keys() - {"window", "by"})
        if unknown:
            return _problem(400, "bad_parameter", f"There is no parameter {unknown[0]!r}. There are: window, by.")
        try:
            question = ask(request.match_info["name"], asked.get("window", DEFAULT_WINDOW), asked.get("by"))
        except NotAsked as wrong:
            return _problem(404 if wrong.code == "unknown_table" else 400, wrong.code, str(wrong))
        return _json(200, await self._backend.table(question))

    async def metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": _METRICS_TYPE, **_HEADERS})

    async def alive(self, _: web.Request) -> web.Response:
        # That the event loop came here is the answer. A rebalance is no reason to restart a worker.
        return _json(200, {"alive": True})

    async def readiness(self, _: web.Request) -> web.Response:
        ready, why = self._backend.ready()
        return _json(200 if ready else 503, {"ready": ready, "detail": why})


def _json(status: int, content: dict[str, Any], headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE),
        status=status,
        content_type="application/json",
        headers={**_HEADERS, **(headers or {})},
    )


def _problem(status: int, error: str, message: str, headers: dict[str, str] | None = None) -> web.Response:
    """An error: a code for programs and a sentence for people."""
    return _json(status, {"error": error, "message": message}, headers)


def _errors_as_json(seconds_max: float) -> Middleware:
    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            async with asyncio.timeout(seconds_max):
                return await handler(request)
        except web.HTTPNotFound:
            routes = "/v1/customers/{id}, /v1/tables, /v1/tables/{name}, /metrics, /healthz, /readyz"
            return _problem(404, "no_such_page", f"Nothing is at {request.path}. There are: {routes}.")
        except web.HTTPMethodNotAllowed as error:
            allowed = ", ".join(sorted(error.allowed_methods))
            text = f"{request.method} is not possible here, only {allowed}."
            return _problem(405, "method_not_allowed", text, {"Allow": allowed})
        except web.HTTPException as error:
            return _problem(error.status, "bad_request", error.reason)
        except (StoreUnavailable, TimeoutError) as error:
            logger.warning("a request could not be answered: %s", str(error) or f"not within {seconds_max:g} s")
            text = "The state cannot be read at the moment. Try again in a second."
            return _problem(503, "state_unavailable", text, {"Retry-After": "1"})
        except Exception:
            # The text of an exception may hold what concerns one customer: it stays in the log.
            logger.exception("a request failed")
            return _problem(500, "internal_error", "This is a fault of the scorer; its log says more.")

    return middleware


def _bearer(tokens: Sequence[str]) -> Middleware:
    known = [token.encode() for token in tokens]

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if known and request.path.startswith("/v1"):
            given = request.headers.get("Authorization", "")
            token = given.removeprefix(_BEARER).encode(errors="replace")
            # All are compared, each in constant time: how long it takes says nothing of the tokens.
            fits = [hmac.compare_digest(token, one) for one in known]
            if not given.startswith(_BEARER) or not any(fits):
                text = "A token is needed: Authorization: Bearer …, one of the setting STREAM_API_TOKENS."
                return _problem(401, "unauthorized", text, {"WWW-Authenticate": "Bearer"})
        return await handler(request)

    return middleware
