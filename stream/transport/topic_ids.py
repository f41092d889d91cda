"""Which topic a name stands for: Kafka gives every topic an id, and a topic that is made anew gets another.

The client library knows topics by name alone, so the question is put here, in the tenth version of Kafka's Metadata
request: the first one that is answered with ids (Kafka 2.8).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from io import BytesIO
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import IncompatibleBrokerVersion
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Boolean, CompactArray, CompactString, Int16, Int32, Schema, TaggedFields

_UUID_BYTES: Final = 16
_NONE: Final = bytes(_UUID_BYTES)
"""What stands for no id: in a question by name, and in the answer for a topic that is not there."""


class _Uuid(AbstractType):  # type: ignore[misc] # aiokafka has no types
    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: BytesIO) -> bytes:
        return data.read(_UUID_BYTES)


class _Answer(Response):  # type: ignore[misc]
    API_KEY = 3
    API_VERSION = 10
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString()),
                ("port", Int32),
                ("rack", CompactString()),
                ("tags", TaggedFields),
            ),
        ),
        ("cluster_id", CompactString()),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("name", CompactString()),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", TaggedFields),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", TaggedFields),
            ),
        ),
        ("authorized_operations", Int32),
        ("tags", TaggedFields),
    )


class _Question(RequestStruct):  # type: ignore[misc]
    FLEXIBLE_VERSION = True
    API_KEY = 3
    API_VERSION = 10
    RESPONSE_TYPE = _Answer
    SCHEMA = Schema(
        ("topics", CompactArray(("topic_id", _Uuid), ("name", CompactString()), ("tags", TaggedFields))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", TaggedFields),
    )


class _TopicIds(Request[_Question]):  # type: ignore[misc]
    API_KEY = 3

    def __init__(self, topics: Iterable[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: type[_Question]) -> _Question:
        return request_struct_class([(_NONE, topic, {}) for topic in self._topics], False, False, False, {})  # noqa: FBT003


class NoTopicIds(RuntimeError):
    """The broker is too old to have topic ids (older than Kafka 2.8)."""


async def topic_ids(client: AIOKafkaClient, topics: Iterable[str]) -> dict[str, str]:
    """Ask a broker for the ids of topics.

    Parameters
    ----------
    client
        Connected; of a consumer or an admin client, in whose event loop this must run.
    topics
        Names of topics.

    Returns
    -------
    dict[str, str]
        Topic to id, as Kafka's own tools print it. A topic that is not there is left out.

    Raises
    ------
    NoTopicIds
        The broker is too old.
    KafkaError
        No broker answers.
    """
    try:
        answer = await client.send(client.get_random_node(), _TopicIds(topics))
    except (IncompatibleBrokerVersion, NotImplementedError) as error:
        raise NoTopicIds(str(error)) from error
    return {topic[1]: _printed(topic[2]) for topic in answer.topics if topic[2] != _NONE}


def _printed(topic_id: bytes) -> str:
    return base64.urlsafe_b64encode(topic_id).decode().rstrip("=")
