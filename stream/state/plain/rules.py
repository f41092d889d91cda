"""The model as native code reads it: numbers, tables, and the phrases that messages are put together from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from stream.contracts.decisions import SCORES, SEGMENT_CHANGED, TIER_CHANGED
from stream.contracts.ids import ID_BYTES_MAX
from stream.native.jit import Bytes
from stream.scoring.rfm import CELLS
from stream.state.announcements import TIER_MOVES
from stream.state.customer import TIER_NAMES
from stream.state.model import Model
from stream.state.phrases import after_order
from stream.state.plain.layout import Doubles, Longs
from stream.state.wording import quote

_TIERS: Final = len(TIER_NAMES)
_CELLS: Final = len(CELLS)

# Numbers of the phrases, or of the first of several.

CUSTOMER_ID: Final = 0
AS_OF: Final = 1
VERSION: Final = 2
EFFECTIVE_AT: Final = 3
LIVE: Final = 4
SEED: Final = 5
RFM: Final = 6
MONETARY: Final = 7
SEGMENT: Final = 8
CALIBRATION: Final = 9
FROM: Final = 10
TO: Final = 11
COMMA: Final = 12
FIRST_ORDER_AT: Final = 13
LAST_ORDER_AT: Final = 14
SCORES_RFM: Final = 15
NEXT_CHANGE_AT: Final = 16
#: Of a text and of the object that it is the last of.
END: Final = 17
TIER_CHANGED_ID: Final = 18
SEGMENT_CHANGED_ID: Final = 19
SCORES_ID: Final = 20
_FIXED: Final = 21
#: By tier.
TIER: Final = _FIXED
#: By tier that was said, times the number of tiers, and tier that is.
MOVE: Final = TIER + _TIERS
#: By cell: segment and value score; the three scores.
STANDING: Final = MOVE + _TIERS * _TIERS
SCORE: Final = STANDING + _CELLS
#: By number of segment.
SEGMENT_NAME: Final = SCORE + _CELLS

#: Segments there may be names of: those of the policies of the past that records still speak of are among them.
SEGMENTS_MAX: Final = 256

#: By number of orders.
AFTER_ORDER: Final = SEGMENT_NAME + SEGMENTS_MAX

#: No message has more phrases than this, nor more bytes of numbers and moments.
_PHRASES_MAX: Final = 20
_NUMBERS_BYTES_MAX: Final = 300


class Rules(NamedTuple):
    """What `orders` and `announce` read. Times in ms.

    Attributes
    ----------
    entries_max
        Entries that a ledger may have and still be plain.
    raw_tiers
        By tier said and cell.
    segments
        Number of the segment by cell.
    phrases, spans
        Texts, and where each begins and ends.
    message_bytes_max
        No message that `announce` writes is longer, key and scratch included.

    All others are as in `stream.state.model.Model`.
    """

    fingerprint: int
    window: int
    min_stay: int
    entries_max: int
    rhythm_from: int
    fresh_age: int
    warn_level: int
    exponent: int
    message_bytes_max: int
    alpha: float
    fresh_gap: float
    gap_min: float
    monetary_edges: Doubles
    raw_tiers: Longs
    segments: Longs
    fresh_cells: Longs
    fresh_levels: Longs
    fresh_growth: Doubles
    phrases: Bytes
    spans: Longs


class SegmentNames:
    """Names of segments by number, and the other way round; number 0 is that of no segment.

    Examples
    --------
    >>> names = SegmentNames()
    >>> names.number("loyal"), names.number("loyal"), names.name(0), names.name(1)
    (1, 1, '', 'loyal')
    """

    def __init__(self) -> None:
        self._numbers = {"": 0}

    def __len__(self) -> int:
        return len(self._numbers)

    def number(self, name: str) -> int | None:
        """Number of a name, a new one where it has none yet; None where there are `SEGMENTS_MAX` already."""
        found = self._numbers.get(name)
        if found is None and len(self._numbers) < SEGMENTS_MAX:
            found = self._numbers[name] = len(self._numbers)
        return found

    def name(self, number: int) -> str:
        """Name of a number."""
        return list(self._numbers)[number]

    def names(self) -> list[str]:
        """All names, by number."""
        return list(self._numbers)


def compile_rules(model: Model, names: SegmentNames, orders_max: int, exponent: int) -> Rules | None:
    """Compile a model for native code.

    Parameters
    ----------
    model
        The rules.
    names
        Numbers of segments; those of the model are given one.
    orders_max
        Entries that any ledger may have.
    exponent
        Digits of the base currency's minor unit.

    Returns
    -------
    None where there are more segments than numbers: then nobody is kept as plain.
    """
    segments = [names.number(segment) for segment in model.segments]
    if None in segments:
        return None
    phrases = [*_phrases(model), *_segment_phrases(names.names()), *_after_orders(model)]
    ends = np.cumsum([len(phrase) for phrase in phrases], dtype=np.int64)
    spans = np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=1)
    longest = max(map(len, phrases))
    return Rules(
        fingerprint=model.fingerprint,
        window=model.window,
        min_stay=model.min_stay,
        entries_max=min(orders_max, model.tabled_orders),
        rhythm_from=model.rhythm_orders_min - 1,
        fresh_age=model.fresh_age,
        warn_level=model.warn_level,
        exponent=exponent,
        message_bytes_max=_PHRASES_MAX * longest + 5 * ID_BYTES_MAX + _NUMBERS_BYTES_MAX,
        alpha=model.alpha,
        fresh_gap=model.fresh_gap,
        gap_min=model.gap_min,
        monetary_edges=np.array(model.monetary_edges, np.float64),
        raw_tiers=np.array(model.raw_tiers, np.int64).ravel(),
        segments=np.array(segments, np.int64),
        fresh_cells=np.array(model.fresh_cells, np.int64),
        fresh_levels=np.array([level for level, _ in model.fresh_levels], np.int64),
        fresh_growth=np.array([growth for _, growth in model.fresh_levels], np.float64),
        phrases=np.frombuffer(bytearray(b"".join(phrases)), np.uint8),
        spans=np.ascontiguousarray(spans),
    )


def _phrases(model: Model) -> list[bytes]:
    """All but those of segments and numbers of orders."""
    fixed = [
        '{"customer_id":"',
        '","as_of":"',
        '","version":',
        '"effective_at":"',
        '","origin":"live","cause":{"kind":"event","id":"',
        '","origin":"seed","cause":{"kind":"event","id":"',
        ',"rfm":{"recency_days":0.0,"frequency":',
        ',"monetary":"',
        ',"segment":',
        f',"calibration":{model.number}}}',
        '"from":',
        ',"to":',
        ",",
        ',"first_order_at":"',
        '","last_order_at":"',
        '","rfm":{"recency_days":0.0,"frequency":',
        ',"next_change_at":"',
        '"}',
        f"\0{TIER_CHANGED}\0event\0",
        f"\0{SEGMENT_CHANGED}\0event\0",
        f"\0{SCORES}\0event\0",
    ]
    tiers = [f',"calibration":{model.number},"tier":"{name}","tier_since":"' for name in TIER_NAMES]
    moves = [move for row in TIER_MOVES for move in row]
    standings = [
        f'","segment":{quote(segment)},"value_score":{value},"orders":'
        for segment, value in zip(model.segments, model.value_scores, strict=True)
    ]
    scores = [f'","r":{r},"f":{f},"m":{m}}}' for r, f, m in CELLS]
    return [phrase.encode() for phrase in (*fixed, *tiers, *moves, *standings, *scores)]


def _segment_phrases(names: Sequence[str]) -> list[bytes]:
    """By number; no segment is null."""
    known = [quote(name).encode() if name else b"null" for name in names]
    return known + [b""] * (SEGMENTS_MAX - len(known))


@lru_cache(maxsize=2)
def _after_orders(model: Model) -> list[bytes]:
    """What is said of churn right after an order, by number of orders."""
    said = [after_order(model, n, model.fresh_levels[n - 1][0]).encode() for n in range(1, model.tabled_orders + 1)]
    return [b"", *[b"," + text for text in said]]
