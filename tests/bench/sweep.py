"""What silence costs: one shard with many timers armed, of which so many a second come due.

Every `sweep_seconds` of event time the calls of `ShardWorker._sweep` are made: is the shard mine still, who is due,
their records, what became true, one commit. Two fifths of the customers are in memory, as the settings have it of a
million, and those who are due are not: of all they were looked at longest ago. So each is loaded, another forgotten.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import uvloop

from stream.contracts.decode import Decoder
from stream.contracts.topics import Topics
from stream.embedded import EmbeddedRedis
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.settings import Settings
from stream.state.announcements import Announcer
from stream.state.model import compile_model
from stream.state.plain.customers import block_of
from stream.state.shard import ShardState
from stream.store.calls import Client
from stream.store.commit import Commit
from stream.store.connection import connect
from stream.store.keys import Keys
from stream.store.shard_store import ShardStore, new_owner
from stream.transport.warm_up import warm_up
from tests.bench.workload import START
from tests.kit.memory import LIMITS, NOW_EVENT, Record

ARMED = (10_000, 100_000, 1_000_000)
SAMPLES_MAX = 0.01
"""Looks for churn samples among those measured, as a share: they come at moments of their own."""
IDLE_LOOKS = 200
QUIET_SECONDS_MAX = 120.0
_BATCH = 20_000


@dataclass(frozen=True)
class Silence:
    """What comes due.

    Attributes
    ----------
    rate
        Timers a second of event time.
    seconds
        Of event time that are measured; ``rate * seconds`` timers must be armed at least.
    cached
        Share of the customers that is in memory.
    """

    rate: int = 1_000
    seconds: int = 10
    cached: float = 0.4


class Swept(NamedTuple):
    """What a second of event time costs, milliseconds.

    Attributes
    ----------
    armed
        Timers in the shard.
    elapsed
        Of the wall clock, one call after another.
    worker, redis
        CPU time of either side; Redis' with its threads.
    steps
        `elapsed` by call.
    idle
        Of the wall clock, for one look at the timers while none is due; not a second's worth.
    """

    armed: int
    elapsed: float
    worker: float
    redis: float
    steps: dict[str, float]
    idle: float


def sweep(armed: Sequence[int] = ARMED, silence: Silence = Silence()) -> list[Swept]:
    """Arm so many timers in one shard of a Redis of its own, and let them come due; the same with each number."""
    warm_up()
    found = []
    # What comes first also pays for memory that is touched for the first time, here and in Redis' binary.
    for timers in (min(armed), *armed):
        with EmbeddedRedis() as redis:
            found.append(uvloop.run(_sweep(redis.url, timers, silence)))
    return found[1:]


def as_text(seen: Sequence[Swept], silence: Silence = Silence()) -> str:
    """A table for the terminal."""
    lines = [
        f"{silence.rate} timers a second of event time; ms for each such second",
        f"{'armed':>10}{'elapsed':>10}{'worker CPU':>12}{'Redis CPU':>12}"
        + "".join(f"{step:>10}" for step in seen[0].steps)
        + f"{'idle look':>12}",
    ]
    lines += [
        f"{one.armed:10}{one.elapsed:10.2f}{one.worker:12.2f}{one.redis:12.2f}"
        + "".join(f"{ms:10.2f}" for ms in one.steps.values())
        + f"{one.idle:12.3f}"
        for one in seen
    ]
    return "\n".join(lines)


async def _sweep(url: str, armed: int, silence: Silence) -> Swept:
    redis = connect(url)
    store = ShardStore(redis, Keys("sweep", 0), new_owner())
    await store.claim(1)
    model = compile_model(default_policy(), DEFAULT_CALIBRATION)
    limits = replace(LIMITS, cached_customers_max=int(armed * silence.cached))
    state = ShardState(model, Announcer(Topics()), limits)
    try:
        await _fill(store, state, armed, silence.rate)
        await _quiet(redis)
        return await _measure(redis, store, state, silence)
    finally:
        await redis.aclose()


async def _fill(store: ShardStore, state: ShardState, customers: int, rate: int) -> None:
    """One order of each customer, at the rate at which their timers are to come due. Nothing of it is put out."""
    decoder = Decoder(state.announcer.topics, "EUR")
    for first in range(0, customers, _BATCH):
        records = list(_orders(range(first, min(first + _BATCH, customers)), rate))
        events = decoder.decode("orders", 0, records, 2**53)
        missing = state.missing(events)
        state.admit(missing, [None] * len(missing))
        await store.commit(Commit.of(replace(state.apply(events, NOW_EVENT), outbox=[])))


def _orders(numbers: range, rate: int) -> Iterator[Record]:
    """At whole seconds, since a timer is due at one."""
    for number in numbers:
        customer = b"customer-%07d" % number
        value = (
            b'{"event_id":"evt-%012d","type":"order.completed","customer_id":"%b","order_id":"order-%010d",'
            b'"occurred_at":%d.000,"amount":"20.00","currency":"EUR","channel":"web"}'
        )
        yield Record(number, 2**52, customer, value % (number, customer, number, START + number // rate))


async def _quiet(redis: Client) -> None:
    """Wait until Redis has rewritten what the filling has appended to its file, if it does."""
    deadline = time.monotonic() + QUIET_SECONDS_MAX
    while (await redis.info("persistence"))["aof_rewrite_in_progress"]:
        if time.monotonic() > deadline:
            raise RuntimeError(f"Redis rewrites its file for more than {QUIET_SECONDS_MAX:g} s")
        # A loop without a pause would keep a core from it.
        time.sleep(0.1)  # noqa: ASYNC251 - nothing else runs in this loop


class _Clocks:
    """Seconds of the wall clock, by step."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = defaultdict(float)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.spent[name] += time.perf_counter() - began


async def _measure(redis: Client, store: ShardStore, state: ShardState, silence: Silence) -> Swept:
    ((_, last_due),) = await redis.zrange(store.keys.timers, -1, -1, withscores=True)
    armed = await store.customers()
    # The same silence after each order; some are looked at before, at a moment of their own, for a churn sample.
    begin = int(last_due) - 1_000 * ((armed - 1) // silence.rate)
    settings = Settings(_env_file=None)  # type: ignore[call-arg] # pydantic's own
    while await _round(store, state, begin, settings.sweep_customers_max, _Clocks()):
        pass
    look = await _look(store, begin)
    clocks, fired = _Clocks(), 0
    redis_before, worker_before = await _cpu_seconds(redis), time.process_time()
    every = int(1_000 * settings.sweep_seconds)
    for clock in range(begin + every, begin + 1_000 * silence.seconds + 1, every):
        fired += await _round(store, state, clock, settings.sweep_customers_max, clocks)
    worker, redis_cpu = time.process_time() - worker_before, await _cpu_seconds(redis) - redis_before
    expected = silence.rate * silence.seconds
    if not expected <= fired <= (1 + SAMPLES_MAX) * expected:
        raise RuntimeError(f"{fired} timers came due in {silence.seconds} s, not {silence.rate} in each")
    per_second = 1_000 / silence.seconds
    return Swept(
        armed,
        per_second * sum(clocks.spent.values()),
        per_second * worker,
        per_second * redis_cpu,
        {name: per_second * spent for name, spent in clocks.spent.items()},
        1_000 * look,
    )


async def _look(store: ShardStore, clock: int) -> float:
    """Seconds for one look before anything is due."""
    began = time.perf_counter()
    for _ in range(IDLE_LOOKS):
        await store.check()
        if await store.due(clock, 1):
            raise RuntimeError("a timer is due before the first")
    return (time.perf_counter() - began) / IDLE_LOOKS


async def _round(store: ShardStore, state: ShardState, clock: int, limit: int, clocks: _Clocks) -> int:
    """Sweep until nothing more is due; how many timers were."""
    fired = 0
    while True:
        with clocks.step("due"):
            await store.check()
            customers = await store.due(clock, limit)
        fired += len(customers)
        if customers:
            with clocks.step("load"):
                missing = state.missing(block_of(customers))
                state.admit(missing, await store.load(missing))
            with clocks.step("score"):
                outcome = state.sweep(customers, clock, NOW_EVENT)
            with clocks.step("commit"):
                await store.commit(Commit.of(outcome))
        if len(customers) < limit:
            return fired


async def _cpu_seconds(redis: Client) -> float:
    used: dict[str, Any] = await redis.info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"])


if __name__ == "__main__":
    print(as_text(sweep()))
