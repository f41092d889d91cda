"""What the sources of the demo have in common: events with their moments, and times and money as text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

SECOND_MS = 1_000

Event = dict[str, Any]
"""One canonical event, as its JSON says it."""


class Timed(NamedTuple):
    """An event and its place among the others, first by `at_ms` and then by `rank`."""

    at_ms: int
    """Milliseconds since 1970-01-01 UTC."""
    rank: int
    """Of the topic: 0 profiles, 1 orders, 2 interactions."""
    topic: str
    """Plain name, without prefix."""
    event: Event


def decimal(cents: int) -> str:
    """Cents as a decimal string.

    >>> decimal(1205), decimal(7)
    ('12.05', '0.07')
    """
    return f"{cents // 100}.{cents % 100:02d}"


def milliseconds(times: pd.Series[Any]) -> NDArray[np.int64]:
    """Moments without a zone as milliseconds, taken as UTC."""
    return times.to_numpy().astype("datetime64[ms]").astype(np.int64)


def texts(times: pd.Series[Any]) -> list[str]:
    """Moments without a zone as RFC 3339, taken as UTC; whole seconds."""
    seconds = np.datetime_as_string(times.to_numpy().astype("datetime64[s]"), unit="s")
    return [f"{text}Z" for text in seconds.tolist()]


def text(at_ms: int) -> str:
    """A moment of a whole second as RFC 3339.

    >>> text(0)
    '1970-01-01T00:00:00Z'
    """
    return f"{np.datetime64(at_ms // SECOND_MS, 's')}Z"
