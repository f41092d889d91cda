"""How a commit is packed: what is refused before it is sent, and that the largest numbers stay exact."""

import msgspec
import pytest

from stream.state.packed import pack_records, pack_timers
from stream.store.commit import Commit, pack
from stream.store.keys import Keys

KEYS = Keys("scorer", 3)


def packed(commit):
    keys, (owner, plan, *blobs) = pack(commit, KEYS, "me", "2-me", "1-me")
    return keys, owner, msgspec.msgpack.decode(plan), blobs


def test_blobs_lie_beside_the_plan_in_order():
    records, timers = pack_records([("a", b"12"), ("b", b"3")]), pack_timers([("b", float("inf")), ("c", 7)])
    _, owner, plan, blobs = packed(Commit(records=records, timers=timers, outbox=[b"45", b"6"], forget=["d"]))
    assert owner == "me"
    assert plan[:6] == ["2-me", "1-me", [], ["a", 2, "b", 1], [float("inf"), "b", 7, "c"], ["d"]]
    assert len(plan) == 12
    assert blobs == [b"123", b"45", b"6"]


def test_every_key_is_of_the_one_slot():
    keys, *_ = packed(Commit(cells={"r:h:1": {"orders": 1}}, drop_cells=["r:h:0"]))
    assert {key.split("}")[0] for key in keys} == {"scorer:{3"}
    assert keys[7:] == ["scorer:{3}:r:h:1", "scorer:{3}:r:h:0"]


def test_deltas_of_nothing_are_left_out_and_the_largest_go_as_text():
    _, _, plan, _ = packed(Commit(histograms={"a": 0, "b": -(2**63)}, counters={"c": 2**63 - 1}))
    assert plan[6] == ["b", "-9223372036854775808"]
    assert plan[7] == ["c", "9223372036854775807"]


@pytest.mark.parametrize("delta", [2**63, -(2**63) - 1])
def test_a_delta_beyond_64_bits_is_refused(delta):
    with pytest.raises(ValueError, match="'revenue' does not fit 64 bits"):
        packed(Commit(cells={"r:h:1": {"revenue": delta}}))


@pytest.mark.parametrize("name", ["owner", "generation", "begun", "landed", "trims", "waiting", "pos:orders", "sent:x"])
def test_the_fields_of_the_store_are_not_the_engines(name):
    with pytest.raises(ValueError, match="own fields of meta"):
        packed(Commit(meta={name: "1"}))
