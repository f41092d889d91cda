"""Kafka and Redis left running for a developer, until Ctrl-C."""

from __future__ import annotations

import signal
import sys
import threading
from pathlib import Path

from stream.embedded.kafka import EmbeddedKafka
from stream.embedded.redis import EmbeddedRedis

LOOK_SECONDS = 1.0


def up(kafka_port: int | None, redis_port: int | None, directory: Path | None) -> None:
    """Start both, print the settings that point to them, and stay until Ctrl-C or SIGTERM.

    Call it from the main thread: it takes these two signals for as long as it runs.

    Parameters
    ----------
    kafka_port, redis_port
        Ports on loopback; None takes free ones.
    directory
        Where their data and logs are kept from one time to the next; None forgets everything at the end.

    Raises
    ------
    EmbeddedFailed
        One did not start, or ended by itself; the other is stopped.
    """
    asked = threading.Event()
    previous = {each: signal.signal(each, lambda *_: asked.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        with (
            EmbeddedRedis(directory and directory / "redis", port=redis_port) as redis,
            EmbeddedKafka(directory and directory / "kafka", port=kafka_port) as kafka,
        ):
            sys.stdout.write(f"STREAM_KAFKA={kafka.bootstrap}\nSTREAM_REDIS_URL={redis.url}\n")
            sys.stdout.write(f"Logs: {kafka.log_file} {redis.log_file}\nCtrl-C stops both.\n")
            sys.stdout.flush()
            while not asked.wait(LOOK_SECONDS):
                kafka.check()
                redis.check()
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
