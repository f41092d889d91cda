"""Names that a shard counts by: channels, regions, categories and the like, at most so many of each.

A name is known from the first event on that carries it; from the limit on, every new name counts as `OTHER`, for ever.
So who gets a name depends on the order of the log alone, not on batches or restarts: the names are kept with the
positions, in the same commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
import numpy as np
from xxhash import xxh3_64_intdigest

from stream.contracts.block import CHANNEL_FROM, CHANNEL_SIZE, EventBlock
from stream.contracts.events import InteractionEvent, OrderEvent, ProfileEvent
from stream.state.compact import signed
from stream.state.plain.channels import number_all
from stream.state.plain.layout import Longs
from stream.state.table_names import OTHER

#: Put before the scope in the meta hash of a shard.
FIELD: Final = "names:"


class KnownNames:
    """The names of one shard.

    Parameters
    ----------
    names_max
        Names of one scope.
    stored
        Meta hash of the shard, from which those known before are taken.

    Attributes
    ----------
    over
        How often an event carried a name beyond the limit, since this was last set to 0.

    Examples
    --------
    >>> names = KnownNames(2)
    >>> [names.admit("region", name) for name in ("north", "south", "north", "east")], names.over
    (['north', 'south', 'north', 'other'], 1)
    >>> names.changes()
    {'names:region': '["north","south"]'}
    """

    def __init__(self, names_max: int, stored: Mapping[str, str] | None = None) -> None:
        self.names_max = names_max
        self.over = 0
        self._known = read_names(stored or {})
        self._changed: set[str] = set()
        self._hashes: Longs = np.empty(0, np.int64)

    def admit(self, scope: str, name: str) -> str:
        """What a name is counted as, which it may become known by."""
        known = self._known.setdefault(scope, {})
        if name in known:
            return name
        if len(known) >= self.names_max:
            self.over += 1
            return OTHER
        known[name] = len(known)
        self._changed.add(scope)
        return name

    def note(self, scope: str, name: str) -> str:
        """A name of the policy's, which events cannot make more of: it is known whatever the limit."""
        known = self._known.setdefault(scope, {})
        if name not in known:
            known[name] = len(known)
            self._changed.add(scope)
        return name

    def shown(self, scope: str, name: str) -> str:
        """What a name that was admitted, or refused, is counted as; no name stays none."""
        return name if not name or name in self._known.get(scope, {}) else OTHER

    def channels(self) -> list[str]:
        """Names of the numbers that `read` gives."""
        return ["", *self._known.get("channel", {}), OTHER]

    def read(self, block: EventBlock) -> Longs:
        """Take in the channels and regions that events carry, in the order of the events.

        Returns
        -------
        A number for the channel of each plain order, see `channels`.
        """
        numbers = np.zeros(len(block), np.int64)
        others = sorted(block.others.items())
        done = taken = 0
        while True:
            hashes = self._channel_hashes()
            done = number_all(block.rows, block.text, hashes, self.names_max, done, numbers)
            # Names of events before the one whose channel is new were there before it.
            while taken < len(others) and others[taken][0] < done:
                self._read_one(others[taken][1])
                taken += 1
            if done == len(block):
                break
            if len(self._known.get("channel", {})) == len(hashes):
                start, size = block.rows[done, [CHANNEL_FROM, CHANNEL_SIZE]].tolist()
                self.admit("channel", block.text[start : start + size].tobytes().decode())
        if len(hashes) >= self.names_max:
            self.over += int(np.count_nonzero(numbers > len(hashes)))
        return numbers

    def _channel_hashes(self) -> Longs:
        known = self._known.get("channel", {})
        if len(known) != len(self._hashes):
            self._hashes = np.array([signed(xxh3_64_intdigest(name.encode())) for name in known], np.int64)
        return self._hashes

    def _read_one(self, event: object) -> None:
        if isinstance(event, (OrderEvent, InteractionEvent)):
            if event.channel:
                self.admit("channel", event.channel)
        elif isinstance(event, ProfileEvent) and event.region:
            self.admit("region", event.region)

    def changes(self) -> dict[str, str]:
        """Fields of the meta hash for scopes that got names since this was last asked."""
        changed = {
            scope_field(scope): msgspec.json.encode(list(self._known[scope])).decode() for scope in self._changed
        }
        self._changed = set()
        return changed


def scope_field(scope: str) -> str:
    """Field of the meta hash that holds the names of a scope."""
    return f"{FIELD}{scope}"


def read_names(stored: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Names by scope, from a meta hash, in the order in which they became known.

    Examples
    --------
    >>> read_names({"names:region": '["north","south"]', "clock": "7"})
    {'region': {'north': 0, 'south': 1}}
    """
    return {
        field.removeprefix(FIELD): {name: place for place, name in enumerate(msgspec.json.decode(text, type=list[str]))}
        for field, text in stored.items()
        if field.startswith(FIELD)
    }
