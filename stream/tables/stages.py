"""How many customers were at which stage of life when a window began.

Redis holds how many there are now (`stream.state.histograms`) and who moved in each hour and day. So there were those
of now, less all who came since the window began, and with all who went. A move counts from its `effective_at`: one that
a calibration brings about, from the customer's last look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Final

from stream.scoring.lifecycle import STAGES
from stream.state.table_names import LOST, WON_BACK
from stream.store.calls import Client, call
from stream.store.keys import Keys
from stream.tables.reading import sums

_PROSPECT: Final = STAGES[0]
_MOVES: Final = {f"lifecycle_moves|{was}>{became}": (was, became) for was, became in permutations(STAGES, 2)}
_RETURN: Final = f"lifecycle_moves|{LOST}>{WON_BACK}"
_NOW: Final = {f"s:{stage}": stage for stage in STAGES if stage != _PROSPECT}


async def counts(redis: Client, prefix: str, partitions: int, suffixes: Sequence[str]) -> dict[str, int]:
    """Customers at risk and gone when a window began, and those of the gone who came back in it.

    Parameters
    ----------
    suffixes
        Key suffixes of the window's buckets, up to the newest there is.

    Raises
    ------
    StoreUnavailable
        Redis cannot be reached.
    """
    moved = await sums(redis, prefix, partitions, suffixes, list(_MOVES))
    there: Counter[str] = Counter()
    for shard in range(partitions):
        found = await call(redis, "HMGET", Keys(prefix, shard).histograms, *_NOW)
        there.update({stage: int(n or 0) for stage, n in zip(_NOW.values(), found, strict=True)})
    began = before(there, moved)
    gone = began.pop(LOST)
    return {"at_risk": sum(began.values()), "gone": gone, "returned": moved[_RETURN]}


def before(there: Mapping[str, int], moved: Mapping[str, int]) -> dict[str, int]:
    """Customers at each stage but the first, before these moves.

    Examples
    --------
    >>> before({"churned": 3, "won_back": 1}, {"lifecycle_moves|churned>won_back": 1})["churned"]
    4
    """
    began = {stage: there.get(stage, 0) for stage in STAGES}
    for field, count in moved.items():
        was, became = _MOVES[field]
        began[was] += count
        began[became] -= count
    del began[_PROSPECT]
    return began
