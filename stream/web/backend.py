"""Where the API gets its answers: any customer, from any worker, straight from Redis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

from stream.contracts.money import exponent_of
from stream.state.customer import UNSET
from stream.state.model import Model
from stream.state.view import describe_bytes
from stream.store.calls import Client, call
from stream.store.keys import Keys, shard_of
from stream.tables.answers import answer
from stream.tables.questions import Question

_CLOCK = "clock"


class Backend(Protocol):
    """What the API asks."""

    async def record(self, customer_id: str) -> dict[str, Any] | None:
        """The public record of a customer; None for one never heard of.

        Raises
        ------
        StoreUnavailable
            Redis cannot be reached.
        """

    async def table(self, question: Question) -> dict[str, Any]:
        """A rolling table as it is now.

        Raises
        ------
        StoreUnavailable
            Redis cannot be reached.
        """

    def ready(self) -> tuple[bool, str]:
        """Whether shards are claimed and positions read; and why not, in words."""


class StoreBackend:
    """Answers from Redis.

    Parameters
    ----------
    redis
        A client from `stream.store.connection.connect`.
    prefix
        Put before every Redis key.
    partitions
        Number of shards.
    clock
        ``wall``: records and tables are as of `now`. ``event``: records as of their shard's own clock, tables as of
        the latest of all.
    base_currency
        Says how many decimal places money has.
    model
        Gives the rules in use; asked at every record, because they change.
    now
        The wall clock, ms.
    ready
        Says whether the worker is ready; always, where it is left out.
    """

    def __init__(
        self,
        redis: Client,
        prefix: str,
        partitions: int,
        *,
        clock: Literal["wall", "event"],
        base_currency: str,
        model: Callable[[], Model],
        now: Callable[[], int],
        ready: Callable[[], tuple[bool, str]] = lambda: (True, "ready"),
    ) -> None:
        self._redis = redis
        self._prefix = prefix
        self._partitions = partitions
        self._clock = clock
        self._exponent = exponent_of(base_currency)
        self._model = model
        self._now = now
        self._ready = ready

    async def record(self, customer_id: str) -> dict[str, Any] | None:
        """The public record of a customer as it is now; None for one never heard of.

        Raises
        ------
        StoreUnavailable
            Redis cannot be reached.
        RecordError
            The stored bytes are no record of this version.
        """
        keys = Keys(self._prefix, shard_of(customer_id, self._partitions))
        blob: bytes | None = await call(self._redis, "HGET", keys.records, customer_id)
        if blob is None:
            return None
        as_of = self._now() if self._clock == "wall" else await self._shard_clock(keys)
        return describe_bytes(blob, customer_id, as_of, self._model(), self._exponent)

    async def table(self, question: Question) -> dict[str, Any]:
        """A rolling table up to now, or up to the latest clock of the shards; see `stream.tables.answers.answer`.

        Raises
        ------
        StoreUnavailable
            Redis cannot be reached.
        """
        return await answer(
            self._redis,
            self._prefix,
            self._partitions,
            question,
            now=self._now() if self._clock == "wall" else None,
            exponent=self._exponent,
            themes=self._model().policy.themes,
        )

    def ready(self) -> tuple[bool, str]:
        """What the worker says of itself."""
        return self._ready()

    async def _shard_clock(self, keys: Keys) -> int | None:
        found: bytes | None = await call(self._redis, "HGET", keys.meta, _CLOCK)
        clock = UNSET if found is None else int(found)
        return None if clock == UNSET else clock
