"""The Kafka client of a worker, as the scorer needs it."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import NoError, RebalanceInProgressError, for_code
from aiokafka.protocol.group import HeartbeatRequest
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from faust.types.settings import Settings

from stream.transport.ending import CANCEL_SECONDS_MAX, at_most

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


async def close_client(client: AIOKafkaConsumer, seconds_max: float) -> None:
    """Leave the group and close the connections, as far as Kafka lets us in good time.

    Parameters
    ----------
    client
        Started or not.
    seconds_max
        How long leaving may take; then the group gives us up by itself after the session's time.
    """
    # Before it leaves, the client waits without a bound for whatever it was asking its coordinator.
    if not await at_most(seconds_max, "leaving the consumer group", client.stop()):
        await at_most(CANCEL_SECONDS_MAX, "closing the connections to Kafka", client._client.close())  # noqa: SLF001


async def is_current(client: AIOKafkaConsumer, generation: int) -> bool:
    """Ask the broker whether a generation is the group's current one, and the client a member of it.

    Parameters
    ----------
    client
        Member of the group.
    generation
        Generation of the group.

    Returns
    -------
    bool
        Also true while the group prepares the next one.

    Raises
    ------
    KafkaError
        If the broker gives no answer; try again.
    """
    coordinator = client._coordinator  # noqa: SLF001 - what it knows of the group has no public door
    if coordinator.generation != generation:
        return False
    request = HeartbeatRequest(coordinator.group_id, generation, coordinator.member_id)
    error = for_code((await coordinator._send_req(request)).error_code)  # noqa: SLF001
    if error in {NoError, RebalanceInProgressError}:
        return True
    if error.retriable:
        raise error
    return False
