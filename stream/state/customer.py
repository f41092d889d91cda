"""The record of one customer: its facts, and what was last said about it.

Facts are columns and sums that follow from the set of the customer's events; `ledger` and `interactions` keep them.
What was said (tier, segment, level and their versions) is what subscribers believe; `evaluation` compares the two.
"""

from __future__ import annotations

from array import array

from stream.contracts.ids import hash_id
from stream.scoring.needs import NeedSums
from stream.state.activity import Activity
from stream.state.answers import Answers
from stream.state.details import Details
from stream.state.sign_periods import SignPeriods
from stream.state.tallied import Tallied

#: A moment that never comes (year 10000), for customers whose classification cannot change by silence.
NEVER = 253_402_300_800_000

#: Times before anything: the `as_of` of a customer that was never evaluated.
UNSET = -(2**62)

TIER_NAMES = ("none", "low", "mid", "high")
TIER_NONE = 0

#: Bits that the cell of one matrix takes, and how many matrices there may be.
MATRIX_BITS = 5
MATRICES_MAX = 4
#: The bits of one cell.
CELL_MASK = (1 << MATRIX_BITS) - 1


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
    details
        What orders say beyond their amounts, see `baskets`. None while none does.
    activity, answers
        What interactions left besides counts, tickets and the answer to "would you recommend us". None while none did.
    n, first_at, last_at
        Orders that count, and the times of the first and last of them.
    window_from, frequency, monetary
        First ledger index inside the window at `as_of`; number and net of the orders that count in it.
    due
        When the classification next changes if nothing happens; `armed` is the moment the timer set holds. A record
        just loaded knows only the armed moment, which is never later than the true one: `due_is_exact` is False.
    tier, segment, level, abc, lifecycle
        What was said: ranks, and the name of the segment; `tier_since` and `lifecycle_since` say when.
    matrix
        The cells said, `MATRIX_BITS` each, the first matrix lowest: number of the cell plus 1, or 0 for none.
    need, conduct
        Ranks of the dominant need and of the conduct said.
    cart_said
        The moment of the cart that was last said to be left behind; 0 for never.
    market_segments
        The market segments said to have the customer: bit k for rule number k of the policy, and above these a mark
        of the policy's rules, see `stream.scoring.market_segments`; 0 for none.
    contacted_at
        When something that asks for a contact was last said; 0 for never.
    action, action_at
        Hash of the name of an action whose outcome is waited for, and when it was given; 0 for none.
    sample
        The churn sample that waits for its label, see `stream.scoring.churn_samples`; 0 for none.
    """

    __slots__ = (
        "abc",
        "action",
        "action_at",
        "activity",
        "answers",
        "armed",
        "as_of",
        "batch",
        "buckets",
        "cart_said",
        "changes_version",
        "churn_version",
        "conduct",
        "contacted_at",
        "counters",
        "customer_id",
        "details",
        "due",
        "due_is_exact",
        "fingerprint",
        "first_at",
        "folded",
        "follow_version",
        "frequency",
        "grid_to",
        "gross",
        "hashes",
        "id_hash",
        "kind",
        "last_at",
        "level",
        "lifecycle",
        "lifecycle_since",
        "market_segments",
        "matrix",
        "monetary",
        "n",
        "need",
        "need_sums",
        "nps_at",
        "nps_score",
        "refunds",
        "region",
        "registered_at",
        "sample",
        "seen",
        "segment",
        "sign_periods",
        "tallied",
        "tickets",
        "tier",
        "tier_since",
        "tier_version",
        "times",
        "version",
        "window_from",
    )

    def __init__(self, customer_id: str) -> None:  # noqa: PLR0915 - one statement a field
        self.customer_id = customer_id
        #: Hash of the id, by which the customer's grid and lot are found.
        self.id_hash = hash_id(customer_id)
        self.times: array[int] = array("q")
        self.gross: array[int] = array("q")
        self.hashes = bytearray()
        self.refunds: dict[int, dict[int, int]] | None = None
        self.folded: list[tuple[int, int, int, int]] | None = None
        self.details: Details | None = None
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
        #: Points of the needs; None while they are to be summed up anew. Only in memory.
        self.need_sums: NeedSums | None = None
        #: A moment of the customer's grid, see `appointments`; 0 where it was not asked for. Only in memory.
        self.grid_to = 0
        #: Signs that follow from counts, by period; None where they were not asked for. Only in memory.
        self.sign_periods: SignPeriods | None = None
        #: What was worked out of the ledger; None while it is to be begun anew. Only in memory.
        self.tallied: Tallied | None = None

        self.counters: dict[int, tuple[int, int]] | None = None
        self.activity: Activity | None = None
        self.answers: Answers | None = None
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
        self.abc = 0
        self.lifecycle = 0
        self.lifecycle_since = 0
        self.matrix = 0
        self.market_segments = 0
        self.need = 0
        self.conduct = 0
        self.cart_said = 0
        self.contacted_at = 0
        self.action = 0
        self.action_at = 0
        self.sample = 0
        self.version = 0
        self.tier_version = 0
        self.churn_version = 0
        self.changes_version = 0
        self.follow_version = 0
        self.buckets: tuple[int, int, int] | None = None
