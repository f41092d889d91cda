"""Topics of a test, made and seen to be there."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.commands.topics import SHOWN_SECONDS_MAX, hidden_topics


@asynccontextmanager
async def admin_at(bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def make_topics(admin: AIOKafkaAdminClient, topics: Iterable[NewTopic]) -> None:
    """Make topics, and wait until the brokers show them: before, a consumer or producer may be told there are none."""
    made = await admin.create_topics(list(topics))
    assert all(not code for _, code, *_ in made.topic_errors), made
    hidden = await hidden_topics(admin, [name for name, *_ in made.topic_errors], SHOWN_SECONDS_MAX)
    assert not hidden, hidden


async def make_counted(bootstrap: str, counts: Mapping[str, int], **configs: str) -> None:
    """Make topics of these numbers of partitions, all with the same settings."""
    async with admin_at(bootstrap) as admin:
        await make_topics(admin, [NewTopic(name, count, 1, topic_configs=configs) for name, count in counts.items()])
