"""The whole of it: a Redis, a Kafka, workers that were told to own the shard, and what must always hold.

>>> world = World()
>>> world.publish("c-1"), world.publish("c-1")
('e-1', 'e-2')
>>> first = world.start()
>>> first.tasks["worker"].gate.name
'kafka bounds'
>>> world.step(first, "worker")  # it has asked Kafka where the logs end, and stands before its claim
>>> second = world.start()  # the group thinks it dead, and another is told to own the shard
>>> world.rest(second)  # it claims, reads, commits and delivers until nothing is left to do
>>> world.said("tier-changes")
[('c-1', 1), ('c-1', 2)]
>>> world.step(first, "worker")  # the first wakes up; its claim is that of an older generation
>>> first.tasks["worker"].gate.name
'kafka is current'
>>> world.settle()  # whatever happened: another worker comes, and all is well
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from itertools import count
from typing import Any, Final

import msgspec

from stream.store.scripts import CLAIM, Script
from stream.testing.decisions import TOPICS, Record, Said
from stream.testing.gates import Fate
from stream.testing.kafka import Event, ModelKafka
from stream.testing.redis import ModelRedis, ShardKeys
from stream.testing.relay import OUTPUTS
from stream.testing.session import Session
from stream.transport.errors import ClaimLost

INPUTS: Final = {"c-1": TOPICS.orders, "c-2": TOPICS.orders, "c-3": TOPICS.interactions}
"""The customers there are, and the topic of their events."""

COUNTED: Final = (TOPICS.tier_changes, TOPICS.churn_warnings)
"""Output topics in which every message counts; of `customer-scores` only the last of a customer does."""

STEPS_MAX: Final = 5_000
"""After so many steps without a fault everything must have come to rest."""

TAIL: Final = "relay tail"
"""Names the look at what is delivered already, as a check that can be left out."""

LOADED: Final = "load"
"""Names the look at whose shard, in which state, a record was read from, as a check that can be left out."""


class Violated(AssertionError):
    """Something does not hold that always must."""


class World:
    """One shard and everything around it.

    Parameters
    ----------
    without
        Checks to leave out, by their names in `stream.testing.redis.CHECKS`, or `TAIL` or `LOADED`.

    Attributes
    ----------
    sessions
        Workers that live.
    late
        Requests that were sent, of which nobody waits for an answer, and that are still to be carried out.
    rolled_back
        Whether Redis ever came back from an older file.
    """

    def __init__(self, without: Collection[str] = ()) -> None:
        self.kafka = ModelKafka(dict.fromkeys(INPUTS.values()))
        self.redis = ModelRedis([name for name in without if name not in {TAIL, LOADED}])
        self.redis.written = self._after_write
        self.sessions: list[Session] = []
        self.late: list[Callable[[], Any]] = []
        self.generation = 0
        self.rolled_back = False
        self._reads_tail = TAIL not in without
        self._checks_loads = LOADED not in without
        self._skipped: set[str] = set()
        self._owners = count(1)
        self._events = count(1)
        self._time = 0
        self._seen = 0

    # What happens around the workers

    def publish(self, customer: str, after: int = 2, *, large: bool = False) -> str:
        """An event of a customer arrives, so much later than the one before. Gives its id.

        Parameters
        ----------
        large
            What is said of it is more than the broker takes: a dead letter goes out in its place.
        """
        self._time += after
        event = f"e-{next(self._events)}"
        self.kafka.logs[INPUTS[customer]].append(Event(customer, event, self._time, large))
        return event

    def start(self, *, generation: int | None = None) -> Session:
        """The group tells a worker to own the shard.

        Parameters
        ----------
        generation
            Under which it was told; a new one if None. An older one is an assignment that comes late.
        """
        if generation is None:
            self.generation += 1
            generation = self.generation
        session = Session(
            f"w-{next(self._owners)}",
            generation,
            self.redis,
            self.kafka,
            lambda asked: asked == self.generation,
            reads_tail=self._reads_tail,
            checks_loads=self._checks_loads,
        )
        self.sessions.append(session)
        return session

    def crash(self, session: Session) -> None:
        """A worker dies."""
        session.crash()
        self.sessions.remove(session)

    def forget_group(self) -> None:
        """The consumer group is deleted; its generations count from 1 again."""
        self.generation = 0

    def roll_back(self, writes: int = STEPS_MAX) -> None:
        """Redis comes back without its last so many writes, or without any."""
        self.rolled_back = True
        self.redis.roll_back(writes)

    def skip(self, customer: str) -> None:
        """A person moves the stored position of a customer's topic to the end of its log, as to go on behind a gap.

        Nobody does so where Redis was rolled back: what was said of the events that are skipped then could not be
        known. Here it is counted as said of nothing.
        """
        if self.rolled_back:
            raise ValueError("what is skipped may have been decided before Redis was rolled back")
        topic = INPUTS[customer]
        log = self.kafka.logs[topic]
        stored = max(0, self.redis.stored.positions().get(topic, -1))
        self._skipped.update(event.id for event in log[stored:])
        self.redis.move(topic, len(log))

    def arrive(self, number: int) -> None:
        """A late request is carried out. What it is answered, nobody hears."""
        run = self.late.pop(number)
        try:
            run()
        except Violated:
            raise
        except Exception:  # noqa: BLE001 - an answer, too
            return
        finally:
            self._look_at_outputs()

    # What workers do

    def step(self, session: Session, task: str, fate: Fate = "done") -> None:
        """One request of a worker has its fate, and the worker goes on to its next."""
        late = session.tasks[task].step(fate)
        if late is not None:
            self.late.append(late)
        failure = session.failure()
        if failure is not None:
            # A worker that ends itself loudly is started again by whoever runs it.
            self.crash(session)
            if not isinstance(failure, ClaimLost):
                raise Violated(f"{session.owner} ends by {failure!r}") from failure
        self._look_at_outputs()

    def ready(self, session: Session) -> list[str]:
        """Tasks of a worker that can go on."""
        return [name for name, task in session.tasks.items() if task.ready]

    def rest(self, *sessions: Session) -> None:
        """Let workers go on, without faults, until none has anything to do.

        Raises
        ------
        Violated
            They find no rest.
        """
        for _ in range(STEPS_MAX):
            moves = [(one, name) for one in sessions if one in self.sessions for name in self.ready(one)]
            if not moves:
                return
            for one, name in moves:
                if one in self.sessions and one.tasks[name].ready:
                    self.step(one, name)
        raise Violated(f"no rest after {STEPS_MAX} rounds: {[one.owner for one in self.sessions]} go on for ever")

    def settle(self) -> None:
        """End of all faults: late requests arrive, a new worker is told to own the shard, and all comes to rest.

        Raises
        ------
        Violated
            Not every event was applied once and not every decision was said once.
        """
        while self.late:
            self.arrive(0)
        self.start()
        self.rest(*self.sessions)
        self._expect_all()

    # What must hold

    def said(self, topic: str) -> list[tuple[str, int]]:
        """Customer and number of each message that a ``read_committed`` reader is given."""
        return [
            (written.message.key, msgspec.json.decode(written.message.value, type=Said).version)
            for written in self.kafka.committed(topic)
        ]

    def _after_write(self, script: Script, owner: str, before: ShardKeys) -> None:
        if script is CLAIM:
            return
        holder = before.meta.get("owner", "")
        if owner != holder:
            raise Violated(f"a zombie writes: {script.name} by {owner}, the shard belongs to {holder}")
        stored = self.redis.stored
        positions = stored.positions()
        for customer, topic in INPUTS.items():
            read = self.kafka.logs[topic][: max(0, positions.get(topic, -1))]
            wanted = [event.id for event in self._of(customer, read)]
            found = _record(stored, customer).events
            if found != wanted:
                raise Violated(f"{customer}: {found} are applied, the position says {wanted}")

    def _look_at_outputs(self) -> None:
        ends = sum(map(self.kafka.stable_end, OUTPUTS))
        if ends == self._seen:
            return
        self._seen = ends
        for topic in OUTPUTS:
            ids = [written.message.id for written in self.kafka.committed(topic)]
            if len(set(ids)) < len(ids):
                raise Violated(f"{topic} has a message twice: {self.said(topic)}")
        for topic in COUNTED:
            said: dict[str, list[int]] = {customer: [] for customer in INPUTS}
            for customer, version in self.said(topic):
                said[customer].append(version)
            for customer, versions in said.items():
                due = self._due(topic, customer)[: len(versions)]
                if versions != due:
                    raise Violated(f"{topic} of {customer}: {versions} where {due} are due")

    def _of(self, customer: str, events: Iterable[Event]) -> list[Event]:
        """Events that a customer's record is to have of these."""
        return [event for event in events if event.customer == customer and event.id not in self._skipped]

    def _due(self, topic: str, customer: str) -> list[int]:
        """Numbers of the messages that a customer's events are reason for."""
        events = self._of(customer, self.kafka.logs[INPUTS[customer]])
        if topic == TOPICS.churn_warnings:
            return list(range(1, (len(events) + 1) // 2 + 1))
        return [number for number, event in enumerate(events, 1) if not event.large]

    def _expect_all(self) -> None:
        stored = self.redis.stored
        for topic, log in self.kafka.logs.items():
            if log and stored.positions().get(topic) != len(log):
                raise Violated(f"{topic} is read up to {stored.positions().get(topic)} of {len(log)}")
        if stored.outbox:
            raise Violated(f"{len(stored.outbox)} entries stay in the outbox")
        for topic in COUNTED:
            for customer in INPUTS:
                missing = len(self._due(topic, customer)) - [key for key, _ in self.said(topic)].count(customer)
                if missing:
                    raise Violated(f"{missing} messages of {customer} are missing in {topic}: {self.said(topic)}")
        large = sum(event.large for one, topic in INPUTS.items() for event in self._of(one, self.kafka.logs[topic]))
        if len(self.said(TOPICS.dead_letters)) != large:
            raise Violated(f"{len(self.said(TOPICS.dead_letters))} dead letters for {large} messages")
        scores = dict(self.said(TOPICS.customer_scores))
        for customer in INPUTS:
            record = _record(stored, customer)
            if scores.get(customer, 0) != len(record.events) + record.warned:
                raise Violated(f"the last scores of {customer} are {scores.get(customer)}, the record is {record}")


def _record(stored: ShardKeys, customer: str) -> Record:
    blob = stored.records.get(customer)
    return Record() if blob is None else msgspec.msgpack.decode(blob, type=Record)
