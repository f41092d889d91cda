"""How a relay delivers, and who counts what it does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from stream.contracts.topics import Topics
from stream.settings import Settings


@dataclass(frozen=True, slots=True)
class RelaySettings:
    """How a relay delivers.

    Attributes
    ----------
    bootstrap
        Brokers, ``host:port,…``.
    transactional_id
        Of this shard, the same wherever it is, see `transactional_id_of`.
    topics
        Names of the topics.
    source
        CloudEvents source, a URI reference.
    batch_max
        Messages of one transaction at most, unless its first bundle alone has more.
    tail_records
        Records of an output partition read back where Redis does not know how far it was delivered.
    ids_max
        Ids of delivered messages kept in memory.
    idle_seconds
        Longest pause between two looks at an empty outbox; `Relay.notify` ends it at once.
    retry_seconds_min, retry_seconds_max
        First and longest pause between two tries after trouble; it doubles.
    transaction_seconds_max
        Longest transaction, and longest wait for a producer to open.
    tail_seconds_max
        Longest time for reading back.
    stop_seconds_max
        How long `Relay.stop` lets a transaction finish.
    client
        Further settings of the Kafka client, such as for TLS.
    """

    bootstrap: str
    transactional_id: str
    topics: Topics
    source: str = "/scorer"
    batch_max: int = 10_000
    tail_records: int = 10_000
    ids_max: int = 200_000
    idle_seconds: float = 1.0
    retry_seconds_min: float = 0.1
    retry_seconds_max: float = 5.0
    transaction_seconds_max: float = 30.0
    tail_seconds_max: float = 60.0
    stop_seconds_max: float = 10.0
    client: Mapping[str, Any] = field(default_factory=dict)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Topics that a relay writes."""
        topics = self.topics
        return (
            topics.tier_changes,
            topics.churn_warnings,
            topics.customer_changes,
            topics.follow_ups,
            topics.customer_scores,
            topics.dead_letters,
        )


def transactional_id_of(settings: Settings, shard: int) -> str:
    """Id under which the outbox of a shard is delivered, whoever does it.

    It names the outbox and the topics it goes to, not the consumer group: two deployments that are told to own the
    same keys, each with a group of its own, then still fence each other. Brokers know one id for all who connect to
    them, so those that share a broker and nothing else must differ in one of the two prefixes.

    Parameters
    ----------
    settings
        Settings of the worker.
    shard
        Partition number.

    Examples
    --------
    >>> transactional_id_of(Settings(topic_prefix="eu.", group_id="any"), 3)
    'eu.scorer-relay-3'
    """
    return f"{settings.topic_prefix}{settings.key_prefix}-relay-{shard}"


class RelayWatch(Protocol):
    """Whoever counts what a relay does; metrics implement it."""

    def delivered(self, shard: int, messages: int, seconds: float) -> None:
        """A transaction was committed, and how long it took."""

    def skipped(self, shard: int, messages: int) -> None:
        """Messages were in Kafka already."""

    def failed(self, shard: int, error: Exception) -> None:
        """Something went wrong and will be tried again."""

    def oversize(self, shard: int, topic: str) -> None:
        """The broker refuses a message for its size; a dead letter goes in its place."""

    def forgotten(self, shard: int, ids: int) -> None:
        """So many ids of delivered messages did not fit ``ids_max``."""
