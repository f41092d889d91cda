"""The model as native code reads it: numbers, tables, and the phrases that messages are put together from."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from stream.contracts.decisions import CHURN_RECOVERED, CHURN_WARNING, SCORES, SEGMENT_CHANGED, TIER_CHANGED
from stream.contracts.ids import ID_BYTES_MAX
from stream.native.jit import Bytes
from stream.scoring.policy import LEVELS
from stream.scoring.rfm import CELLS
from stream.state.announcements import TIER_MOVES
from stream.state.customer import TIER_NAMES
from stream.state.model import Model
from stream.state.phrases import after_order
from stream.state.plain.layout import Doubles, Longs
from stream.state.view import DECIMALS
from stream.state.wording import quote

_TIERS: Final = len(TIER_NAMES)
_CELLS: Final = len(CELLS)

# Numbers of the phrases, or of the first of several.

CUSTOMER_ID: Final = 0
AS_OF: Final = 1
VERSION: Final = 2
EFFECTIVE_AT: Final = 3
#: Origin and kind of cause: an event, old news or not; a timer, likewise.
LIVE: Final = 4
SEED: Final = 5
TIMER: Final = 6
TIMER_SEED: Final = 7
RFM: Final = 8
FREQUENCY: Final = 9
MONETARY: Final = 10
SEGMENT: Final = 11
CALIBRATION: Final = 12
FROM: Final = 13
TO: Final = 14
COMMA: Final = 15
FIRST_ORDER_AT: Final = 16
LAST_ORDER_AT: Final = 17
SCORES_RFM: Final = 18
NEXT_CHANGE_AT: Final = 19
#: Of a text and of the object that it is the last of.
END: Final = 20
LEVEL: Final = 21
FROM_LEVEL: Final = 22
RISK: Final = 23
P_ALIVE: Final = 24
DAYS_SINCE: Final = 25
EXPECTED_GAP: Final = 26
REASONS: Final = 27
END_OF_LIST: Final = 28
AT_STAKE: Final = 29
END_OF_TEXT: Final = 30
CHURN: Final = 31
BECAUSE_ALIVE: Final = 32
DETAIL_ALIVE: Final = 33
ORDERS: Final = 34
END_OF_DETAIL: Final = 35
USUAL_GAP: Final = 36
#: What an id is the hash of, between customer and cause: the one of an event, then the one of a timer.
TIER_CHANGED_ID: Final = 37
SEGMENT_CHANGED_ID: Final = 39
WARNING_ID: Final = 41
RECOVERED_ID: Final = 43
SCORES_ID: Final = 45
_FIXED: Final = 47
#: By tier.
TIER: Final = _FIXED
#: By tier that was said, times the number of tiers, and tier that is.
MOVE: Final = TIER + _TIERS
#: By churn level.
LEVEL_NAME: Final = MOVE + _TIERS * _TIERS
#: By cell: segment and value score; the three scores.
STANDING: Final = LEVEL_NAME + len(LEVELS)
SCORE: Final = STANDING + _CELLS
#: By step of the gap table: up to the days of silence; the ratio.
GAP: Final = SCORE + _CELLS
#: Steps that a gap table may have.
STEPS_MAX: Final = 16
GAP_STEP: Final = GAP + STEPS_MAX + 1
#: By number of segment.
SEGMENT_NAME: Final = GAP_STEP + STEPS_MAX + 1

#: Segments there may be names of: those of the policies of the past that records still speak of are among them.
SEGMENTS_MAX: Final = 256

#: By number of orders.
AFTER_ORDER: Final = SEGMENT_NAME + SEGMENTS_MAX

#: No message has more phrases than this, nor more bytes of numbers and moments.
_PHRASES_MAX: Final = 40
_NUMBERS_BYTES_MAX: Final = 600


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
    rhythm_orders_min: int
    warn_level: int
    exponent: int
    message_bytes_max: int
    r: float
    alpha: float
    bias: float
    alive_weight: float
    gap_min: float
    recency_edges: Longs
    frequency_edges: Doubles
    monetary_edges: Doubles
    raw_tiers: Longs
    segments: Longs
    gap_ratios: Doubles
    gap_weights: Doubles
    level_logits: Doubles
    log_odds: Doubles
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
    None where there are more segments than numbers, or too many gap steps: then nobody is kept as plain.
    """
    segments = [names.number(segment) for segment in model.segments]
    if None in segments or len(model.gap_ratios) > STEPS_MAX:
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
        rhythm_orders_min=model.rhythm_orders_min,
        warn_level=model.warn_level,
        exponent=exponent,
        message_bytes_max=_PHRASES_MAX * longest + 5 * ID_BYTES_MAX + _NUMBERS_BYTES_MAX,
        r=model.r,
        alpha=model.alpha,
        bias=model.bias,
        alive_weight=model.alive_weight,
        gap_min=float(model.gap_min),
        recency_edges=np.array(model.recency_edges, np.int64),
        frequency_edges=np.array(model.frequency_edges, np.float64),
        monetary_edges=np.array(model.monetary_edges, np.float64),
        raw_tiers=np.array(model.raw_tiers, np.int64).ravel(),
        segments=np.array(segments, np.int64),
        gap_ratios=np.array(model.gap_ratios, np.float64),
        gap_weights=np.array(model.gap_weights, np.float64),
        level_logits=np.array(model.level_logits, np.float64),
        log_odds=np.array(model.log_odds_at_once, np.float64),
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
        '","origin":"timer","cause":{"kind":"timer","id":"',
        '","origin":"seed","cause":{"kind":"timer","id":"',
        ',"rfm":{"recency_days":',
        ',"frequency":',
        ',"monetary":"',
        ',"segment":',
        f',"calibration":{model.number}}}',
        '"from":',
        ',"to":',
        ",",
        ',"first_order_at":"',
        '","last_order_at":"',
        '","rfm":{"recency_days":',
        ',"next_change_at":"',
        '"}',
        ',"level":"',
        '","from_level":"',
        '","risk":',
        ',"p_alive":',
        ',"days_since_last_order":',
        ',"expected_gap_days":',
        ',"reasons":[',
        "]",
        ',"value_at_stake":"',
        '",',
        ',"churn":{"level":"',
        '{"code":"p_alive","weight":',
        ',"detail":{"p_alive":',
        ',"orders":',
        "}}",
        ',"usual_gap_days":',
    ]
    kinds = (TIER_CHANGED, SEGMENT_CHANGED, CHURN_WARNING, CHURN_RECOVERED, SCORES)
    ids = [f"\0{kind}\0{cause}\0" for kind in kinds for cause in ("event", "timer")]
    tiers = [f',"calibration":{model.number},"tier":"{name}","tier_since":"' for name in TIER_NAMES]
    moves = [move for row in TIER_MOVES for move in row]
    standings = [
        f'","segment":{quote(segment)},"value_score":{value},"orders":'
        for segment, value in zip(model.segments, model.value_scores, strict=True)
    ]
    scores = [f'","r":{r},"f":{f},"m":{m}}}' for r, f, m in CELLS]
    gaps = [
        f'{{"code":"gap","weight":{round(weight, DECIMALS)},"detail":{{"days_since_last_order":'
        for weight in model.gap_weights
    ]
    steps = ["", *[f',"step":{ratio}}}}}' for ratio in model.gap_ratios]]
    filled = [*(gaps + [""] * (STEPS_MAX + 1 - len(gaps))), *(steps + [""] * (STEPS_MAX + 1 - len(steps)))]
    return [phrase.encode() for phrase in (*fixed, *ids, *tiers, *moves, *LEVELS, *standings, *scores, *filled)]


def _segment_phrases(names: Sequence[str]) -> list[bytes]:
    """By number; no segment is null."""
    known = [quote(name).encode() if name else b"null" for name in names]
    return known + [b""] * (SEGMENTS_MAX - len(known))


@lru_cache(maxsize=2)
def _after_orders(model: Model) -> list[bytes]:
    """What is said of churn right after an order, by number of orders."""
    said = [after_order(model, n, model.fresh_levels[n - 1][0]).encode() for n in range(1, model.tabled_orders + 1)]
    return [b"", *[b"," + text for text in said]]
