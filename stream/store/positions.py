"""Positions as an operator sees and sets them, without claiming a shard."""

from __future__ import annotations

from typing import Final

from stream.store.calls import Client, call
from stream.store.keys import Keys
from stream.store.meta import Meta, read_meta
from stream.store.replies import refuse
from stream.store.scripts import Script
from stream.store.shard_store import new_owner

ACCEPT: Final = Script("accept")


async def read_positions(redis: Client, keys: Keys) -> Meta:
    """Meta of a shard, whoever owns it.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached.
    """
    return read_meta(await call(redis, "HGETALL", keys.meta))


async def accept_position(
    redis: Client, keys: Keys, topic: str, *, stored: int, position: int, topic_id: str, missing: int
) -> None:
    """Go on from another position of a topic. Whoever works on the shard loses it; the next claim goes on from there.

    Parameters
    ----------
    redis, keys
        The shard.
    topic
        Full name of the topic.
    stored
        The position that was looked at, -1 for none.
    position
        The new one.
    topic_id
        Id of the topic in Kafka, remembered with it; empty where brokers are too old to have one.
    missing
        Offsets that are passed over unread; added to the shard's counter ``missing``.

    Raises
    ------
    CommitRefused
        ``position``: another position is stored by now.
    StoreTorn
        The shard is half written.
    StoreUnavailable
        Redis cannot be reached.
    """
    args = [new_owner(), topic, str(stored), str(position), topic_id, str(missing)]
    reply = await ACCEPT(redis, [keys.meta, keys.counters], args)
    if reply[0] != b"ok":
        refuse(keys.shard, reply)
