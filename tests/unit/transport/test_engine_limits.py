"""What a worker keeps in memory is bounded for the worker, however many shards it has."""

from __future__ import annotations

import inspect
from types import SimpleNamespace
from typing import Any

from stream.metrics import Metrics
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.settings import Settings
from stream.state.model import compile_model
from stream.transport.engine import Engine

MODEL = compile_model(default_policy(), DEFAULT_CALIBRATION)


async def nothing(*_: Any, **__: Any) -> dict[str, str]:
    return {}


async def test_the_shards_of_a_worker_share_its_memory(monkeypatch):
    calibration: Any = SimpleNamespace(refresh=nothing, model=MODEL)
    anything: Any = SimpleNamespace(close=nothing)
    given = {"redis": anything, "calibration": calibration, "lanes": lambda: anything}
    wanted = inspect.signature(Engine).parameters
    rest = {name: nothing for name in wanted if name not in {"settings", "metrics", *given}}
    settings = Settings(_env_file=None, cached_customers_max=1_000)
    engine = Engine(settings=settings, metrics=Metrics(), **given, **rest)
    monkeypatch.setattr(engine, "_open", nothing)
    for shards, each in ((4, 250), (1, 1_000), (3, 333)):
        await engine.assign({shard: {} for shard in range(shards)}, 1)
        state = engine._new_state(0, MODEL, 0, {})
        assert state.limits.cached_customers_max == each
    engine._watch.cancel()
