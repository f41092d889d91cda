"""Topics: which there are, which are missing, and making them."""

from __future__ import annotations

from typing import Final, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import for_code

from stream.commands.parts import admin_of
from stream.contracts.topics import Topics, TopicSpec
from stream.settings import Settings

_ALREADY_THERE: Final = 36


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
    """Make the topics that are missing; those that are there are left as they are.

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
        return [TopicState(state.spec, *made.get(state.spec.name, state[1:])) for state in found]


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
