"""What one event costs, part by part, measured on the parts themselves: CPU microseconds an event."""

from __future__ import annotations

import gc
import time
from itertools import islice
from typing import NamedTuple

from stream.app import GC_THRESHOLDS
from stream.contracts.decode import Decoder
from stream.contracts.topics import Topics
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.state.announcements import Announcer
from stream.state.model import compile_model
from stream.state.shard import ShardState
from stream.store.commit import Commit, pack
from stream.store.keys import Keys
from stream.transport.warm_up import warm_up
from tests.bench.workload import Workload
from tests.kit.memory import LIMITS, NOW_EVENT
from tests.oracle import shard_of

BATCH = 5_000


class Record(NamedTuple):
    """As much of a Kafka record as decoding looks at."""

    offset: int
    timestamp: int
    key: bytes
    value: bytes


def costs(load: Workload) -> dict[str, float]:
    """CPU µs an event of each part for one shard of the load; and how many messages an event leads to."""
    records = [
        Record(number, 2**52, customer.encode(), value)
        for number, (customer, value, _) in enumerate(islice(load.orders(), load.events))
        if shard_of(customer, load.partitions) == 0
    ]
    topics, keys = Topics(), Keys("costs", 0)
    decoder = Decoder(topics, "EUR")
    state = ShardState(compile_model(default_policy(), DEFAULT_CALIBRATION), Announcer(topics), LIMITS)
    seconds = dict.fromkeys(("decode", "score and decide", "pack the commit"), 0.0)
    messages = 0
    warm_up()
    # As the worker has it: with the default, the collector looks through all the records held here, again and again.
    gc.set_threshold(*GC_THRESHOLDS)
    gc.collect()
    for first in range(0, len(records), BATCH):
        began = time.process_time()
        events = decoder.decode("orders", 0, records[first : first + BATCH], 2**53)
        decoded = time.process_time()
        missing = state.missing(events)
        state.admit(missing, [None] * len(missing))
        outcome = state.apply(events, NOW_EVENT)
        scored = time.process_time()
        commit = Commit.of(outcome, [("orders", first, first + BATCH)])
        pack(commit, keys, "owner", "1-owner", "0")
        packed = time.process_time()
        for part, spent in zip(seconds, (decoded - began, scored - decoded, packed - scored), strict=True):
            seconds[part] += spent
        messages += sum(outcome.decisions.values())
    n = len(records)
    return {part: 1e6 * spent / n for part, spent in seconds.items()} | {"messages an event": messages / n}
