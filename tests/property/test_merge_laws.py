"""Laws of reading several topics as one: order of time, nothing lost, and batch boundaries that do not matter."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream.contracts.block import EventBlock
from stream.contracts.events import COMPLETED, DeadLetter, OrderEvent, PrivacyEvent
from stream.contracts.ids import hash_id
from stream.contracts.topics import INPUT_RANK
from stream.transport.merge import TopicMerge

NAMES = list(INPUT_RANK)

logs = st.fixed_dictionaries({name: st.lists(st.integers(0, 20), max_size=12).map(sorted) for name in NAMES})
cuts = st.lists(st.integers(1, 5), min_size=1, max_size=40)


def events_of(log: list[int], topic: str = "orders") -> list[Any]:
    """Events of these moments, whose customer is named like the topic: one in three is no plain order."""
    return [
        PrivacyEvent("customer.erase", at, topic, 1, "e", offset)
        if offset % 3 == 2
        else OrderEvent(COMPLETED, at, topic, 1, hash_id("e"), "e", 1, "", offset)
        for offset, at in enumerate(log)
    ]


def merged(
    log: dict[str, list[int]], sizes: list[int], takes: list[int]
) -> tuple[list[tuple[int, int, int]], dict[str, int]]:
    """Feed the topics in turn, in batches of these sizes; what came out taking so many at a time, and the positions."""
    merge = TopicMerge(INPUT_RANK)
    pending = {name: events_of(rows, name) for name, rows in log.items()}
    out: list[tuple[int, int, int]] = []
    positions = dict.fromkeys(NAMES, 0)
    turn = 0
    while any(pending.values()) or len(merge):
        name = NAMES[turn % len(NAMES)]
        size = sizes[turn % len(sizes)]
        rows, pending[name] = pending[name][:size], pending[name][size:]
        if rows:
            merge.offer(name, EventBlock.of(rows), rows[-1].offset + 1)
        while (taken := merge.take(takes[turn % len(takes)], lambda topic: bool(pending[topic]))) is not None:
            out += [(event.at, NAMES.index(event.customer), event.offset) for event in taken.events]
            for topic, offset in taken.positions.items():
                assert offset > positions[topic]
                positions[topic] = offset
        turn += 1
    return out, positions


@given(logs, cuts, cuts)
def test_one_sequence_in_order_of_time_topic_and_offset(
    log: dict[str, list[int]], sizes: list[int], takes: list[int]
) -> None:
    out, positions = merged(log, sizes, takes)
    everything = [(at, NAMES.index(name), offset) for name, rows in log.items() for offset, at in enumerate(rows)]
    assert out == sorted(everything)
    assert positions == {name: len(rows) for name, rows in log.items()}


@given(st.lists(st.integers(0, 20), min_size=1, max_size=12), st.lists(st.integers(0, 20), max_size=12).map(sorted))
def test_within_a_topic_the_offsets_keep_their_order(late: list[int], other: list[int]) -> None:
    out, _ = merged({name: [] for name in NAMES} | {"orders": late, "interactions": other}, [3], [2])
    assert [offset for _, rank, offset in out if rank == NAMES.index("orders")] == list(range(len(late)))


def test_nothing_is_passed_over_while_a_topic_has_more() -> None:
    merge = TopicMerge(INPUT_RANK)
    merge.offer("orders", EventBlock.of(events_of([1, 2, 3])), 3)
    assert merge.take(10, lambda topic: topic == "interactions") is None
    merge.offer("interactions", EventBlock.of(events_of([2])), 1)
    taken = merge.take(10, lambda topic: topic == "interactions")
    assert taken is not None
    # The order at 2 goes before the interaction at 2; the one at 3 waits: there may be an interaction before it.
    assert [event.at for event in taken.events] == [1, 2, 2]  # type: ignore[union-attr]


def test_a_dead_letter_goes_as_soon_as_it_is_reached() -> None:
    merge = TopicMerge(INPUT_RANK)
    letter = DeadLetter("orders", 0, 0, "value", "is empty", None, None)
    merge.offer("orders", EventBlock.of([letter, *events_of([0, 9])[1:]]), 2)
    merge.offer("interactions", EventBlock.of(events_of([5])), 1)
    taken = merge.take(10, lambda _: False)
    assert taken is not None
    assert [getattr(event, "at", None) for event in taken.events] == [None, 5, 9]
