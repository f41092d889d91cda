"""The chaos suite's own judgement: what it deals, what it sees, what it says of it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from stream.contracts.decisions import Message
from tests.chaos.faults import FAULTS
from tests.chaos.load import Load
from tests.chaos.play import Report
from tests.chaos.reader import Seen
from tests.chaos.schedule import FAULTS_OF_A_RUN, schedule_of
from tests.chaos.table import as_text, rows_of
from tests.kit.place import PARTITIONS
from tests.oracle import shard_of


def test_every_fault_is_dealt_within_as_few_seeds_as_hold_them():
    seeds = -(-len(FAULTS) // FAULTS_OF_A_RUN)
    dealt = [fault for seed in range(1, seeds + 1) for fault in schedule_of(seed, list(FAULTS)).faults]
    assert set(dealt) == set(FAULTS)


def test_a_seed_brings_the_same_every_time_and_another_seed_something_else():
    assert schedule_of(3, list(FAULTS)) == schedule_of(3, list(FAULTS))
    assert schedule_of(3, list(FAULTS)).faults != schedule_of(4, list(FAULTS)).faults
    assert Load.of(3, 500) == Load.of(3, 500) != Load.of(4, 500)


def test_a_load_is_in_order_of_time_and_every_topic_of_every_shard_has_something():
    load = Load.of(1, 2_000)
    assert len(load) >= 2_000
    moments = [event["occurred_at"] for _, event in load.written]
    assert moments == sorted(moments)
    places = {(topic, shard_of(event["customer_id"], PARTITIONS)) for topic, event in load.written}
    assert len(places) == 4 * PARTITIONS
    accounting = load.expected().accounting
    assert accounting["duplicates"] > 0
    assert accounting["dead_letters"] > 0


def message(number, version):
    return Message(
        str(number), "tier-changes", "c", "customer.tier.changed", 0, json.dumps({"version": version}).encode()
    )


@pytest.mark.parametrize(
    ("versions", "doubled", "out_of_order", "skipped"),
    [((1, 2, 3), 0, 0, 0), ((1, 1, 2), 1, 0, 0), ((1, 3, 2), 0, 1, 1), ((1, 3), 0, 0, 1)],
)
def test_the_reader_sees_what_is_wrong(versions, doubled, out_of_order, skipped):
    seen = Seen()
    for version in versions:
        seen.read(message(version, version))
    assert (len(seen.doubled), len(seen.out_of_order), len(seen.skipped)) == (doubled, out_of_order, skipped)


def test_the_table_says_which_fault_was_never_run_and_which_did_harm():
    report = Report(schedule_of(1, ["a"]), stalls=[("a", 1.0), ("a", 3.0)])
    rows = rows_of([report, replace(report, lost=2, stalls=[("b", 61.0)])], ["a", "b", "c"])
    assert [(row.fault, row.runs, row.lost, row.longest_stall_seconds, row.well) for row in rows] == [
        ("a", 1, 0, 3.0, True),
        ("b", 1, 2, 61.0, False),
        ("c", 0, 0, 0.0, False),
    ]
    assert "| b     |    1 |    2 |" in as_text(rows)
