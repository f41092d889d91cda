"""How many events a commit of a backlog should have: many where customers come twice among them, else few.

A customer is written once a commit, however often it came. So a shard far behind gathers events, as long as that saves
writes. Where nearly everybody is another customer it saves none, and a large commit costs more an event than a small
one: what the script makes of it no longer fits the processor's cache (docs/decisions/0013-size-of-a-commit.md).
"""

from __future__ import annotations

from typing import Final

APART_EVENTS_MAX: Final = 5_000
"""Events of a commit in which hardly anybody comes twice."""

MERGING_MAX: Final = 0.8
"""Records an event, above which a large commit saves too little."""

APART_MIN: Final = 0.95
"""Records an event, below which a small commit promises that a large one would save enough."""


class BatchSize:
    """Limits of the commits of one shard, from what the last one saved.

    Parameters
    ----------
    gather
        Events to gather of a backlog, at most.
    most
        Events of a commit, at most.

    Examples
    --------
    >>> size = BatchSize(15_000, 20_000)
    >>> size.gather, size.most
    (15000, 20000)
    >>> size.seen(events=15_000, records=14_900)
    >>> size.gather, size.most
    (5000, 5000)
    >>> size.seen(events=5_000, records=4_100)
    >>> size.gather, size.most
    (15000, 20000)
    """

    def __init__(self, gather: int, most: int) -> None:
        self._gather = gather
        self._most = most
        self._apart = False

    @property
    def gather(self) -> int:
        """Events to gather of a backlog before they are applied."""
        return min(self._gather, APART_EVENTS_MAX) if self._apart else self._gather

    @property
    def most(self) -> int:
        """Events of a commit."""
        return min(self._most, APART_EVENTS_MAX) if self._apart else self._most

    def seen(self, *, events: int, records: int) -> None:
        """Take note of a commit; one of fewer events than a small one holds says nothing of larger ones.

        Parameters
        ----------
        events
            Events that were applied.
        records
            Customers that were written for them.
        """
        if events >= min(self._gather, APART_EVENTS_MAX):
            self._apart = records > (APART_MIN if self._apart else MERGING_MAX) * events
