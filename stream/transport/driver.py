"""Faust transport ``scorer://host:port,…``: Kafka, with one message a batch.

Found through the entry point ``faust.transports``, by the scheme of the broker address.
"""

from __future__ import annotations

from typing import Any, ClassVar

from faust.transport.drivers.aiokafka import Transport as KafkaTransport

from stream.transport.consumer import Consumer

SCHEME = "scorer"


class Transport(KafkaTransport):
    """Kafka through aiokafka, with the consumer of this package.

    Examples
    --------
    >>> Transport.Consumer.__module__
    'stream.transport.consumer'
    """

    Consumer: ClassVar[type[Any]] = Consumer
