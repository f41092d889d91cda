"""What is broken, by name: each fault ends with everything in order again, as far as it was the fault's.

A module for each thing that can break.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.chaos.faults import kafka, redis, rivals, workers
from tests.chaos.stage import Stage

Fault = Callable[[Stage], Awaitable[None]]

FAULTS: dict[str, Fault] = {
    "worker killed three times": workers.worker_killed,
    "worker told to stop, and restarted": workers.worker_restarted,
    "worker frozen past its session": workers.worker_frozen,
    "worker joins": workers.worker_joins,
    "worker leaves": workers.worker_leaves,
    "two workers told to own one shard": rivals.two_owners,
    "Kafka killed and restarted": kafka.kafka_killed,
    "Redis killed and restarted": redis.redis_killed,
    "Redis rolled back": redis.redis_rolled_back,
    "Redis' append-only file cut": redis.redis_file_cut,
    "Redis stalled for 30 s": redis.redis_stalled,
    "Redis out of memory": redis.redis_out_of_memory,
    "Redis unable to write to its disk": redis.redis_disk_full,
    "Redis read-only": redis.redis_read_only,
    "scripts flushed": redis.scripts_flushed,
    "connections to Redis reset": redis.connections_reset,
}
