"""What is where: the columns of a row, and the registers of the whole."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Longs = NDArray[np.int64]
Doubles = NDArray[np.float64]

# A row. Moments in ms, money in minor units; names as in `stream.state.customer.Customer`.

#: One of the forms below.
FORM: Final = 0
#: 64-bit hash of the customer id, where it lies in the heap, and its bytes.
ID_HASH: Final = 1
ID_AT: Final = 2
ID_SIZE: Final = 3
#: Where the ledger lies in the heap, entries it has room for, entries it has.
LEDGER_AT: Final = 4
ROOM: Final = 5
N: Final = 6
WINDOW_FROM: Final = 7
FREQUENCY: Final = 8
MONETARY: Final = 9
LAST_AT: Final = 10
AS_OF: Final = 11
DUE: Final = 12
DUE_IS_EXACT: Final = 13
ARMED: Final = 14
FINGERPRINT: Final = 15
TIER: Final = 16
TIER_SINCE: Final = 17
#: Number of its name, see `rules.SegmentNames`.
SEGMENT: Final = 18
LEVEL: Final = 19
VERSION: Final = 20
TIER_VERSION: Final = 21
CHURN_VERSION: Final = 22
CHANGES_VERSION: Final = 23
BUCKET_F: Final = 24
BUCKET_M: Final = 25
BUCKET_L: Final = 26
#: Batch that touched it last.
BATCH: Final = 27
#: Event of the batch that changed the classification last; `A_TIMER`, and its moment below; `NO_CAUSE` for none.
CAUSE: Final = 28
#: Number of the last look that found the customer, or 0 since the hand of the clock passed, see `index.evict`.
RECENT: Final = 29
#: Batch in which something was left to the plain form; so is all that follows in that batch.
LEFT: Final = 30
#: Whether the id stands in JSON as it is: printable ASCII without quotes and backslashes.
SAFE: Final = 31
#: See `CAUSE`.
CAUSE_AT: Final = 32
ABC: Final = 33
LIFECYCLE: Final = 34
LIFECYCLE_SINCE: Final = 35
MATRIX: Final = 36
MARKET_SEGMENTS: Final = 37
CONTACTED_AT: Final = 38
ACTION: Final = 39
ACTION_AT: Final = 40
SAMPLE: Final = 41
FOLLOW_VERSION: Final = 42
COLUMNS: Final = 43

# Forms of a row.

#: Nobody's.
FREE: Final = 0
#: Somebody whose record is being loaded.
AWAITED: Final = 1
#: A plain customer: all of it is here.
PLAIN: Final = 2
#: A customer kept as an object; only the id is here.
OBJECT: Final = 3

NO_CAUSE: Final = -1
A_TIMER: Final = -2

# Registers.

#: Words of the heap that were ever given out.
HEAP_END: Final = 0
#: Rows that were ever given out, and those in use.
ROWS_END: Final = 1
ROWS_USED: Final = 2
#: First of the rows given back, plus one; each holds the next in `ID_AT`.
FREE_ROW: Final = 3
#: Where the hand of the clock stands.
HAND: Final = 4
#: First of the pieces given back of 2**k words, plus one, for each k.
FREE_PIECES: Final = 8
REGISTERS: Final = FREE_PIECES + 24


class Memory(NamedTuple):
    """All plain customers of a shard.

    Attributes
    ----------
    rows
        One customer each, see above.
    heap
        Ledgers and ids, in pieces of 2**k words of 8 bytes.
    places
        Open addressing by id hash: row + 1, or 0. A power of two, at least twice the rows.
    registers
        See above.
    """

    rows: Longs
    heap: Longs
    places: Longs
    registers: Longs
