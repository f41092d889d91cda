"""One worker that was told to own the shard: claim, read, decide, commit, and the relay beside it.

The store, what a commit is, where reading begins and the relay's handling of an entry are the real ones. What stands
here in place of `stream.transport.engine` and `shard_worker` follows them step by step, with their names.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar, cast

import msgspec
from aiokafka.errors import KafkaError
from faust.types import TP

from stream.contracts.bundle import encode_bundles
from stream.contracts.decisions import Message
from stream.state.packed import pack_records, pack_timers
from stream.store.calls import Client
from stream.store.commit import Commit
from stream.store.errors import ClaimRefused, CommitRefused, StoreUnavailable
from stream.store.shard_store import Claim
from stream.testing.decisions import TOPICS, Record
from stream.testing.gates import Gate, Task
from stream.testing.kafka import Event, ModelKafka
from stream.testing.redis import KEYS, ModelRedis
from stream.testing.relay import LookedStore, ModelRelay, kafka_request
from stream.transport.claim import beyond_end, starting_points
from stream.transport.errors import ClaimLost

T = TypeVar("T")

CACHED_CUSTOMERS_MAX = 1
"""Records in memory between two batches; so few that customers go out of it and come back."""

ALL = 1_000_000
"""More than there is."""

WAITS = "worker waits"
"""Name of the gate of a worker that has nothing in hand."""


class Session:
    """A worker from its assignment to its end.

    Parameters
    ----------
    owner
        Its token.
    generation
        Generation of the group that it was assigned under.
    redis, kafka
        The world.
    current
        Asks the broker whether a generation is the current one.
    reads_tail
        See `ModelRelay`.
    checks_loads
        Whether it looks at whose shard a record was read from; False is a mutation.

    Attributes
    ----------
    tasks
        What runs: the worker, its relay, and the commit in flight.
    turn
        What the worker is to do when it next has the choice: topic and number of events, or ``"sweep"``.
    lost
        Whether it knows that the shard is somebody else's.
    alive
        Whether its process lives.
    bug
        What stopped the relay, other than the loss of the shard.
    """

    def __init__(
        self,
        owner: str,
        generation: int,
        redis: ModelRedis,
        kafka: ModelKafka,
        current: Callable[[int], bool],
        *,
        reads_tail: bool,
        checks_loads: bool,
    ) -> None:
        self.owner = owner
        self.generation = generation
        self.turn: tuple[str, int] | None = None
        self.lost = False
        self.alive = True
        self.bug: Exception | None = None
        self._redis = redis
        self._kafka = kafka
        self._current = current
        self._reads_tail = reads_tail
        # ShardStore asks nothing of a client but `execute_command`.
        self._store = LookedStore(cast("Client", redis), KEYS, owner)
        self._load = self._store.load if checks_loads else self._store.look
        self._scored: dict[str, int] = {}
        self._records: dict[str, Record] = {}
        self._flight: tuple[Task, Commit] | None = None
        self.tasks: dict[str, Task] = {}
        self.tasks["worker"] = Task(f"{owner} worker", self._run())

    def crash(self) -> None:
        """Die as by kill -9."""
        self.alive = False
        for task in self.tasks.values():
            task.kill()

    def failure(self) -> Exception | None:
        """What ended the worker or stopped its relay, if that was an error."""
        return self.bug or self.tasks["worker"].error

    # The claim, as in Engine and in the consumer

    async def _run(self) -> None:
        begin, ends = await self._bounds()
        claim = await self._claim()
        if claim is None:
            return
        relay = ModelRelay(
            self._store,
            self._kafka,
            lambda: bool(self._redis.stored.outbox),
            lambda: self.alive,
            self._relay_ended,
            reads_tail=self._reads_tail,
        )
        self.tasks["relay"] = Task(f"{self.owner} relay", relay.run())
        positions = {TP(topic, 0): at for topic, at in claim.positions.items()}
        while beyond_end(positions, ends):
            begin, ends = await self._bounds()
        starting_points(positions, begin, ends)
        self._restart(claim)
        while True:
            try:
                await self._step()
            except CommitRefused as refusal:
                if not await self._recover(refusal):
                    return

    def _relay_ended(self, _shard: int, error: Exception) -> None:
        self.bug = None if isinstance(error, CommitRefused) else error

    async def _bounds(self) -> tuple[dict[TP, int], dict[TP, int]]:
        logs = self._kafka.logs
        ends = await _again(
            lambda: kafka_request("bounds", lambda: {TP(topic, 0): len(log) for topic, log in logs.items()})
        )
        return dict.fromkeys(ends, 0), ends

    async def _claim(self) -> Claim | None:
        replacing: int | None = None
        while True:
            try:
                return await self._store.claim(self.generation, replacing=replacing)
            except StoreUnavailable:
                continue
            except ClaimRefused as refused:
                if replacing is not None or not await _again(self._confirm):
                    return None  # the worker ends, or waits for its next assignment
                replacing = refused.stored

    def _confirm(self) -> Gate:
        return kafka_request("is current", lambda: self._current(self.generation))

    def _restart(self, claim: Claim) -> None:
        self._scored = {topic: claim.positions.get(topic, -1) for topic in self._kafka.logs}
        self._records = {}
        self._flight = None

    @property
    def waits(self) -> bool:
        """Whether the worker has the choice of what to do next."""
        gate = self.tasks["worker"].gate
        return gate is not None and gate.name == WAITS

    # The work, as in ShardWorker

    def unread(self) -> bool:
        """Whether there is something that a worker at its gate could do."""
        if self._flight is not None or any(map(math.isfinite, self._redis.stored.timers.values())):
            return True
        return any(map(self._behind, self._kafka.logs))

    def _behind(self, topic: str) -> bool:
        return len(self._kafka.logs[topic]) > max(0, self._scored[topic])

    async def _step(self) -> None:
        await Gate(WAITS, lambda: None, ready=self.unread)
        turn, self.turn = self.turn, None
        topic, limit = turn or self._default_turn()
        if topic == "sweep":
            await self._sweep()
            return
        start = max(0, self._scored[topic])
        events = self._kafka.logs[topic][start : start + limit]
        if not events:
            await self._land()
            return
        await self._admit([event.customer for event in events])
        messages = self._apply(events)
        await self._commit(messages, {event.customer for event in events}, {topic: start + len(events)})

    def _default_turn(self) -> tuple[str, int]:
        return next(((topic, ALL) for topic in filter(self._behind, self._kafka.logs)), ("sweep", 0))

    def _apply(self, events: list[Event]) -> list[Message]:
        messages: list[Message] = []
        for event in events:
            messages += self._records[event.customer].apply(event.customer, event)
        return messages

    async def _admit(self, customers: list[str]) -> None:
        missing = [customer for customer in dict.fromkeys(customers) if customer not in self._records]
        kept = [customer for customer in self._records if customer not in customers]
        room = max(0, CACHED_CUSTOMERS_MAX - len(set(customers)))
        for customer in kept[: max(0, len(kept) - room)]:
            del self._records[customer]
        if not missing:
            return
        try:
            blobs = await self._patiently(lambda: self._load(missing))
        except CommitRefused:
            await self._land()
            raise
        for customer, blob in zip(missing, blobs, strict=True):
            self._records[customer] = Record() if blob is None else msgspec.msgpack.decode(blob, type=Record)

    async def _sweep(self) -> None:
        await self._land()
        await self._patiently(self._store.check)
        customers = await self._patiently(lambda: self._store.due(ALL, ALL))
        if customers:
            await self._admit(customers)
            messages = [message for customer in customers for message in self._records[customer].fire(customer)]
            await self._commit(messages, set(customers), {})

    async def _commit(self, messages: list[Message], touched: set[str], positions: Mapping[str, int]) -> None:
        changed = {customer: self._records[customer] for customer in sorted(touched)}
        messages += [record.scores(customer) for customer, record in changed.items()]
        commit = Commit(
            positions=[(topic, self._scored[topic], new) for topic, new in positions.items()],
            records=pack_records([(customer, msgspec.msgpack.encode(record)) for customer, record in changed.items()]),
            timers=pack_timers([(customer, record.due) for customer, record in changed.items()]),
            outbox=encode_bundles(messages, TOPICS, 3),
        )
        self._scored.update(positions)
        await self._land()
        flight = Task(f"{self.owner} commit", self._store.commit(commit))
        self.tasks["commit"] = flight
        self._flight = (flight, commit)

    async def _land(self) -> None:
        if self._flight is None:
            return
        task, commit = self._flight
        self._flight = None
        await Gate("worker waits for its commit", lambda: None, ready=lambda: task.gate is None)
        error, task.error = task.error, None
        if isinstance(error, StoreUnavailable):
            await self._patiently(lambda: self._store.commit(commit))
        elif error is not None:
            raise error

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await attempt()
            except StoreUnavailable:
                continue

    async def _recover(self, refusal: CommitRefused) -> bool:
        if refusal.reason == "owner":
            claimed = self._store.generation
            if refusal.generation is not None and refusal.generation < claimed:
                raise ClaimLost(KEYS.shard, claimed, refusal.generation)
            self.lost = True
            return False
        try:
            claim = await self._patiently(self._store.refresh)
        except CommitRefused as lost:
            return await self._recover(lost)
        self._restart(claim)
        return True


async def _again(request: Callable[[], Awaitable[T]]) -> T:
    """Ask the broker until it answers."""
    while True:
        try:
            return await request()
        except KafkaError:
            continue
