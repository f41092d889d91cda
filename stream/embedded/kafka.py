"""A real Apache Kafka on this machine: one process that is broker and controller, on loopback."""

from __future__ import annotations

import base64
import struct
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from stream.embedded.errors import EmbeddedFailed, KafkaFailed
from stream.embedded.jars import classpath
from stream.embedded.java import java
from stream.embedded.kafka_config import LOG4J, as_text, server_properties
from stream.embedded.ports import LOOPBACK, exchange, free_ports
from stream.embedded.server import Server

PROBE_ANSWER_SECONDS = 2.0
FORMAT_SECONDS_MAX = 60.0

_API_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
"""The request for the calls that a broker knows (key 18, version 0), the first that any client sends."""
_ANSWER_HEAD = struct.Struct(">iih")
"""Length, number of the request, error code."""


class EmbeddedKafka(Server):
    """Apache Kafka, started for this program.

    Parameters
    ----------
    directory
        Where the logs live, kept afterwards; None makes a temporary one that `close` removes.
    port
        Port on loopback; None takes a free one, the same at every start.
    heap_mb_max
        Memory that its objects may take, in MiB. The process takes about 250 MiB more than it fills of these.
    properties
        Broker settings to add or replace, by their Kafka names.
    start_seconds_max
        How long it may take until it answers; 2 s are usual.
    stop_seconds_max
        How long it may take to stop in an orderly way before it is killed.

    Examples
    --------
    ::

        with EmbeddedKafka() as kafka:
            producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    """

    name: ClassVar[str] = "Kafka"
    failure: ClassVar[type[EmbeddedFailed]] = KafkaFailed
    port_taken: ClassVar[str] = "Address already in use"

    def __init__(
        self,
        directory: Path | str | None = None,
        *,
        port: int | None = None,
        heap_mb_max: int = 512,
        properties: Mapping[str, str] | None = None,
        start_seconds_max: float = 60.0,
        stop_seconds_max: float = 30.0,
    ) -> None:
        super().__init__(directory, port=port, start_seconds_max=start_seconds_max, stop_seconds_max=stop_seconds_max)
        self._heap_mb_max = heap_mb_max
        self._properties = dict(properties or {})

    @property
    def bootstrap(self) -> str:
        """Address for clients, ``host:port``."""
        return f"{LOOPBACK}:{self.port}"

    def _prepare(self) -> None:
        data, scratch = self.directory / "data", self.directory / "scratch"
        scratch.mkdir(exist_ok=True)
        (controller_port,) = free_ports(1)
        properties = server_properties(
            data=data, port=self.port, controller_port=controller_port, extra=self._properties
        )
        self._settings_file.write_text(as_text(properties), encoding="utf-8")
        self._log_settings_file.write_text(LOG4J, encoding="utf-8")
        if not (data / "meta.properties").exists():
            self._format()

    def _format(self) -> None:
        """Give the empty data directory its identity, with Kafka's own tool."""
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        tool = [
            "kafka.tools.StorageTool",
            "format",
            # In one word: one id in 64 begins with "-", which would be taken for an option.
            f"--cluster-id={cluster}",
            "--config",
            str(self._settings_file),
        ]
        done = subprocess.run(
            # Compiled lightly: it runs for half a second.
            [*self._java("-XX:TieredStopAtLevel=1"), *tool],
            capture_output=True,
            text=True,
            check=False,
            timeout=FORMAT_SECONDS_MAX,
        )
        if done.returncode != 0:
            raise KafkaFailed(
                f"Kafka could not prepare {self.directory / 'data'}:\n{(done.stdout + done.stderr).strip()}\n"
                "If a setting is named there, look at `properties`; else give it another directory."
            )

    def _command(self) -> list[str]:
        return [
            *self._java(f"-Xmx{self._heap_mb_max}m", f"-Dlog4j2.configurationFile={self._log_settings_file}"),
            "kafka.Kafka",
            str(self._settings_file),
        ]

    def _java(self, *flags: str) -> list[str]:
        return [
            str(java()),
            # The collector with the least memory and threads of its own: the worker wants the cores.
            "-XX:+UseSerialGC",
            # No file of counters for other tools, and native libraries unpacked here: nothing is left behind.
            "-XX:-UsePerfData",
            f"-Djava.io.tmpdir={self.directory / 'scratch'}",
            *flags,
            "-cp",
            classpath(),
        ]

    def _answers(self) -> bool:
        # The port is open some time before requests are served; only an answer says that they are.
        answer = exchange(self.port, _API_VERSIONS, timeout_seconds=PROBE_ANSWER_SECONDS)
        return len(answer) >= _ANSWER_HEAD.size and _ANSWER_HEAD.unpack_from(answer)[2] == 0

    @property
    def _settings_file(self) -> Path:
        return self.directory / "server.properties"

    @property
    def _log_settings_file(self) -> Path:
        return self.directory / "log4j2.properties"
