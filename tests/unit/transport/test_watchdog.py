from types import SimpleNamespace

import pytest
from faust.types import TP

from stream.transport.batch import Taken
from stream.transport.lanes import Lanes
from stream.transport.watchdog import StallDetector, Stalled, Watchdog

A, B = TP("orders", 0), TP("profiles", 0)


class Scene:
    def __init__(self, seconds=60.0):
        self.lanes = Lanes(seek=lambda *_: None, wake=lambda: None)
        self.detector = StallDetector(seconds)
        self.stored = {}
        self.claiming = False
        self.lost = ()
        self.commits_failed_since = None
        self.now = 1000.0

    def open(self, **ends):
        tps = {TP(name, 0): end for name, end in ends.items()}
        self.epochs = self.lanes.open(1, dict.fromkeys(tps, 0), tps)

    def hand(self, tp, stop):
        lane = self.lanes.lane(tp)
        found = [SimpleNamespace(offset=offset) for offset in range(lane.taken, stop)]
        assert self.lanes.admit(self.lanes.arrive(Taken(tp, lane.epoch, lane.taken, found, stop, stop)))

    def after(self, seconds, step=10.0):
        verdict = None
        for _ in range(int(seconds / step)):
            self.now += step
            verdict = verdict or self.detector.look(
                self.now,
                self.lanes,
                self.stored,
                claiming=self.claiming,
                lost=self.lost,
                commits_failed_since=self.commits_failed_since,
            )
        return verdict


@pytest.fixture
def scene():
    scene = Scene()
    scene.detector.look(scene.now, scene.lanes, {}, claiming=True)
    return scene


def test_all_is_well_when_everything_is_read(scene):
    scene.open(orders=0, profiles=0)
    assert scene.after(600) is None


def test_a_topic_partition_that_is_not_read_on(scene):
    scene.open(orders=0, profiles=5)
    assert scene.after(60) is None
    assert "profiles/0 is not read on from 0, the log goes to 5" in scene.after(10)


def test_one_that_stands_still_beside_one_that_moves(scene):
    scene.open(orders=1000, profiles=5)
    for stop in range(1, 7):
        scene.hand(A, stop)
        scene.stored[A] = stop
        assert scene.after(10) is None
    scene.hand(A, 8)
    scene.stored[A] = 8
    assert "profiles/0" in scene.after(10)


def test_a_paused_one_need_not_move(scene):
    scene.open(orders=5)
    scene.lanes.pause(A)
    assert scene.after(600) is None
    scene.lanes.resume(A)
    assert scene.after(60) is None, "the time begins with the end of the pause"
    assert scene.after(10) is not None


def test_a_shard_that_commits_nothing_of_what_it_has(scene):
    scene.open(orders=5, profiles=0)
    scene.hand(A, 5)
    assert scene.after(60) is None
    assert "shard 0 has events of orders and commits none" in scene.after(10)


def test_a_shard_that_is_held_by_trouble_outside(scene):
    scene.open(orders=5, profiles=0)
    scene.hand(A, 5)
    scene.lanes.pause(B, trouble=True)
    assert scene.after(600) is None


def test_a_shard_that_commits(scene):
    scene.open(orders=100, profiles=0)
    scene.hand(A, 100)
    for stored in range(10):
        scene.stored[A] = stored
        assert scene.after(50) is None


def test_markers_behind_the_last_record_are_no_lag(scene):
    scene.open(orders=7)
    scene.hand(A, 5)
    scene.stored[A] = 5
    scene.lanes.arrive(Taken(A, scene.epochs[A], 5, [], 7, 7))
    assert scene.after(600) is None


def test_no_assignment(scene):
    assert scene.after(60) is None
    assert "no assignment" in scene.after(10)


def test_no_assignment_because_redis_is_away(scene):
    scene.claiming = True
    assert scene.after(600) is None


def test_an_empty_assignment_is_one(scene):
    scene.open()
    assert scene.after(600) is None


def test_a_process_that_was_held_is_given_time_to_move(scene):
    scene.open(orders=5)
    assert scene.after(10) is None
    assert scene.after(10_000, step=10_000) is None
    scene.hand(A, 5)
    scene.stored[A] = 5
    assert scene.after(60) is None


def test_a_shard_that_others_have_while_the_group_says_nothing(scene):
    scene.open(orders=5)
    scene.hand(A, 5)
    for tp in scene.lanes:
        scene.lanes.pause(tp, trouble=True)
    scene.lost = (0,)
    assert scene.after(8, step=2.0) is None
    assert "shard 0 belongs to another worker" in scene.after(4, step=2.0)


def test_a_shard_that_others_have_until_the_next_generation(scene):
    for generation in range(1, 10):
        tps = {A: 0}
        scene.lanes.open(generation, tps, tps)
        scene.lost = (0,)
        assert scene.after(8, step=2.0) is None
        scene.lost = ()
        assert scene.after(50) is None


def test_commits_to_the_group_that_fail_again_and_again(scene):
    scene.open(orders=0)
    scene.commits_failed_since = 7
    assert scene.after(60) is None
    assert "commits of positions to the consumer group fail" in scene.after(10)


def test_commits_to_the_group_that_fail_now_and_then(scene):
    scene.open(orders=0)
    for commits in range(10):
        scene.commits_failed_since = commits
        assert scene.after(50) is None


async def test_the_watchdog_ends_the_application():
    scene = Scene(seconds=8.0)
    scene.open(orders=5)
    crashes = []

    async def crash(reason):
        crashes.append(reason)

    consumer = SimpleNamespace(
        lanes=scene.lanes,
        host=SimpleNamespace(positions=dict, lost=set),
        claiming=False,
        advice=SimpleNamespace(failing=False),
    )
    watchdog = Watchdog(consumer, crash, seconds=8.0, clock=lambda: scene.now)
    await watchdog.look()
    assert not crashes
    for _ in range(2):
        scene.now += 4
        await watchdog.look()
    (reason,) = crashes
    assert isinstance(reason, Stalled)
    assert "orders/0" in str(reason)
    assert "STREAM_WATCHDOG_SECONDS" in str(reason)
