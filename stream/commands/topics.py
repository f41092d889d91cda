"""Topics: which there are, which are missing, and making them."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, for_code
from aiokafka.protocol.metadata import MetadataRequest

from stream.commands.parts import admin_of
from stream.contracts.topics import Topics, TopicSpec
from stream.settings import Settings

SHOWN_SECONDS_MAX: Final = 30.0
"""How long brokers may take to show a topic that the controller has made; usual are a few ms."""

_ALREADY_THERE: Final = 36
_LOOK_SECONDS: Final = 0.05
_HIDDEN: Final = "was made, but broker {} does not show it after {:g} s: see its log, then run this again"


class TopicState(NamedTuple):
    """A topic as it should be, and what was found or done.

    `outcome` is ``created``, ``exists``, ``missing``, ``differs`` (another number of partitions) or ``refused``.
    """

    spec: TopicSpec
    outcome: str
    detail: str = ""

    @property
    def well(self) -> bool:
        """Whether the topic is there as it should be."""
        return self.outcome in {"created", "exists"}


async def partition_counts(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """Number of partitions of every topic of the cluster."""
    # All are asked for: naming one that is missing could make a broker create it.
    return {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics()}


def compare(specs: tuple[TopicSpec, ...], counts: dict[str, int]) -> list[TopicState]:
    """What is there against what should be.

    Examples
    --------
    >>> orders, scores = TopicSpec("orders", 4, False), TopicSpec("customer-scores", 4, True)
    >>> [(state.spec.name, state.outcome) for state in compare((orders, scores), {"orders": 3})]
    [('orders', 'differs'), ('customer-scores', 'missing')]
    """
    return [_state(spec, counts.get(spec.name)) for spec in specs]


async def look(settings: Settings) -> list[TopicState]:
    """The state of every topic.

    Raises
    ------
    aiokafka.errors.KafkaConnectionError
        Kafka cannot be reached.
    """
    async with admin_of(settings) as admin:
        return compare(Topics(settings.topic_prefix).specs(settings.partitions), await partition_counts(admin))


async def create(settings: Settings) -> list[TopicState]:
    """Make the topics that are missing, and wait until they are shown; those that are there are left as they are.

    Raises
    ------
    aiokafka.errors.KafkaConnectionError
        Kafka cannot be reached.
    """
    async with admin_of(settings) as admin:
        found = compare(Topics(settings.topic_prefix).specs(settings.partitions), await partition_counts(admin))
        missing = [state.spec for state in found if state.outcome == "missing"]
        if not missing:
            return found
        answer = await admin.create_topics([_new(spec, settings.replication_factor) for spec in missing])
        made = {name: _made(code, rest) for name, code, *rest in answer.topic_errors}
        created = [name for name, (outcome, _) in made.items() if outcome == "created"]
        hidden = await hidden_topics(admin, created, SHOWN_SECONDS_MAX)
        made |= {name: ("missing", _HIDDEN.format(broker, SHOWN_SECONDS_MAX)) for name, broker in hidden.items()}
        return [TopicState(state.spec, *made.get(state.spec.name, state[1:])) for state in found]


async def hidden_topics(admin: AIOKafkaAdminClient, names: Collection[str], seconds_max: float) -> dict[str, int]:
    """Wait until every broker shows the topics, all their partitions with leaders.

    The answer to a call that makes topics says that the controller has them. Each broker hears of them afterwards, and
    until then denies that they exist: a busy one for seconds (https://github.com/confluentinc/librdkafka/issues/2858).

    Parameters
    ----------
    admin
        Asks the brokers.
    names
        The topics.
    seconds_max
        How long to wait, in seconds.

    Returns
    -------
    dict of str to int
        Those that are still hidden when the time is over, each with a broker that does not show it. A broker that
        does not answer is passed over: no client hears anything of it.
    """
    hidden: dict[str, int] = {}
    try:
        async with asyncio.timeout(seconds_max):
            while hidden := await _hidden(admin, frozenset(names)):  # noqa: ASYNC110 - brokers can only be asked
                await asyncio.sleep(_LOOK_SECONDS)
    except TimeoutError:
        return hidden
    return {}


async def _hidden(admin: AIOKafkaAdminClient, names: frozenset[str]) -> dict[str, int]:
    # The library asks any broker, and has no call to ask a certain one.
    client = admin._client  # noqa: SLF001
    hidden: dict[str, int] = {}
    for broker in client.cluster.brokers():
        try:
            answer = await client.send(broker.nodeId, MetadataRequest(None))
        except KafkaError:
            continue
        shown = {
            topic["topic"]
            for topic in answer.to_object()["topics"]
            if not topic["error_code"] and all(not partition["error_code"] for partition in topic["partitions"])
        }
        hidden |= dict.fromkeys(names - shown, broker.nodeId)
    return hidden


def _state(spec: TopicSpec, count: int | None) -> TopicState:
    if count is None:
        return TopicState(spec, "missing", "make it with: scorer topics create")
    if count != spec.partitions:
        return TopicState(
            spec,
            "differs",
            f"has {count} partitions and must have {spec.partitions}, since a partition is a shard of all topics. Set "
            "STREAM_PARTITIONS to the count that all topics have, or make this topic anew",
        )
    return TopicState(spec, "exists")


def _new(spec: TopicSpec, replicas: int) -> NewTopic:
    return NewTopic(
        spec.name, spec.partitions, replicas, topic_configs={"cleanup.policy": "compact"} if spec.compacted else {}
    )


def _made(code: int, rest: list[str | None]) -> tuple[str, str]:
    if code in {0, _ALREADY_THERE}:
        return "created", ""
    return "refused", (rest[0] if rest else None) or for_code(code).description
