"""The record of one customer: its facts, and what was last said about it.

Facts are columns and sums that follow from the set of the customer's events; `ledger` and `interactions` keep them.
What was said (tier, segment, level and their versions) is what subscribers believe; `evaluation` compares the two.
"""

from __future__ import annotations

from array import array

#: A moment that never comes (year 10000), for customers whose classification cannot change by silence.
NEVER = 253_402_300_800_000

#: Times before anything: the `as_of` of a customer that was never evaluated.
UNSET = -(2**62)

TIER_NAMES = ("none", "low", "mid", "high")
TIER_NONE = 0


class Customer:
    """Everything kept for one customer. Times in ms, money in minor units.

    Attributes
    ----------
    times, gross, hashes
        The order ledger in columns, sorted by time and then hash: when, how much, and the order id's 64-bit hash
        (8 bytes each, little endian).
    refunds
        order hash -> {event hash: amount}; see `ledger` for the two special amounts. None while there are none.
    folded
        Sums of orders too old to be kept one by one, as ``(first_at, last_at, count, net)``. None while there are none.
    n, first_at, last_at
        Orders that count, and the times of the first and last of them.
    window_from, frequency, monetary
        First ledger index inside the window at `as_of`; number and net of the orders that count in it.
    due
        When the classification next changes if nothing happens; `armed` is the moment the timer set holds. A record
        just loaded knows only the armed moment, which is never later than the true one: `due_is_exact` is False.
    """

    __slots__ = (
        "armed",
        "as_of",
        "batch",
        "buckets",
        "changes_version",
        "churn_version",
        "counters",
        "customer_id",
        "due",
        "due_is_exact",
        "fingerprint",
        "first_at",
        "folded",
        "frequency",
        "gross",
        "hashes",
        "kind",
        "last_at",
        "level",
        "monetary",
        "n",
        "nps_at",
        "nps_score",
        "refunds",
        "region",
        "registered_at",
        "seen",
        "segment",
        "tickets",
        "tier",
        "tier_since",
        "tier_version",
        "times",
        "version",
        "window_from",
    )

    def __init__(self, customer_id: str) -> None:
        self.customer_id = customer_id
        self.times: array[int] = array("q")
        self.gross: array[int] = array("q")
        self.hashes = bytearray()
        self.refunds: dict[int, dict[int, int]] | None = None
        self.folded: list[tuple[int, int, int, int]] | None = None
        self.n = 0
        self.first_at = 0
        self.last_at = 0
        self.window_from = 0
        self.frequency = 0
        self.monetary = 0
        self.as_of = UNSET
        self.due = NEVER
        self.due_is_exact = True
        self.armed = -1
        #: Number of the batch that touched it last; only in memory.
        self.batch = 0

        self.counters: dict[int, tuple[int, int]] | None = None
        self.seen: bytearray | None = None
        self.tickets: dict[int, tuple[int, int]] | None = None
        self.nps_at = UNSET
        self.nps_score = -1
        self.registered_at = 0
        #: Attributes of the profile, each with the (moment, hash) of the event that gave it.
        self.kind: tuple[int, int, str] | None = None
        self.region: tuple[int, int, str] | None = None

        self.fingerprint = 0
        self.tier = TIER_NONE
        self.tier_since = 0
        self.segment = ""
        self.level = 0
        self.version = 0
        self.tier_version = 0
        self.churn_version = 0
        self.changes_version = 0
        self.buckets: tuple[int, int, int] | None = None
