"""Whether everything that a worker needs is there and set as it must be; and if not, what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final, NamedTuple

from redis.asyncio.cluster import RedisCluster

from stream.calibration.rules import policy_of
from stream.commands import topics
from stream.commands.failures import CommandFailed, told_plainly, without_password
from stream.commands.parts import admin_of, model_of, redis_of
from stream.settings import Settings
from stream.store.calls import call

REDIS_MIN: Final = (6, 2)
"""The oldest Redis that was tested."""


class Check(NamedTuple):
    """One thing looked at: its name, whether it is well, and what was found or what to do."""

    name: str
    well: bool
    detail: str


async def check(settings: Settings) -> AsyncIterator[Check]:
    """Look at one thing after another; each is given as soon as it is known."""
    for name, look in _CHECKS:
        try:
            with told_plainly(settings):
                well, detail = await look(settings)
        except CommandFailed as failed:
            well, detail = False, str(failed)
        yield Check(name, well, detail)


async def _kafka(settings: Settings) -> tuple[bool, str]:
    async with admin_of(settings) as admin:
        cluster = await admin.describe_cluster()
    return True, f"{settings.kafka}, {len(cluster['brokers'])} brokers"


async def _topics(settings: Settings) -> tuple[bool, str]:
    found = await topics.look(settings)
    bad = [f"{state.spec.name} {state.detail}" for state in found if state.outcome == "differs"]
    missing = [state.spec.name for state in found if state.outcome == "missing"]
    if missing:
        bad.insert(0, f"missing: {', '.join(missing)}; make them with: scorer topics create")
    return not bad, "; ".join(bad) or f"{len(found)} topics, {settings.partitions} partitions each"


async def _redis(settings: Settings) -> tuple[bool, str]:
    async with redis_of(settings) as redis:
        info: dict[str, Any] = await call(redis, "INFO")
        cluster = isinstance(redis, RedisCluster)
    where = without_password(settings.redis_url)
    version = str(info["redis_version"])
    bad = []
    if tuple(int(part) for part in version.split(".")[:2]) < REDIS_MIN:
        bad.append(f"version {version} is older than {'.'.join(map(str, REDIS_MIN))}: install a newer one")
    if not info.get("aof_enabled"):
        bad.append("the append-only file is off, and a restart would lose the state: set appendonly yes")
    if info.get("maxmemory_policy", "noeviction") != "noeviction":
        bad.append(f"maxmemory-policy {info['maxmemory_policy']} may delete customers: set it to noeviction")
    one = " (one node of the cluster was asked)" if cluster else ""
    return not bad, f"{where}: {'; '.join(bad) or f'version {version}, append-only file on, nothing evicted'}{one}"


async def _policy(settings: Settings) -> tuple[bool, str]:
    policy = policy_of(settings)
    source = settings.policy or "shipped"
    return True, f"{source}: window of {policy.window_days} days, segments by {policy.segments.name}"


async def _calibration(settings: Settings) -> tuple[bool, str]:
    async with redis_of(settings) as redis:
        calibration = (await model_of(settings, redis)).calibration
    learned = f"from {calibration.customers} customers" if calibration.customers else "shipped"
    return True, f"number {calibration.number}, {learned}"


_CHECKS: tuple[tuple[str, Callable[[Settings], Awaitable[tuple[bool, str]]]], ...] = (
    ("kafka", _kafka),
    ("topics", _topics),
    ("redis", _redis),
    ("policy", _policy),
    ("calibration", _calibration),
)
