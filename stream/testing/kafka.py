"""A Kafka of one shard, in memory: logs to read, and output topics under one transactional id.

It knows of transactions what the relay relies on: taking the id over ends what its last holder had open and fences
it; a ``read_committed`` reader sees nothing of an open or aborted transaction, and nothing behind an open one.

>>> from stream.contracts.decisions import TIER_CHANGED, Message
>>> kafka = ModelKafka(["orders"])
>>> old = kafka.take_over()
>>> kafka.append(old, "tier-changes", [Message("1f", "tier-changes", "c-1", TIER_CHANGED, 0, b"{}")])
1
>>> new = kafka.take_over()
>>> kafka.commit(old)
Traceback (most recent call last):
aiokafka.errors.ProducerFenced: ...
>>> kafka.committed("tier-changes"), kafka.end("tier-changes")
([], 2)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from aiokafka.errors import MessageSizeTooLargeError, ProducerFenced

from stream.contracts.decisions import Message

VALUE_BYTES_MAX: Final = 1_000
"""The broker takes no larger value."""


class Event(NamedTuple):
    """One record of an input topic; what is said of a large one is more than the broker takes."""

    customer: str
    id: str
    time: int
    large: bool = False


class Written(NamedTuple):
    """One message in an output topic."""

    offset: int
    message: Message


@dataclass
class _Transaction:
    """A transaction: the topics it wrote to, from which offset on, and whether its messages count."""

    first: dict[str, int] = field(default_factory=dict)
    open: bool = True
    committed: bool = False


class ModelKafka:
    """The broker.

    Parameters
    ----------
    inputs
        Input topics.

    Attributes
    ----------
    logs
        Records of each input topic; they are only ever added to.
    epoch
        Of the producer that has the transactional id now.
    """

    def __init__(self, inputs: Iterable[str]) -> None:
        self.logs: dict[str, list[Event]] = {topic: [] for topic in inputs}
        self.epoch = 0
        self._output: dict[str, list[tuple[_Transaction, Message] | None]] = {}
        self._current = _Transaction(open=False)

    # What producers ask

    def take_over(self) -> int:
        """Take the transactional id: what its last holder had open is aborted. Gives the new epoch."""
        self._end(committed=False)
        self.epoch += 1
        return self.epoch

    def append(self, epoch: int, topic: str, messages: Sequence[Message]) -> int:
        """Write messages within a transaction, which begins with the first. Gives the offset after the last.

        Raises
        ------
        aiokafka.errors.ProducerFenced
            Another producer has the transactional id.
        aiokafka.errors.MessageSizeTooLargeError
            One is larger than `VALUE_BYTES_MAX`.
        """
        self._admit(epoch)
        if any(len(message.value) > VALUE_BYTES_MAX for message in messages):
            raise MessageSizeTooLargeError
        if not self._current.open:
            self._current = _Transaction()
        log = self._output.setdefault(topic, [])
        self._current.first.setdefault(topic, len(log))
        log += [(self._current, message) for message in messages]
        return len(log)

    def commit(self, epoch: int) -> None:
        """Let everyone see what the transaction wrote.

        Raises
        ------
        aiokafka.errors.ProducerFenced
            Another producer has the transactional id.
        """
        self._admit(epoch)
        self._end(committed=True)

    def abort(self, epoch: int) -> None:
        """Let nobody ever see it.

        Raises
        ------
        aiokafka.errors.ProducerFenced
            Another producer has the transactional id.
        """
        self._admit(epoch)
        self._end(committed=False)

    def _admit(self, epoch: int) -> None:
        if epoch != self.epoch:
            raise ProducerFenced

    def _end(self, *, committed: bool) -> None:
        if self._current.open:
            self._current.open, self._current.committed = False, committed
            for topic in self._current.first:
                self._output[topic].append(None)  # the marker has an offset of its own

    # What the broker does by itself

    def expire(self) -> None:
        """End a transaction that took too long, and fence who had it."""
        if self._current.open:
            self.take_over()

    def compact(self, topic: str) -> None:
        """Keep only the last message of each key, of what is behind no open transaction."""
        log = self._output.get(topic, [])
        kept: set[str] = set()
        for at in reversed(range(self.stable_end(topic))):
            entry = log[at]
            if entry is not None and entry[0].committed:
                if entry[1].key in kept:
                    log[at] = None
                kept.add(entry[1].key)

    # What readers see

    def end(self, topic: str) -> int:
        """Offset after the last record of an output topic, seen or not."""
        return len(self._output.get(topic, []))

    def stable_end(self, topic: str) -> int:
        """Offset up to which a ``read_committed`` reader can read."""
        return self._current.first.get(topic, self.end(topic)) if self._current.open else self.end(topic)

    def committed(self, topic: str, start: int = 0) -> list[Written]:
        """What a ``read_committed`` reader is given of an output topic from an offset on."""
        log = self._output.get(topic, [])[: self.stable_end(topic)]
        return [
            Written(at, entry[1])
            for at, entry in enumerate(log[start:], start)
            if entry is not None and entry[0].committed
        ]
