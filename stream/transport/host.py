"""What the transport asks of the engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol, runtime_checkable

from faust.types import TP

from stream.transport.batch import Batch


@runtime_checkable
class ShardHost(Protocol):
    """The engine as the transport sees it: it holds shards, and its positions are the truth."""

    async def revoke(self) -> None:
        """Stop all shards, await the commits in flight, drop what is buffered.

        Called at every revocation, before a shutdown, and after an ``assign`` that was cancelled.
        """

    async def assign(self, shards: Mapping[int, Mapping[str, int]], generation: int) -> Mapping[TP, int]:
        """Claim shards and say where to read from.

        Parameters
        ----------
        shards
            Partition to ``{topic: last stable offset now}``, all topics of each partition.
        generation
            Generation of the consumer group.

        Returns
        -------
        Mapping[TP, int]
            Next offset to process of every topic-partition; -1 for one never read (the log's beginning).
        """

    def positions(self) -> Mapping[TP, int]:
        """Positions that are committed in Redis; -1 or absent while there is none."""

    def lost(self) -> Collection[int]:
        """Shards that were claimed here, and turned out to belong to another worker since."""

    async def offer(self, batch: Batch) -> None:
        """Take a batch. May wait, but never for records of another topic-partition."""
