"""What is broken, by name: each fault ends with everything in order again, as far as it was the fault's.

A module for each thing that can break.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.chaos.faults import kafka, moments, network, redis, rivals, topics, workers
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
    "topic created anew": topics.topic_created_anew,
    "retention deleted the stored position": topics.retention_deleted_the_stored_position,
    "Redis killed and restarted": redis.redis_killed,
    "Redis rolled back": redis.redis_rolled_back,
    "Redis' append-only file cut": redis.redis_file_cut,
    "Redis stalled for 30 s": redis.redis_stalled,
    "Redis out of memory": redis.redis_out_of_memory,
    "Redis unable to write to its disk": redis.redis_disk_full,
    "Redis read-only": redis.redis_read_only,
    "scripts flushed": redis.scripts_flushed,
    "connections to Redis reset": redis.connections_reset,
    "connections to Redis reset in mid-answer": network.redis_reset_in_answer,
    "connections to Kafka reset": network.kafka_reset,
    "network to Redis slow": network.redis_slow,
    "network to Kafka slow": network.kafka_slow,
    "network to Redis half open": network.redis_half_open,
    "network to Kafka half open": network.kafka_half_open,
    "Kafka unreachable at the start": network.kafka_unreachable_at_start,
    "worker killed between commit and relay": moments.between_commit_and_relay,
    "worker killed between relay and trim": moments.between_relay_and_trim,
}
