"""Enough of what workers and Redis say to each other to see commits and trims pass."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple
from weakref import WeakKeyDictionary

from stream.store.scripts import COMMIT, TRIM
from tests.chaos.link import Link

_SCRIPT = re.compile(
    rb"\*(\d+)\r\n\$7\r\nEVALSHA\r\n\$40\r\n([0-9a-f]{40})\r\n\$\d+\r\n(\d+)\r\n\$\d+\r\n[^\r]*\{(\d+)\}:m\r\n"
)
_WORDS_BEFORE_KEYS = 3
#: Owner, plan and records; entries of the outbox follow.
_WORDS_BEFORE_ENTRIES = 3
_SCRIPTS = {COMMIT.sha.encode(): COMMIT.name, TRIM.sha.encode(): TRIM.name}


class Called(NamedTuple):
    """A call of one of our scripts: its name, the shard, and how many arguments follow its keys."""

    name: str
    shard: int
    args: int

    @property
    def entries(self) -> int:
        """Entries that a commit puts into the outbox."""
        return self.args - _WORDS_BEFORE_ENTRIES if self.name == COMMIT.name else 0


def called(data: bytes) -> Called | None:
    r"""What the first bytes of a command call.

    Examples
    --------
    >>> called(b"*1\r\n$4\r\nPING\r\n") is None
    True
    """
    found = _SCRIPT.match(data)
    if found is None or (name := _SCRIPTS.get(found[2])) is None:
        return None
    return Called(name, int(found[4]), int(found[1]) - _WORDS_BEFORE_KEYS - int(found[3]))


Watcher = Callable[[Link, Called, bytes | None], None]
"""Told of a call when it comes from the worker (no answer yet), and again with the first bytes of its answer."""


class Conversations:
    """Follows the connections of clients that wait for the answer to one command before they send the next.

    Attributes
    ----------
    watcher
        Called for every call of a script, before it, or its answer, is passed on.
    again
        Commits that were answered with "made already".
    """

    def __init__(self) -> None:
        self.watcher: Watcher | None = None
        self.again = 0
        self._asked: WeakKeyDictionary[Link, Called | None] = WeakKeyDictionary()

    def request(self, link: Link, data: bytes) -> None:
        """Some bytes of a client: a new command, or more of the one that has no answer yet."""
        if link not in self._asked:
            call = self._asked[link] = called(data)
            if call is not None and self.watcher is not None:
                self.watcher(link, call, None)

    def answer(self, link: Link, data: bytes) -> None:
        """Some bytes of the server: the beginning of an answer, or more of it."""
        call = self._asked.pop(link, None)
        if call is None:
            return
        if call.name == COMMIT.name and data.startswith(b"*2\r\n$5\r\nagain"):
            self.again += 1
        if self.watcher is not None:
            self.watcher(link, call, data)
