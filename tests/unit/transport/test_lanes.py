from types import SimpleNamespace

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from stream.transport.batch import Taken
from stream.transport.lanes import Lanes

ORDERS = TP("orders", 0)
PROFILES = TP("profiles", 0)


def records(*offsets):
    return [SimpleNamespace(offset=offset) for offset in offsets]


class Client:
    """A Kafka client that carries seeks out when it is told to, as the thread does some time later."""

    def __init__(self):
        self.sought = []
        self.woken = 0
        self.lanes = Lanes(seek=lambda *asked: self.sought.append(asked), wake=self.wake)

    def wake(self):
        self.woken += 1

    def open(self, generation=1, **positions):
        at = {TP(name, 0): position for name, position in positions.items()}
        return self.lanes.open(generation, at, dict.fromkeys(at, 100))


@pytest.fixture
def client():
    return Client()


def test_position_moves_when_a_batch_is_handed_over_and_not_before(client):
    epochs = client.open(orders=5)
    lanes = client.lanes
    batch = lanes.arrive(Taken(ORDERS, epochs[ORDERS], 5, records(5, 6), 7, 100))
    assert lanes.position(ORDERS) == 5
    assert lanes.admit(batch)
    assert lanes.position(ORDERS) == 7
    assert (batch.start, batch.next_offset, batch.generation) == (5, 7, 1)


def test_position_passes_what_holds_no_records(client):
    epoch = client.open(orders=0)[ORDERS]
    lanes = client.lanes
    first = lanes.arrive(Taken(ORDERS, epoch, 0, records(0), 1, 4))
    assert lanes.arrive(Taken(ORDERS, epoch, 1, [], 100, 4)) is None
    assert lanes.position(ORDERS) == 0, "the batch before has not been handed over"
    lanes.admit(first)
    assert lanes.position(ORDERS) == 100
    assert lanes.caught_up(ORDERS)
    later = lanes.arrive(Taken(ORDERS, epoch, 100, records(104), 105, 105))
    assert later.start == 1
    assert lanes.admit(later)


def test_end_never_goes_back(client):
    epoch = client.open(orders=0)[ORDERS]
    client.lanes.arrive(Taken(ORDERS, epoch, 0, [], 0, -1))
    assert client.lanes.highwater(ORDERS) == 100
    client.lanes.arrive(Taken(ORDERS, epoch, 0, [], 0, 120))
    assert client.lanes.highwater(ORDERS) == 120


def test_batches_of_an_older_generation_are_dropped(client):
    epoch = client.open(orders=0)[ORDERS]
    lanes = client.lanes
    old = lanes.arrive(Taken(ORDERS, epoch, 0, records(0), 1, 1))
    client.open(generation=2, orders=0)
    assert not lanes.admit(old)
    assert lanes.arrive(Taken(ORDERS, epoch, 1, records(1), 2, 2)) is None
    assert lanes.dropped_batches == 2
    lanes.close()
    assert not lanes.admit(old)
    assert ORDERS not in lanes


def test_after_a_seek_only_batches_of_the_new_epoch_are_admitted(client):
    epoch = client.open(orders=0)[ORDERS]
    lanes = client.lanes
    waiting = lanes.arrive(Taken(ORDERS, epoch, 0, records(0, 1), 2, 9))
    newer = lanes.seek(ORDERS, 1)
    assert client.sought == [(ORDERS, 1, newer)]
    assert lanes.current_epoch(ORDERS) == newer
    assert lanes.position(ORDERS) == 1
    assert not lanes.admit(waiting)
    assert lanes.arrive(Taken(ORDERS, epoch, 2, records(2), 3, 9)) is None
    again = lanes.arrive(Taken(ORDERS, newer, 1, records(1), 2, 9))
    assert lanes.admit(again)


def test_a_lost_batch_is_read_again(client):
    epoch = client.open(orders=0)[ORDERS]
    lanes = client.lanes
    lanes.arrive(Taken(ORDERS, epoch, 0, records(0), 1, 9))
    second = lanes.arrive(Taken(ORDERS, epoch, 1, records(1), 2, 9))
    assert not lanes.admit(second)
    assert (lanes.gaps, client.sought) == (1, [(ORDERS, 0, lanes.current_epoch(ORDERS))])


def test_a_report_that_does_not_follow_is_read_again(client):
    epoch = client.open(orders=0)[ORDERS]
    lanes = client.lanes
    assert lanes.arrive(Taken(ORDERS, epoch, 4, records(4), 5, 9)) is None
    assert (lanes.gaps, client.sought) == (1, [(ORDERS, 0, lanes.current_epoch(ORDERS))])


def test_pause_and_resume(client):
    client.open(orders=0, profiles=0)
    lanes = client.lanes
    lanes.pause(ORDERS, trouble=True)
    assert lanes.paused == {ORDERS}
    lanes.seek(ORDERS, 3)
    assert lanes.lane(ORDERS).trouble, "a seek does not end a pause"
    lanes.resume(PROFILES)
    assert client.woken == 0
    lanes.resume(ORDERS)
    assert (lanes.paused, client.woken) == (set(), 1)
    lanes.pause(TP("other", 0))
    assert lanes.paused == set()


def test_of_what_is_not_claimed_nothing_is_known(client):
    assert not client.lanes.caught_up(ORDERS)
    assert client.lanes.current_epoch(ORDERS) == 0
    assert client.lanes.seek(ORDERS, 1) == 0
    with pytest.raises(KeyError):
        client.lanes.position(ORDERS)


@given(st.lists(st.sampled_from(["take", "control", "hand", "lose", "seek", "stale"]), max_size=60))
def test_whatever_happens_on_the_way_each_offset_is_handed_over_once_and_in_order(steps):  # noqa: C901
    """The log is 0, 1, 2, …; every fourth offset holds no record. The queue in between may lose a batch."""
    client = Client()
    lanes = client.lanes
    at, epoch = 0, client.open(orders=0)[ORDERS]
    queue, handed = [], []

    def carry_out():
        nonlocal at, epoch
        for _, offset, newer in client.sought:
            at, epoch = offset, newer
        client.sought.clear()

    def hand():
        if queue:
            batch = queue.pop(0)
            if lanes.admit(batch):
                handed.extend(record.offset for record in batch.records)

    for step in [*steps, "take", *["hand"] * 60, "take", *["hand"] * 60, "take", *["hand"] * 60]:
        if step != "stale":
            carry_out()
        if step in {"take", "stale", "control"}:
            span = range(at, at + (1 if step == "control" and at % 4 == 3 else 3))
            found = records(*(offset for offset in span if offset % 4 != 3))
            batch = lanes.arrive(Taken(ORDERS, epoch, at, found, span.stop, span.stop))
            at = span.stop
            queue.extend([batch] if batch is not None else [])
        elif step == "hand":
            hand()
        elif step == "lose" and queue:
            queue.pop(0)
        elif step == "seek":
            # As after a refused commit: what was not stored is forgotten and read again.
            stored = lanes.position(ORDERS) // 2
            handed = [offset for offset in handed if offset < stored]
            lanes.seek(ORDERS, stored)
    assert handed == [offset for offset in range(lanes.position(ORDERS)) if offset % 4 != 3][: len(handed)]
    assert lanes.lane(ORDERS).waiting == 0 or lanes.gaps
