"""The Faust application: what is wired to what.

``faust -A stream.app worker -l info`` and ``scorer worker`` run this.

    Kafka ── batches ──> agent ──> engine ──> shard worker ──> Redis (state, positions, outbox: one commit)
                                                 └─> relay ──> Kafka (decisions, one transaction)
"""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import faust

from stream.calibration.watch import CalibrationWatch
from stream.contracts.topics import Topics
from stream.metrics import Metrics
from stream.scoring.policy import Policy, default_policy, parse_policy
from stream.settings import Settings
from stream.store.connection import connect
from stream.transport.batch import Batch
from stream.transport.conf import ScorerApp
from stream.transport.engine import Engine

#: Objects made before a young collection; records live long and batches die at once, so the default of 700 is busy work.
GC_THRESHOLD = 100_000


def policy_of(settings: Settings) -> Policy:
    """The policy in force: the file of the settings or the shipped one, with the window of the settings.

    Raises
    ------
    PolicyError
        The file says something that makes no sense; the message names it.
    OSError
        The file cannot be read.
    """
    policy = parse_policy(settings.policy.read_text(encoding="utf-8")) if settings.policy else default_policy()
    return replace(policy, window_days=settings.window_days) if settings.window_days else policy


def create_app(settings: Settings | None = None, **changes: Any) -> ScorerApp:
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
    redis = connect(settings.redis_url)
    calibration = CalibrationWatch(redis, settings.key_prefix, policy_of(settings))

    async def confirm(generation: int) -> bool:
        return await app.consumer.confirm(generation)

    engine = Engine(settings, redis, calibration, metrics, lambda: app.consumer.lanes, app.crash, confirm)
    app.shard_host = engine

    @app.agent(app.batches(*Topics(settings.topic_prefix).inputs.values()), name="scorer")
    async def score(batches: faust.Stream[Batch]) -> None:
        async for batch in batches:
            await app.consumer.deliver(batch)

    @app.on_before_configured.connect
    def relax_collector(*_: Any, **__: Any) -> None:
        gc.set_threshold(GC_THRESHOLD)

    return app


app = create_app()
