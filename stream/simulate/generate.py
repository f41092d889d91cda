"""The events of a whole population in order of time, one in hand at a time."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from random import Random

from stream.simulate.life import Truth, live
from stream.simulate.spec import Spec
from stream.simulate.story import Told, story

HOUR = 3_600_000
DELAY_MAX = 20
"""Nothing arrives later than so many mean delays; it bounds what waits."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """A population and its seed. Both methods give the same at every call."""

    spec: Spec
    seed: int

    def events(self) -> Iterator[Told]:
        """All events in the order in which they arrive: that of time, but for those that are late or doubled.

        Memory is for the customers there are at a time, not for the events.
        """
        return _delivered(self._happened(), self.spec, Random(f"{self.seed}/delivery"))

    def truths(self) -> Iterator[Truth]:
        """What is true of each customer, by number."""
        return (live(self.spec, self.seed, number).truth for number in range(self.spec.customers))

    def _happened(self) -> Iterator[Told]:
        spec, seed = self.spec, self.seed
        joined = sorted((live(spec, seed, number).truth.joined_at, number) for number in range(spec.customers))
        coming = iter(joined)
        joins_at, newcomer = next(coming)
        # The number is told before the event is looked at: no two entries of the heap share one.
        present: list[tuple[int, int, Told, Iterator[Told]]] = []
        while present or joins_at < spec.end:
            while joins_at < spec.end and (not present or joins_at <= present[0][0]):
                told = story(live(spec, seed, newcomer), spec, Random(f"{seed}/{newcomer}/story"))
                first = next(told)
                heapq.heappush(present, (first.at, newcomer, first, told))
                joins_at, newcomer = next(coming, (spec.end, 0))
            _, number, event, rest = present[0]
            yield event
            following = next(rest, None)
            if following is None:
                heapq.heappop(present)
            else:
                heapq.heapreplace(present, (following.at, number, following, rest))


def simulate(spec: Spec, seed: int) -> Simulation:
    """A population of customers whose truth is known.

    Examples
    --------
    >>> two = simulate(Spec(customers=2, days=60), seed=1)
    >>> first = next(two.events())
    >>> first.topic, first.event["type"], [truth.need for truth in two.truths()]
    ('profiles', 'customer.registered', ['functional', 'price'])
    """
    return Simulation(spec, seed)


def _delivered(happened: Iterable[Told], spec: Spec, rng: Random) -> Iterator[Told]:
    """The same events as they arrive."""
    if not spec.late and not spec.duplicates:
        yield from happened
        return
    waiting: list[tuple[int, int, Told]] = []
    serial = count()
    mean = spec.late_hours * HOUR

    def delay() -> int:
        return min(int(rng.expovariate(1 / mean)), int(DELAY_MAX * mean))

    for told in happened:
        while waiting and waiting[0][0] <= told.at:
            yield heapq.heappop(waiting)[2]
        if rng.random() < spec.duplicates:
            heapq.heappush(waiting, (told.at + delay(), next(serial), told))
        if rng.random() < spec.late:
            heapq.heappush(waiting, (told.at + delay(), next(serial), told))
        else:
            yield told
    while waiting:
        yield heapq.heappop(waiting)[2]
