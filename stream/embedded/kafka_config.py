"""The settings of a broker that has one machine to itself: loopback only, no replicas, quick to start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from stream.embedded.ports import LOOPBACK

NODE_ID = 1

# Each line is a choice for one machine; what is not named stays as Kafka ships it.
ONE_MACHINE: Mapping[str, str] = {
    # Topics are made on purpose, with the partition count that all inputs share.
    "auto.create.topics.enable": "false",
    # There is one broker, so nothing can be kept twice.
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # Fewer logs to make at the first start: 50 of each are meant for a cluster.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "1",
    # A single worker need not wait for others to join, and a test of a crash need not wait six seconds.
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    # A killed broker may come back only when its former self has been given up; 9 s are meant for a network.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "1000",
    # A replay brings records with the time of their event, years ago; retention would delete them at once.
    "log.retention.ms": "-1",
    "log.retention.bytes": "-1",
    # Two cores and a small heap, shared with the worker.
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "log.cleaner.dedupe.buffer.size": str(16 * 1024 * 1024),
}

LOG4J = """\
rootLogger.level = INFO
rootLogger.appenderRef.stdout.ref = stdout
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d{ISO8601} %-5p %m (%c{1})%n
"""


def server_properties(*, data: Path, port: int, controller_port: int, extra: Mapping[str, str]) -> dict[str, str]:
    """Settings of the broker.

    Parameters
    ----------
    data
        Directory of the logs.
    port
        For clients, on loopback.
    controller_port
        For the broker's own controller, on loopback.
    extra
        Added, and put in the place of what has the same name.
    """
    return {
        "process.roles": "broker,controller",
        "node.id": str(NODE_ID),
        # A fixed list, not one kept in the log: the controller may have another port at the next start.
        "controller.quorum.voters": f"{NODE_ID}@{LOOPBACK}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{port}",
        "log.dirs": str(data),
        **ONE_MACHINE,
        **extra,
    }


def as_text(properties: Mapping[str, str]) -> str:
    r"""Settings in the form of a properties file, one a line.

    Examples
    --------
    >>> as_text({"node.id": "1", "log.dirs": "a\\b"})
    'node.id=1\nlog.dirs=a\\\\b\n'
    """
    return "".join(f"{name}={_escaped(value)}\n" for name, value in properties.items())


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\")
