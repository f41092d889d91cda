"""One shard in Redis: claimed by one worker at a time, changed by whole commits only."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from stream.store.calls import Client, call
from stream.store.commit import Commit, pack
from stream.store.errors import ClaimRefused, StoreTorn
from stream.store.keys import Keys
from stream.store.meta import Claim, Head, Meta, read_meta
from stream.store.replies import refuse, refuse_owner
from stream.store.scripts import CLAIM, COMMIT, HEAD, TRIM
from stream.store.shard_reads import LOAD_CUSTOMERS_MAX, ShardReads

__all__ = ["Claim", "Head", "ShardStore", "new_owner"]

NO_COMMIT: Final = "0"
"""Name of what landed before the first commit."""

TURNS_TO_WRITE: Final = 3
"""Turns of the event loop until redis-py has given a command to the socket: 2 were measured, 1 is for safety."""


def new_owner() -> str:
    """Owner token that no other claim has.

    Examples
    --------
    >>> len(new_owner()), new_owner() == new_owner()
    (32, False)
    """
    return secrets.token_hex(16)


class ShardStore(ShardReads):
    """Reads and commits of one shard by one owner.

    Parameters
    ----------
    redis
        A client from `stream.store.connection.connect`; several shards may share it.
    keys
        Names of the shard's keys.
    owner
        Token of this claim, see `new_owner`. Commits with another token than the stored one are refused, so make
        a new store with a new token for each assignment.

    Notes
    -----
    All methods raise `StoreUnavailable` when Redis cannot be reached or takes no writes. Any other error of
    redis-py is a bug and passes through.
    """

    def __init__(self, redis: Client, keys: Keys, owner: str) -> None:
        super().__init__(redis, keys)
        self.owner = owner
        #: Messages that wait for delivery, as of the last commit, trim or look at the outbox.
        self.outbox_length = 0
        #: Generation of the consumer group under which the shard was claimed; -1 before.
        self.generation = -1
        self._landed = NO_COMMIT
        self._drawn = 0
        self._given: tuple[Commit, str] | None = None
        self._one_at_a_time = asyncio.Lock()

    # Ownership

    async def claim(
        self, generation: int, *, replacing: int | None = None, topics: Mapping[str, str] | None = None
    ) -> Claim:
        """Make the shard mine. Call it when the shard is assigned, and at no other time.

        Parameters
        ----------
        generation
            Generation of the consumer group that assigned the shard.
        replacing
            Take over whatever its age, provided the stored generation is this one. For a group that was deleted
            and counts from 1 again; the caller has asked the broker that ``generation`` is current.
        topics
            Input topic to its id in Kafka. Remembered where none is known yet; what is known stays as it is.

        Returns
        -------
        Claim
            Where to go on.

        Raises
        ------
        ClaimRefused
            A newer generation holds the shard, or another than ``replacing``.
        StoreTorn
            The shard is half written.
        StoreError
            The records of its customers are gone, or were stored by an older version.
        """
        replaced = "" if replacing is None else str(replacing)
        ids = [part for pair in (topics or {}).items() for part in pair]
        keys = [self.keys.meta, self.keys.timers, self.keys.records]
        reply = await CLAIM(self._redis, keys, [self.owner, str(generation), replaced, *ids])
        if reply[0] == b"generation":
            raise ClaimRefused(self.keys.shard, generation, int(reply[1]))
        if reply[0] != b"ok":
            refuse(self.keys.shard, reply)
        self.generation = generation
        return await self._resume(read_meta(reply[1:]))

    async def refresh(self) -> Claim:
        """Read positions and meta again, after a refused commit, without claiming.

        Raises
        ------
        CommitRefused
            ``owner``: the shard is no longer mine.
        StoreTorn
            The shard is half written.
        """
        return await self._resume(read_meta(await call(self._redis, "HGETALL", self.keys.meta)))

    async def _resume(self, meta: Meta) -> Claim:
        if meta.owner != self.owner:
            refuse_owner(self.keys.shard, meta.owner, meta.generation)
        if meta.begun != meta.landed:
            raise StoreTorn(self.keys.shard, meta.begun, meta.landed)
        self._landed = meta.landed
        self._drawn = max(self._drawn, int(meta.landed.partition("-")[0]))
        self._given = None
        self.outbox_length = meta.waiting
        return Claim(meta.positions, meta.other, meta.topics)

    # Writes

    async def commit(self, commit: Commit) -> int:
        """Write everything a batch changed, or nothing.

        Giving the same `Commit` object again after `StoreUnavailable` is safe: it is made once.

        Parameters
        ----------
        commit
            What changed. It must not be altered before this returns.

        Returns
        -------
        int
            Messages in the outbox afterwards.

        Raises
        ------
        CommitRefused
            ``owner``, ``position`` or ``sequence``: Redis does not hold what the batch started from.
        StoreTorn
            The shard is half written.
        """
        async with self._one_at_a_time:
            # A name stands for one commit object of one owner for ever. So "this has landed" in answer to a second
            # try can only mean that the first one did, and that the shard has no other history.
            if self._given is not None and self._given[0] is commit:
                name = self._given[1]
            else:
                self._drawn += 1
                name = f"{self._drawn}-{self.owner}"
                self._given = (commit, name)
            keys, args = pack(commit, self.keys, self.owner, name, self._landed)
            reply = await COMMIT(self._redis, keys, args)
            if reply[0] not in {b"ok", b"again"}:
                refuse(self.keys.shard, reply)
            self._landed = name
            self._given = None
            self.outbox_length = int(reply[1])
            return self.outbox_length

    async def begin(self, commit: Commit) -> asyncio.Task[int]:
        """Start a commit, and come back once its bytes are on their way.

        Scoring does not let the event loop run. So the next batch is scored while Redis works only if the
        command was given to the socket before.

        Returns
        -------
        asyncio.Task[int]
            The running `commit`. Await it before the next one is begun.
        """
        task = asyncio.create_task(self.commit(commit), name=f"commit of shard {self.keys.shard}")
        for _ in range(TURNS_TO_WRITE):
            await asyncio.sleep(0)
        return task

    async def trim(self, marks: Sequence[bytes], sent: Mapping[str, int] | None = None) -> int:
        """Take delivered entries off the head of the outbox.

        Parameters
        ----------
        marks
            Of the entries, as `head` gave them, or the first of it; not empty.
        sent
            Output topic to the offset after its last delivered message, remembered with it.

        Returns
        -------
        int
            How often this was done so far.

        Raises
        ------
        CommitRefused
            ``owner``; or ``outbox``: the last of them is not where it was, so nothing was taken off.
        """
        args: list[bytes | str] = [self.owner, str(len(marks)), marks[-1]]
        for topic, offset in (sent or {}).items():
            args += (topic, str(offset))
        reply = await TRIM(self._redis, self._outbox_keys, args)
        if reply[0] != b"ok":
            refuse(self.keys.shard, reply)
        self.outbox_length = int(reply[2])
        return int(reply[1])

    # Reads

    async def load(self, customers: Sequence[str]) -> list[bytes | None]:
        """Records of these customers, in the same order, to be written on; ``None`` for one that has none.

        A commit may be under way: the records are from before it or from after it.

        Raises
        ------
        CommitRefused
            As `check`: a commit on these records could land after all if Redis came back from an older file, in which
            the shard is mine.
        """
        expected = {self._landed} if self._given is None else {self._landed, self._given[1]}
        found: list[bytes | None] = []
        for first in range(0, len(customers), LOAD_CUSTOMERS_MAX):
            held, records = await self._load(customers[first : first + LOAD_CUSTOMERS_MAX])
            self._expect(held, expected)
            found += records
        return found

    async def check(self) -> None:
        """See that Redis holds what was committed last. Call it while no commit is under way.

        A commit would find out as well, but where nothing happens none is made.

        Raises
        ------
        CommitRefused
            ``owner``: the shard is not mine; ``sequence``: Redis came back from an older file.
        """
        held = await call(self._redis, "HMGET", self.keys.meta, "owner", "generation", "landed")
        self._expect(held, {self._landed})

    def _expect(self, held: Sequence[bytes | None], names: Collection[str]) -> None:
        """See that a shard that holds this owner, generation and last commit is mine, and none but these landed."""
        owner, generation, landed = ((value or b"").decode() for value in held)
        if owner != self.owner:
            refuse_owner(self.keys.shard, owner, int(generation or -1))
        landed = landed or NO_COMMIT
        if landed not in names:
            refuse(self.keys.shard, [b"sequence", landed.encode()])

    async def head(self, messages_max: int) -> Head:
        """As `outbox`, with where delivery stands, for the owner only.

        Raises
        ------
        CommitRefused
            ``owner``: the shard is no longer mine.
        StoreError
            Another program has changed the outbox.
        """
        # The entries first: what is said of them afterwards also holds if Redis changed in between.
        entries, marks = await self._oldest(messages_max)
        reply = await HEAD(self._redis, self._outbox_keys, [self.owner])
        if reply[0] != b"ok":
            refuse(self.keys.shard, reply)
        meta = read_meta(reply[1])
        self.outbox_length = meta.waiting
        return Head(entries, marks, meta.trims, meta.sent)

    @property
    def _outbox_keys(self) -> list[str]:
        return [self.keys.meta, self.keys.outbox, self.keys.heads]
