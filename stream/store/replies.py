"""What the scripts answer when they write nothing, as exceptions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from stream.store.errors import CommitRefused, StoreError, StoreTorn


def refuse(shard: int, reply: Sequence[bytes | int]) -> NoReturn:
    """Raise what a refusal of claim.lua, commit.lua, head.lua or trim.lua stands for.

    Raises
    ------
    CommitRefused
        Redis does not hold what the caller started from.
    StoreTorn
        The shard is half written.
    StoreError
        The plan or the keys are not what they must be, which is a bug, another version or a foreign program.
    """
    match [part.decode(errors="replace") if isinstance(part, bytes) else str(part) for part in reply]:
        case ["owner", owner, generation]:
            refuse_owner(shard, owner, int(generation))
        case ["position", topic, stored]:
            raise CommitRefused(
                "position",
                f"shard {shard}: the stored position of {topic} is {stored}, the batch began elsewhere",
            )
        case ["sequence", landed]:
            raise CommitRefused("sequence", f"shard {shard}: commit {landed} landed last, which was not expected")
        case ["outbox"]:
            raise CommitRefused("outbox", f"shard {shard}: the head of the outbox is not what was delivered")
        case ["foreign"]:
            raise StoreError(f"shard {shard}: another program has changed the outbox: do two share a key prefix?")
        case ["torn", begun, landed]:
            raise StoreTorn(shard, begun, landed)
        case ["records"]:
            raise StoreError(
                f"shard {shard} knows customers and has no records of them: they were deleted, or an older version of "
                "the scorer wrote them. Restore the data of Redis from a backup, or delete the shard's keys, or set "
                "another STREAM_KEY_PREFIX, and start the worker: it replays from the start of the log"
            )
        case ["type", key, found]:
            raise StoreError(f"key {key} holds a {found} that is not ours: do two programs share a key prefix?")
        case other:
            raise StoreError(f"shard {shard}: the script answered {other}")


def refuse_owner(shard: int, owner: str, generation: int) -> NoReturn:
    """Raise `CommitRefused` because somebody else, or nobody, owns the shard."""
    who = f"another worker ({owner}, group generation {generation})" if owner else "nobody: Redis lost the claim"
    raise CommitRefused("owner", f"shard {shard} belongs to {who}", generation)
