"""A Redis of one shard, in memory: what the store's scripts do, check by check.

The store itself is the real one: `ModelRedis` is given to `stream.store.shard_store.ShardStore` in the place of a
client, gets the very commands and arguments that would go to a server, and stands at a gate with each. What the Lua
scripts check is in one table, `CHECKS`, each check with the line it stands for; a test sees that the scripts have these
lines. Leave one out, and see whether anyone notices.

The name of the commit that landed last says all of what a shard holds, its positions too, as long as nobody but the
scripts writes to it. So of what the protocol does by itself, "commit sequence" refuses whatever "commit position" does;
without either, no run is exact. Where "commit position" stands alone is `ModelRedis.move`: a person has moved a
position, which leaves that name as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from redis.exceptions import ConnectionError as RedisConnectionError

from stream.contracts.bundle import count_of
from stream.store.keys import Keys
from stream.store.meta import POSITION, SENT
from stream.store.outbox import head_of
from stream.store.scripts import CLAIM, COMMIT, HEAD, LOAD, TRIM, Script
from stream.testing.gates import Gate

KEYS = Keys("model", 0)
"""Keys of the shard."""

Reply = list[Any]

_HELD = ("owner", "generation", "landed")
"""What LOAD gives along with the records."""


@dataclass
class ShardKeys:
    """What the keys of the shard hold."""

    meta: dict[str, str] = field(default_factory=dict)
    records: dict[str, bytes] = field(default_factory=dict)
    timers: dict[str, float] = field(default_factory=dict)
    outbox: list[bytes] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)

    def copy(self) -> ShardKeys:
        """The same, for itself."""
        return ShardKeys(dict(self.meta), dict(self.records), dict(self.timers), list(self.outbox), list(self.heads))

    def positions(self) -> dict[str, int]:
        """Topic to stored position."""
        return {
            name.removeprefix(POSITION): int(value) for name, value in self.meta.items() if name.startswith(POSITION)
        }


@dataclass(frozen=True)
class Attempt:
    """A script that is about to run: what is stored, and what it was given."""

    stored: ShardKeys
    args: Sequence[bytes]
    plan: Sequence[Any] = ()

    def meta(self, name: str, default: str = "") -> str:
        """A field of meta."""
        return self.stored.meta.get(name, default)

    def arg(self, number: int) -> str:
        """An argument, counted from 1 as Lua does."""
        return self.args[number - 1].decode()


@dataclass(frozen=True)
class Check:
    """One reason for a script to write nothing.

    Attributes
    ----------
    name
        What a mutation calls it by.
    script
        Where it is.
    line
        The line of the script that it stands for.
    refuse
        The reply, or None where all is well.
    """

    name: str
    script: Script
    line: str
    refuse: Callable[[Attempt], Reply | None]


def _not_owner(attempt: Attempt) -> Reply | None:
    if attempt.meta("owner") == attempt.arg(1):
        return None
    return [b"owner", attempt.meta("owner").encode(), attempt.meta("generation", "-1").encode()]


def _older_generation(attempt: Attempt) -> Reply | None:
    stored = attempt.meta("generation", "-1")
    if attempt.meta("owner") == attempt.arg(1) and stored == attempt.arg(2):
        return None
    refused = stored != attempt.arg(3) if attempt.arg(3) else int(stored) > int(attempt.arg(2))
    return [b"generation", stored.encode()] if refused else None


def _landed_before(attempt: Attempt) -> Reply | None:
    if attempt.meta("landed", "0") != attempt.plan[0]:
        return None
    return [b"again", int(attempt.meta("waiting", "0"))]


def _other_position(attempt: Attempt) -> Reply | None:
    positions = attempt.plan[2]
    for topic, expected in zip(positions[::3], positions[1::3], strict=True):
        stored = attempt.meta(POSITION + topic, "-1")
        if stored != expected:
            return [b"position", topic.encode(), stored.encode()]
    return None


def _other_number(attempt: Attempt) -> Reply | None:
    landed = attempt.meta("landed", "0")
    return [b"sequence", landed.encode()] if landed != attempt.plan[1] else None


def _other_head(attempt: Attempt) -> Reply | None:
    count = int(attempt.arg(2))
    taken = attempt.stored.heads[:count]
    return None if len(taken) == count and taken[-1] == attempt.args[2] else [b"outbox"]


CHECKS = (
    Check("claim generation", CLAIM, "elseif tonumber(generation) > tonumber(ARGV[2]) then", _older_generation),
    Check("commit owner", COMMIT, "if stored[1] ~= ARGV[1] then", _not_owner),
    Check("commit again", COMMIT, "if landed == name then", _landed_before),
    Check("commit position", COMMIT, "if at ~= positions[i + 1] then", _other_position),
    Check("commit sequence", COMMIT, "if landed ~= expected then", _other_number),
    Check("head owner", HEAD, "if stored[1] ~= ARGV[1] then", _not_owner),
    Check("trim owner", TRIM, "if stored[1] ~= ARGV[1] then", _not_owner),
    Check("trim outbox", TRIM, "if taken[count] ~= ARGV[3] then", _other_head),
)
"""Every check of the protocol, in the order in which the scripts make them."""


class ModelRedis:
    """The server, and a client of it.

    Parameters
    ----------
    without
        Names of checks to leave out.

    Attributes
    ----------
    stored
        What is stored now.
    written
        Called after every write with the owner token it came from, and what was stored before.
    """

    def __init__(self, without: Collection[str] = ()) -> None:
        unknown = set(without) - {check.name for check in CHECKS}
        if unknown:
            raise ValueError(f"no such check: {sorted(unknown)}")
        self.stored = ShardKeys()
        self._before: list[ShardKeys] = []
        self.written: Callable[[Script, str, ShardKeys], None] = lambda _script, _owner, _before: None
        self._checks = {
            script.sha: [check for check in CHECKS if check.script is script and check.name not in without]
            for script in (CLAIM, COMMIT, HEAD, TRIM)
        }
        self._scripts: Mapping[str, tuple[Script, Callable[[Attempt], Reply]]] = {
            CLAIM.sha: (CLAIM, self._claim),
            COMMIT.sha: (COMMIT, self._commit),
            HEAD.sha: (HEAD, self._head),
            TRIM.sha: (TRIM, self._trim),
        }

    async def execute_command(self, *command: Any) -> Any:  # noqa: ANN401 - as redis-py has it
        """What redis-py's client offers."""
        words = [word if isinstance(word, bytes) else str(word).encode() for word in command]
        name = words[0].decode()
        if name == "EVALSHA":
            sha = words[1].decode()
            args = words[3 + int(words[2]) :]
            if sha == LOAD.sha:
                return await _request("load", lambda: self._load(args))
            script, write = self._scripts[sha]
            return await _request(script.name, lambda: self._script(script, write, args))
        return await _request(name.lower(), lambda: self._plain(name, words[1:]))

    @property
    def writes(self) -> int:
        """How many writes there were that no roll-back took away."""
        return len(self._before)

    def move(self, topic: str, position: int) -> None:
        """A person sets the position of a topic by hand, and sees to it that Redis has saved that."""
        self.stored.meta[POSITION + topic] = str(position)
        self._before.clear()

    def roll_back(self, writes: int) -> None:
        """Come back from a file that lacks the last so many writes, or all."""
        for _ in range(min(writes, len(self._before))):
            self.stored = self._before.pop()

    # Scripts

    def _script(self, script: Script, write: Callable[[Attempt], Reply], args: Sequence[bytes]) -> Reply:
        plan = msgspec.msgpack.decode(args[1]) if script is COMMIT else ()
        attempt = Attempt(self.stored, args, plan)
        for check in self._checks[script.sha]:
            refusal = check.refuse(attempt)
            if refusal is not None:
                return refusal
        before = self.stored
        if script is not HEAD:
            self.stored = before.copy()
        reply = write(Attempt(self.stored, args, plan))
        if script is not HEAD:
            self._before.append(before)
            self.written(script, attempt.arg(1), before)
        return reply

    def _claim(self, attempt: Attempt) -> Reply:
        self.stored.meta |= {"owner": attempt.arg(1), "generation": attempt.arg(2)}
        return [b"ok", *_flat(self.stored.meta)]

    def _commit(self, attempt: Attempt) -> Reply:
        name, _, positions, names, timers = attempt.plan[:5]
        fields = attempt.plan[10]
        stored, blob, at = self.stored, attempt.args[2], 0
        for customer, size in zip(names[::2], names[1::2], strict=True):
            stored.records[customer] = blob[at : at + size]
            at += size
        stored.timers.update(zip(timers[1::2], timers[::2], strict=True))
        entries = list(attempt.args[3:])
        stored.outbox += entries
        stored.heads += [head_of(entry, name) for entry in entries]
        waiting = int(attempt.meta("waiting", "0")) + sum(map(count_of, entries))
        stored.meta |= {"begun": name, "landed": name, "waiting": str(waiting)}
        stored.meta |= {POSITION + topic: new for topic, new in zip(positions[::3], positions[2::3], strict=True)}
        stored.meta |= dict(zip(fields[::2], fields[1::2], strict=True))
        return [b"ok", waiting]

    def _head(self, attempt: Attempt) -> Reply:
        return [b"ok", _flat(attempt.stored.meta)]

    def _trim(self, attempt: Attempt) -> Reply:
        stored, count = self.stored, int(attempt.arg(2))
        gone, stored.outbox = stored.outbox[:count], stored.outbox[count:]
        del stored.heads[:count]
        trims = int(attempt.meta("trims", "0")) + 1
        waiting = int(attempt.meta("waiting", "0")) - sum(map(count_of, gone))
        stored.meta |= {"trims": str(trims), "waiting": str(waiting)}
        sent = [word.decode() for word in attempt.args[3:]]
        stored.meta |= {SENT + topic: at for topic, at in zip(sent[::2], sent[1::2], strict=True)}
        return [b"ok", str(trims).encode(), str(waiting).encode()]

    def _load(self, args: Sequence[bytes]) -> Reply:
        held = [None if value is None else value.encode() for value in map(self.stored.meta.get, _HELD)]
        return [held, [self.stored.records.get(customer) for customer in msgspec.msgpack.decode(args[0])]]

    # Plain commands

    def _plain(self, name: str, args: Sequence[bytes]) -> Any:  # noqa: ANN401 - replies differ
        stored = self.stored
        match name, [word.decode(errors="replace") for word in args]:
            case "HGETALL", [KEYS.meta]:
                return _flat(stored.meta)
            case "HMGET", [KEYS.meta, *names]:
                values = [stored.meta.get(field_name) for field_name in names]
                return [None if value is None else value.encode() for value in values]
            case "LRANGE", [KEYS.heads, first, last]:
                return stored.heads[int(first) : int(last) + 1]
            case "LRANGE", [KEYS.outbox, first, last]:
                return stored.outbox[int(first) : int(last) + 1]
            case "ZRANGEBYSCORE", [KEYS.timers, "-inf", before, "LIMIT", "0", limit]:
                bound = float(before.removeprefix("("))
                due = sorted((moment, customer) for customer, moment in stored.timers.items() if moment < bound)
                return [customer.encode() for _, customer in due[: int(limit)]]
        raise NotImplementedError(f"{name} {args!r}")


def _request(name: str, run: Callable[[], Any]) -> Gate:
    return Gate(f"redis {name}", run, lambda: RedisConnectionError("the connection broke"))


def _flat(meta: Mapping[str, str]) -> list[bytes]:
    return [part.encode() for pair in meta.items() for part in pair]
