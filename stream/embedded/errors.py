"""What can go wrong with the embedded parts, each told to the person who started them."""

from __future__ import annotations


class EmbeddedFailed(RuntimeError):
    """An embedded part could not be started, or stopped by itself."""


class KafkaFailed(EmbeddedFailed):
    """The broker did not start, or ended on its own; the message quotes the end of its log."""


class RedisFailed(EmbeddedFailed):
    """The Redis server did not start, or ended on its own; the message quotes the end of its log."""


class DownloadFailed(EmbeddedFailed):
    """A jar of Kafka could not be fetched, or is not the file that was asked for."""


class JavaMissing(EmbeddedFailed):
    """No Java runtime that is new enough was found."""
