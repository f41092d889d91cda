"""The protocol of claims, commits and delivery, through every accident that a machine can think of.

`STREAM_PROTOCOL_EXAMPLES` makes it think longer, as `make chaos` does.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from stream.testing import LOADED, TAIL, Violated, World
from stream.testing.redis import CHECKS
from stream.testing.world import INPUTS

EXAMPLES = int(os.environ.get("STREAM_PROTOCOL_EXAMPLES", "300"))
STEPS = int(os.environ.get("STREAM_PROTOCOL_STEPS", "60"))

customers = st.sampled_from(sorted(INPUTS))
which = st.integers(0, 5)
fates = st.sampled_from(["done", "done", "done", "lost", "unsent", "late"])
gates = st.sampled_from(
    [f"redis {name}" for name in ("claim", "load", "commit", "head", "trim")]
    + [f"kafka {name}" for name in ("take over", "tail", "append", "commit")]
)
turns = st.one_of(
    st.none(), st.just(("sweep", 0)), st.tuples(st.sampled_from(sorted(set(INPUTS.values()))), st.integers(1, 3))
)


class Protocol(RuleBasedStateMachine):
    """Accidents in any order; at the end another worker comes, and everything must have been said once."""

    without = frozenset()

    def __init__(self):
        super().__init__()
        self.world = World(self.without)
        self.moves_positions = False

    @initialize(moves_positions=st.sampled_from([False, False, False, True]))
    def begin(self, moves_positions):
        """In some runs there is a person who moves positions; there Redis never comes back older (`World.skip`)."""
        self.moves_positions = moves_positions

    def pick(self, number):
        return self.world.sessions[number % len(self.world.sessions)]

    def lives(self):
        return bool(self.world.sessions)

    def move(self, session, steps):
        """Let a worker go on, its tasks in turn."""
        for turn_of in range(steps):
            ready = self.world.ready(session) if session in self.world.sessions else []
            if not ready:
                return
            self.world.step(session, ready[turn_of % len(ready)])

    @rule(customer=customers, large=st.sampled_from([False, False, False, True]))
    def publish(self, customer, large):
        self.world.publish(customer, large=large)

    @precondition(lambda self: len(self.world.sessions) < 3)
    @rule()
    def assign(self):
        self.world.start()

    @precondition(lambda self: 0 < len(self.world.sessions) < 3)
    @rule(older=st.integers(0, 2))
    def assign_two(self, older):
        """The same generation as the one before, or an assignment that comes late."""
        self.world.start(generation=max(1, self.world.generation - older))

    @precondition(lives)
    @rule(number=which)
    def crash(self, number):
        self.world.crash(self.pick(number))

    @precondition(lives)
    @rule(number=which, task=which, fate=fates, turn=turns)
    def step(self, number, task, fate, turn):
        session = self.pick(number)
        ready = self.world.ready(session)
        if ready:
            session.turn = turn
            self.world.step(session, ready[task % len(ready)], fate)

    @precondition(lives)
    @rule(number=which, steps=st.integers(1, 25), turn=turns)
    def go_on(self, number, steps, turn):
        """A worker, but no other, is left in peace for a while."""
        session = self.pick(number)
        session.turn = turn
        self.move(session, steps)

    @precondition(lives)
    @rule(number=which, name=gates)
    def stand_before(self, number, name):
        self.run_up_to(self.pick(number), name)

    def run_up_to(self, session, name):
        """Let a worker go on until one of its tasks is about to ask for this."""
        for _ in range(STEPS):
            ready = self.world.ready(session) if session in self.world.sessions else []
            if not ready or any(task.gate.name == name for task in session.tasks.values() if task.gate):
                return
            self.world.step(session, ready[-1])

    @precondition(lambda self: self.world.late)
    @rule(number=which)
    def arrive(self, number):
        self.world.arrive(number % len(self.world.late))

    @precondition(lambda self: not self.moves_positions)
    @rule(writes=st.integers(1, 8))
    def roll_back(self, writes):
        self.world.roll_back(writes)

    @precondition(lambda self: self.lives() and not self.moves_positions)
    @rule(number=which, writes=st.integers(1, 2), first=customers, second=customers)
    def roll_back_under_a_reader(self, number, writes, first, second):
        """Redis loses what a worker has just written, and the worker reads on."""
        session = self.pick(number)
        for customer, lost in ((first, writes), (second, 0)):
            self.world.publish(customer)
            session.turn = (INPUTS[customer], 1)
            for _ in range(STEPS):
                ready = [name for name in self.world.ready(session) if name != "relay"]
                if not ready or session not in self.world.sessions or (session.waits and session.turn is None):
                    break
                self.world.step(session, ready[-1])
            self.world.roll_back(lost)

    @precondition(lambda self: 0 < len(self.world.sessions) < 3 and not self.moves_positions)
    @rule(number=which, customer=customers, steps=st.integers(10, 40), late=st.integers(0, 2))
    def roll_back_past_a_successor(self, number, customer, steps, late):
        """A worker that is about to read is paused while another works, goes on, and Redis loses the other's writes."""
        session = self.pick(number)
        self.world.publish(customer)
        session.turn = (INPUTS[customer], 1)
        self.run_up_to(session, "redis load")
        writes = self.world.redis.writes
        self.move(self.world.start(), steps)
        for _ in range(late):
            if session in self.world.sessions and "worker" in self.world.ready(session):
                self.world.step(session, "worker")
        self.world.roll_back(self.world.redis.writes - writes)

    @precondition(lambda self: self.lives() and self.moves_positions)
    @rule(number=which, customer=customers)
    def skip(self, number, customer):
        """A person moves a position, while a worker is about to commit what comes before."""
        self.world.publish(customer)
        self.run_up_to(self.pick(number), "redis commit")
        self.world.skip(customer)

    @rule()
    def forget_group(self):
        self.world.forget_group()

    @rule()
    def expire(self):
        self.world.kafka.expire()

    @rule()
    def compact(self):
        self.world.kafka.compact("customer-scores")

    def teardown(self):
        self.world.settle()


def profile(examples, steps, **more):
    return settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )


def test_every_event_is_applied_once_and_every_decision_is_said_once():
    run_state_machine_as_test(Protocol, settings=profile(EXAMPLES, STEPS))


MUTANTS = {
    "the owner is not looked at": {"commit owner", "head owner", "trim owner"},
    "where the commit began is not looked at": {"commit position", "commit sequence"},
    "a position is not looked at": {"commit position"},
    "the name of the commit is not looked at": {"commit sequence"},
    "whose a record was is not looked at": {LOADED},
    "what is delivered is not read back": {TAIL},
}


@pytest.mark.parametrize("checks", MUTANTS.values(), ids=MUTANTS)
def test_a_protocol_with_a_check_less_is_found_out(checks):
    class Mutant(Protocol):
        without = frozenset(checks)

    with pytest.raises(Violated):
        run_state_machine_as_test(
            Mutant,
            settings=profile(
                6_000, STEPS, derandomize=True, database=None, phases=[Phase.generate], report_multiple_bugs=False
            ),
        )


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name)
def test_each_check_of_the_model_is_a_line_of_its_script(check):
    assert check.line in map(str.strip, check.script.source.splitlines())


# What the machine has found


def go_on(world, session, tasks, until):
    """Let some tasks of a worker go on, the first that can, until something holds."""
    while not until():
        world.step(session, next(name for name in tasks if name in session.tasks and session.tasks[name].ready))


def stand_before(world, session, gate, task="worker"):
    """A task of a worker goes on until it is about to ask for this."""
    go_on(world, session, [task], lambda: session.tasks[task].gate.name == gate)


def do(world, session, topic, limit):
    """A worker does one thing, and has the choice again."""
    go_on(world, session, ["commit", "worker"], lambda: session.waits)
    session.turn = (topic, limit)
    world.step(session, "worker")
    go_on(world, session, ["commit", "worker"], lambda: session.waits)


def test_a_worker_that_dies_while_a_log_is_read_again_repeats_nothing():
    # A decision was delivered, and Redis forgets it. Decided again, it stands in the outbox behind a new one. A worker
    # that delivers the new one and dies must not leave "all before this is taken off" to the next.
    world = World()
    world.publish("c-3")
    world.rest(world.start())
    world.roll_back()
    world.publish("c-1")
    second = world.start()
    go_on(world, second, ["worker", "commit"], lambda: len(world.redis.stored.outbox) == 2)
    go_on(world, second, ["relay"], lambda: len(world.redis.stored.outbox) == 1)
    world.crash(second)
    world.settle()


def test_a_dead_letter_for_a_message_that_is_too_large_is_not_repeated():
    # It was delivered, and the worker died before it took the message off. The next one finds the message too large,
    # too, and the dead letter among what is delivered.
    world = World()
    world.publish("c-1", large=True)
    first = world.start()
    go_on(world, first, ["relay", "commit", "worker"], lambda: bool(world.said("dead-letters")))
    world.crash(first)
    world.settle()


def test_the_last_scores_stay_the_last_where_a_log_is_read_again_in_other_batches():
    world = World()
    world.publish("c-1")
    world.publish("c-1", after=0)
    first = world.start()
    world.rest(first)
    world.crash(first)
    world.roll_back()
    second = world.start()
    for turn in (("orders", 1), ("sweep", 0)):
        do(world, second, *turn)
    world.rest(second)
    world.settle()


def test_a_record_that_was_read_while_another_owned_the_shard_is_not_written_on():
    # A zombie reads what its successor has written. Redis then comes back from before the successor's claim: the shard
    # is the zombie's again, its position and its commit are what it left, and only what it read is of a lost time.
    world = World()
    world.publish("c-1")
    first = world.start()
    stand_before(world, first, "redis load")
    writes = world.redis.writes
    world.rest(world.start())
    world.step(first, "worker")
    world.roll_back(world.redis.writes - writes)
    world.settle()


def test_a_commit_of_another_worker_is_not_taken_for_ones_own():
    # Two workers of one generation. A claim of the first, late in the network, makes the shard its own once more after
    # the second has made the commit that the first is about to make, the same in number, but of fewer events.
    world = World()
    world.publish("c-1")
    world.publish("c-1")
    first = world.start()
    stand_before(world, first, "redis claim")
    world.step(first, "worker", "late")
    go_on(world, first, ["worker"], lambda: first.waits)
    first.turn = ("orders", 2)
    go_on(world, first, ["worker"], lambda: "commit" in first.tasks)
    second = world.start(generation=first.generation)
    go_on(world, second, ["worker"], lambda: second.waits)
    do(world, second, "orders", 1)
    go_on(world, second, ["commit"], lambda: world.redis.stored.outbox)
    world.crash(second)
    world.arrive(0)
    do(world, first, "sweep", 0)
    world.settle()


def test_a_bundle_that_only_begins_as_the_delivered_one_did_is_not_taken_off():
    # A bundle is delivered. Before it is taken off, Redis forgets its commit, and the events are decided again in one
    # batch with one more: the first bundle has the same size and the same first messages, and ends with another.
    world = World()
    for customer in ("c-1", "c-2", "c-1"):
        world.publish(customer)
    worker = world.start()
    do(world, worker, "orders", 2)
    writes = world.redis.writes
    go_on(world, worker, ["commit"], lambda: world.redis.stored.outbox)
    stand_before(world, worker, "redis trim", "relay")
    (delivered, _) = world.redis.stored.outbox
    world.roll_back(world.redis.writes - writes)
    do(world, worker, "sweep", 0)
    do(world, worker, "orders", 3)
    go_on(world, worker, ["commit"], lambda: world.redis.stored.outbox)
    other = world.redis.stored.outbox[0]
    assert (len(other), other[:64]) == (len(delivered), delivered[:64])
    assert other != delivered
    world.settle()
