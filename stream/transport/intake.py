"""What a shard holds of its topics and has yet to apply, and what it may take for their end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import monotonic, time

from faust.types import TP

from stream.contracts.decode import Decoder
from stream.contracts.topics import Input
from stream.settings import Settings
from stream.transport.batch import Batch
from stream.transport.lanes import Lanes
from stream.transport.merge import Taken, TopicMerge

#: Longest wait for the next batch of a backlog before what is held is applied, seconds.
GATHER_SECONDS = 0.1


class Intake:
    """The topics of one shard, merged in order of time.

    Parameters
    ----------
    shard
        Partition number.
    inputs
        Full topic name by input, in the order in which ties are broken.
    lanes
        Where reading stands, and the place to pause it.
    decoder
        From records to events.
    settings
        Limits, and how long a topic that seems read to its end is waited for.
    """

    def __init__(
        self, shard: int, inputs: Mapping[Input, str], lanes: Lanes, decoder: Decoder, settings: Settings
    ) -> None:
        self._shard = shard
        self._tps = {name: TP(topic, shard) for name, topic in inputs.items()}
        self._lanes = lanes
        self._decoder = decoder
        self._settings = settings
        self._merge = TopicMerge(inputs)
        self._paused: set[Input] = set()
        self._beginnings: dict[Input, int] = {}
        self._arrived: dict[Input, float] = dict.fromkeys(inputs, monotonic())

    def __len__(self) -> int:
        return len(self._merge)

    def offer(self, name: Input, batch: Batch) -> None:
        """Take a batch: decode it, hold it, pause its topic-partition when too much is held."""
        events = self._decoder.decode(name, self._shard, batch.records, int(time() * 1000))
        self._beginnings.setdefault(name, batch.start)
        self._merge.offer(name, events, batch.next_offset)
        self._arrived[name] = monotonic()
        if self._merge.buffered(name) > self._settings.buffered_records_max:
            self.pause([name])

    def take(self, n_max: int) -> Taken | None:
        """The next events that may be applied, at most `n_max`; None when there are none or one must wait."""
        return self._merge.take(n_max, self.has_more)

    def clear(self) -> None:
        """Forget everything that is held."""
        self._merge.clear()
        self._paused.clear()

    def read_again(self, positions: Mapping[Input, int]) -> None:
        """Let every topic be read from a stored position; -1 stands for where the first batch began."""
        for name, tp in self._tps.items():
            stored = positions[name]
            self._lanes.seek(tp, self._beginnings.get(name, 0) if stored < 0 else stored)
            self._lanes.resume(tp)

    # -- holding back ---------------------------------------------------------------------------------------------

    def pause(self, names: Iterable[Input] | None = None, *, trouble: bool = False) -> None:
        """Let nothing more come of some topics, or of all; `trouble` says that something outside is broken."""
        for name in self._tps if names is None else names:
            self._paused.add(name)
            self._lanes.pause(self._tps[name], trouble=trouble)

    def resume_drained(self, names: Iterable[Input] | None = None) -> None:
        """Let some topics, or all, be read on of which little is held."""
        for name in self._tps if names is None else names:
            if self._merge.buffered(name) <= self._settings.buffered_records_max // 2:
                if name in self._paused:
                    # Nobody looked at the end of its log meanwhile: it is not idle before the next look.
                    self._arrived[name] = monotonic()
                    self._paused.discard(name)
                self._lanes.resume(self._tps[name])

    # -- what is known of the ends ----------------------------------------------------------------------------------

    def caught_up(self) -> bool:
        """Whether everything known to be in the logs is held or was applied."""
        return all(tp in self._lanes and self._lanes.caught_up(tp) for tp in self._tps.values())

    def behind(self, name: Input) -> bool:
        """Whether a topic has something that was not applied."""
        tp = self._tps[name]
        return tp in self._lanes and (self._merge.buffered(name) > 0 or not self._lanes.caught_up(tp))

    def has_more(self, name: Input) -> bool:
        """Whether a topic has, or must be presumed to have, records that are not held yet."""
        tp, lanes, idle = self._tps[name], self._lanes, self._settings.idle_seconds
        if name in self._paused or not lanes.caught_up(tp):
            return True
        waited = monotonic() - self._arrived[name]
        # What was heard of its end before the wait was over says nothing of what was written during it.
        heard = time() - lanes.seen_ms(tp) / 1000
        return idle > 0 and waited - max(0.0, heard) < idle

    def gathering(self, events: int) -> bool:
        """Whether to wait for more of a backlog until so many events are held, so that one commit does for several.

        A customer with several events among them is written once, and its scores are said once.
        """
        if self._paused or len(self._merge) >= events or self.caught_up():
            return False
        return monotonic() - max(self._arrived.values()) < GATHER_SECONDS

    def silence_known(self, clock: int, now: int) -> int:
        """The moment up to which silence is known, ms.

        That is the log's own time; and with the wall clock, where all is read, the moment at which the brokers last
        said so: of what was written since, nothing is known. Where there is more to read, one event of a producer
        whose clock is ahead must not move the time for everybody, so what is tolerated of that is taken off.

        Parameters
        ----------
        clock
            Greatest `occurred_at` that was applied, ms.
        now
            By the clock on the wall, ms.

        Returns
        -------
        int
            No later than `now`, but for a clock that is ahead.
        """
        if self._settings.clock == "event":
            return clock
        reached = clock - int(self._settings.future_tolerance_seconds * 1000)
        if len(self._merge) == 0 and self.caught_up():
            return max(reached, min(now, *(self._lanes.seen_ms(tp) for tp in self._tps.values())))
        return reached
