from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.contracts.block import EventBlock
from stream.contracts.events import CANCELLED, COMPLETED, InteractionEvent, OrderEvent, ProfileEvent
from stream.state.known_names import KnownNames, read_names
from stream.state.table_names import OTHER


def order(number, channel, kind=COMPLETED):
    return OrderEvent(kind, number, f"c-{number}", number, number, f"e-{number}", 100, channel, number)


def visit(number, channel):
    return InteractionEvent("login", number, f"c-{number}", number, f"e-{number}", 0, -1, channel, number)


def profile(number, region):
    return ProfileEvent("customer.updated", number, f"c-{number}", number, f"e-{number}", "", region, number)


def shown(names, events, batch):
    """What the plain orders of these events are counted by, read in batches of a size."""
    found = []
    for first in range(0, len(events), batch):
        block = EventBlock.of(events[first : first + batch])
        numbers = names.read(block)
        channels = names.channels()
        found += [channels[number] for row, number in enumerate(numbers.tolist()) if row not in block.others]
    return found


channels = st.sampled_from(("", "web", "app", "store", "wéb", "phone", "x" * 64))
events = st.lists(
    st.one_of(
        st.builds(order, st.integers(1, 99), channels),
        st.builds(order, st.integers(1, 99), channels, st.just(CANCELLED)),
        st.builds(visit, st.integers(1, 99), channels),
    ),
    max_size=12,
)


@given(events, st.integers(1, 12), st.integers(1, 6))
def test_who_gets_a_name_depends_on_the_order_of_the_log_alone(history, batch, names_max):
    firsts = list(dict.fromkeys(event.channel for event in history if event.channel))
    known = firsts[:names_max]
    names = KnownNames(names_max)
    plain = [event.channel for event in history if isinstance(event, OrderEvent) and event.kind == COMPLETED]
    plain = [channel for channel in plain if channel.isascii()]  # others are objects
    assert shown(names, history, batch) == [name if name in known or not name else OTHER for name in plain]
    assert names.over == sum(event.channel not in known for event in history if event.channel)
    assert read_names(names.changes()).get("channel", {}) == {name: place for place, name in enumerate(known)}


def test_names_outlive_a_restart_and_the_limit_still_holds():
    names = KnownNames(2)
    names.read(EventBlock.of([order(1, "web"), profile(2, "north"), profile(3, "south"), profile(4, "east")]))
    stored = names.changes()
    assert stored == {"names:channel": '["web"]', "names:region": '["north","south"]'}
    assert names.changes() == {}
    again = KnownNames(2, {"clock": "1", **stored})
    assert shown(again, [order(5, "app"), order(6, "web"), order(7, "store")], 3) == ["app", "web", OTHER]
    assert again.over == 1
    assert [again.shown("region", name) for name in ("", "north", "east")] == ["", "north", OTHER]
    assert again.changes() == {"names:channel": '["web","app"]'}


@pytest.mark.parametrize("before", [visit(1, "phone"), order(1, "phone", CANCELLED)])
def test_a_name_of_an_event_that_is_not_plain_comes_in_its_turn(before):
    names = KnownNames(1)
    assert shown(names, [before, order(2, "web")], 2) == [OTHER]
    assert list(read_names(names.changes())["channel"]) == ["phone"]
