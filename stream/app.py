"""The Faust application: what is wired to what.

``faust -A stream.app worker -l info`` and ``scorer worker`` run this.

    Kafka ── batches ──> agent ──> engine ──> shard worker ──> Redis (state, positions, outbox: one commit)
                                                 └─> relay ──> Kafka (decisions, one transaction)
"""

from __future__ import annotations

import asyncio
import gc
from time import time
from typing import Any, NoReturn, cast

import faust
import uvloop
from faust.types import StreamT
from mode import Service

from stream.calibration.rules import policy_of
from stream.calibration.watch import CalibrationWatch
from stream.contracts.topics import Topics
from stream.metrics import Metrics
from stream.settings import Settings
from stream.store.connection import connect
from stream.transport.batch import Batch
from stream.transport.conf import ScorerApp
from stream.transport.consumer import Consumer
from stream.transport.engine import Engine
from stream.transport.warm_up import warm_up
from stream.web.backend import StoreBackend
from stream.web.server import WebServer

#: Cyclic collection, for a program whose objects either die with their batch or live as long as the cache: what the
#: default (700, 10, 10) looks through again and again is never garbage.
GC_THRESHOLDS = (100_000, 20, 100)


class Face(Service):
    """The API, for as long as the worker runs."""

    def __init__(self, server: WebServer) -> None:
        self._server = server
        super().__init__()

    async def on_start(self) -> None:
        """Listen."""
        await self._server.start()

    async def on_stop(self) -> None:
        """Stop listening."""
        await self._server.stop()


def create_app(settings: Settings | None = None, **changes: Any) -> ScorerApp:  # noqa: ANN401 - Faust's own settings
    """Wire a worker.

    Parameters
    ----------
    settings
        Settings of the worker; from the environment when None.
    **changes
        Settings of Faust to change.
    """
    settings = settings or Settings()
    app = ScorerApp(settings, **changes)
    metrics = Metrics()
    redis = connect(
        settings.redis_url,
        connections_max=settings.redis_connections_max,
        connections_busy=metrics.limits_reached.labels("redis_connections_max").inc,
    )
    calibration = CalibrationWatch(redis, settings.key_prefix, policy_of(settings))

    def consumer() -> Consumer:
        return cast("Consumer", app.consumer)

    engine = Engine(
        settings,
        redis,
        calibration,
        metrics,
        lanes=lambda: consumer().lanes,
        crash=app.crash,
        confirm=lambda generation: consumer().confirm(generation),
        topic_ids=lambda: consumer().topic_watch.ids(),  # noqa: PLW0108 - there is no consumer yet
    )
    app.shard_host = engine
    if settings.web_enabled:
        backend = StoreBackend(
            redis,
            settings.key_prefix,
            settings.partitions,
            clock=settings.clock,
            base_currency=settings.base_currency,
            model=lambda: calibration.model,
            now=lambda: int(time() * 1000),
            ready=engine.ready,
        )
        app.add_dependency(Face(WebServer(settings, backend, metrics)))

    @app.agent(app.batches(*Topics(settings.topic_prefix).inputs.values()), name="scorer")
    async def score(batches: StreamT[Batch]) -> None:
        async for batch in batches:
            await consumer().deliver(batch)

    return app


def run_worker(settings: Settings | None = None, loglevel: str = "info") -> NoReturn:
    """Run a worker until it is told to stop; ends the process with its exit code."""
    _prepare()
    faust.Worker(create_app(settings), loglevel=loglevel).execute_from_commandline()
    raise SystemExit


def __getattr__(name: str) -> ScorerApp:
    """Give ``faust -A stream.app`` its application, made when it is first asked for."""
    if name != "app":
        raise AttributeError(name)
    _prepare()
    globals()["app"] = made = create_app()
    return made


def _prepare() -> None:
    """What a worker does for its whole process before it joins its group."""
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    gc.set_threshold(*GC_THRESHOLDS)
    warm_up()
