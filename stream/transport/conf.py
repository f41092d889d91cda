"""How the Faust application is set up, in one place."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, Protocol

import faust
from faust.app.base import BootStrategy
from faust.types import TopicT

from stream.transport.driver import SCHEME
from stream.transport.host import ShardHost
from stream.transport.schema import BatchSchema

FETCH_BYTES = 1 << 20
BUFFERED_BATCHES = 4
ENV_PREFIX = "SCORER_FAUST_"

REBALANCE_SECONDS = 20.0
"""How long the group waits for a member that has to join again. Letting go of all shards takes 12 s at the most."""
ANSWER_SECONDS = 5.0
"""How much longer a request may take: the broker answers one that joins when all have joined. A connection that is dead
in silence is noticed after both."""


class TransportSettings(Protocol):
    """What of the settings concerns the transport."""

    @property
    def kafka(self) -> str: ...  # noqa: D102
    @property
    def group_id(self) -> str: ...  # noqa: D102
    @property
    def partitions(self) -> int: ...  # noqa: D102
    @property
    def batch_records_max(self) -> int: ...  # noqa: D102
    @property
    def commit_interval_seconds(self) -> float: ...  # noqa: D102
    @property
    def session_timeout_seconds(self) -> float: ...  # noqa: D102
    @property
    def retry_seconds_max(self) -> float: ...  # noqa: D102
    @property
    def watchdog_seconds(self) -> float: ...  # noqa: D102
    @property
    def stop_seconds_max(self) -> float: ...  # noqa: D102


class Boot(BootStrategy):
    """Start neither Faust's web server nor its producer.

    The web server binds every address without authentication, and ``faust worker`` switches it on again whatever
    the setting says. Messages leave through the outbox and its relay, never through Faust.
    """

    enable_web = False
    enable_kafka_producer = False


def faust_settings(settings: TransportSettings) -> dict[str, Any]:
    """Keyword arguments of the Faust application.

    Faust lets environment variables (``STREAM_WAIT_EMPTY``, ``BROKER_URL``, ``WEB_PORT`` …) win over arguments, and
    some bear our prefix. It is given a prefix of its own, so that the two cannot meet.

    Parameters
    ----------
    settings
        The scorer's settings.

    Returns
    -------
    dict[str, Any]
        For ``faust.App``.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> given = SimpleNamespace(
    ...     kafka="a:1,b:2",
    ...     group_id="scorer",
    ...     partitions=4,
    ...     batch_records_max=5000,
    ...     commit_interval_seconds=2.8,
    ...     session_timeout_seconds=6.0,
    ... )
    >>> faust_settings(given)["broker"]
    'scorer://a:1;b:2'
    """
    session = settings.session_timeout_seconds
    rebalance = max(REBALANCE_SECONDS, session)
    return {
        "id": settings.group_id,
        "env_prefix": ENV_PREFIX,
        "broker": f"{SCHEME}://" + ";".join(part.strip() for part in settings.kafka.split(",")),
        "broker_max_poll_records": settings.batch_records_max,
        "broker_commit_interval": settings.commit_interval_seconds,
        "broker_session_timeout": session,
        "broker_heartbeat_interval": session / 3,
        "broker_rebalance_timeout": rebalance,
        "broker_request_timeout": rebalance + ANSWER_SECONDS,
        "consumer_max_fetch_size": FETCH_BYTES,
        "consumer_auto_offset_reset": "earliest",
        "topic_partitions": settings.partitions,
        "topic_disable_leader": True,
        "topic_allow_declare": False,
        "table_standby_replicas": 0,
        "stream_buffer_maxsize": BUFFERED_BATCHES,
        "stream_wait_empty": True,
        "stream_recovery_delay": 0.0,
        "stream_processing_timeout": 300.0,
        "web_enabled": False,
        "web_bind": "127.0.0.1",
        "web_host": "127.0.0.1",
        "reply_create_topic": False,
        "autodiscover": False,
        # Faust makes it and, without tables, writes nothing there.
        "datadir": Path(tempfile.gettempdir()) / f"scorer-faust-{os.getuid()}",
    }


class ScorerApp(faust.App):
    """A Faust application that carries the engine and knows the scorer's settings.

    Parameters
    ----------
    settings
        The scorer's settings.
    **changes
        Settings of Faust to change, for tests.

    Attributes
    ----------
    shard_host
        The engine (``ShardHost``); to be set before the application starts.
    scorer_settings
        What was given.
    """

    BootStrategy = Boot

    def __init__(self, settings: TransportSettings, **changes: Any) -> None:  # noqa: ANN401 - settings of many types
        self.scorer_settings = settings
        self.shard_host: ShardHost | None = None
        super().__init__(**{**faust_settings(settings), **changes})

    def batches(self, *topics: str) -> TopicT:
        """The topic to make the agent of: all inputs, a batch an event.

        Parameters
        ----------
        *topics
            Names of the input topics.

        Returns
        -------
        TopicT
            For ``@app.agent(app.batches(...))``.
        """
        return self.topic(*topics, schema=BatchSchema())
