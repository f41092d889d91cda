"""The Kafka client of a worker, as the scorer needs it."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from faust.types.settings import Settings

FETCH_WAIT_MS = 100
"""How long the broker may hold a fetch that finds nothing. While it is held, no other partition of that broker is
fetched, so this bounds how long a partition with a backlog waits for its silent neighbours."""

NEVER_MS = 2**31 - 1
"""``max_poll_interval``: the client would leave the group for good after that much silence of ours (faust #517); a
worker that stands still is the watchdog's business."""


def kafka_client(conf: Settings, servers: list[str]) -> AIOKafkaConsumer:
    """Make the client; to be called in the thread that runs it.

    Parameters
    ----------
    conf
        Faust's settings.
    servers
        Brokers to start from, ``host:port``.

    Returns
    -------
    AIOKafkaConsumer
        Not started yet.
    """
    # Range: partition p of every topic goes to the same member, so a shard is whole on one worker.
    return AIOKafkaConsumer(
        client_id=conf.broker_client_id,
        group_id=conf.id,
        group_instance_id=conf.consumer_group_instance_id,
        bootstrap_servers=servers,
        partition_assignment_strategy=[RangePartitionAssignor],
        enable_auto_commit=False,
        # An offset outside the log is an error to be told, never a silent jump.
        auto_offset_reset="none",
        isolation_level="read_committed",
        max_poll_interval_ms=NEVER_MS,
        max_partition_fetch_bytes=conf.consumer_max_fetch_size,
        fetch_max_wait_ms=FETCH_WAIT_MS,
        request_timeout_ms=int(conf.broker_request_timeout * 1000),
        check_crcs=conf.broker_check_crcs,
        session_timeout_ms=int(conf.broker_session_timeout * 1000),
        rebalance_timeout_ms=int(conf.broker_rebalance_timeout * 1000),
        heartbeat_interval_ms=int(conf.broker_heartbeat_interval * 1000),
        metadata_max_age_ms=conf.consumer_metadata_max_age_ms,
        connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
        **credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
    )
