"""The model as native code reads it: numbers, tables, and the phrases that messages are put together from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from stream.contracts.ids import ID_BYTES_MAX
from stream.native.jit import Bytes
from stream.native.reference import by_reference
from stream.native.words import RUN
from stream.state.model import Model
from stream.state.plain import phrases, tables
from stream.state.plain.layout import Doubles, Longs
from stream.state.plain.phrases import SEGMENTS_MAX, STEPS_MAX


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
    wholes, reals
        All other figures and tables, see `tables`.
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
    wholes: Longs
    reals: Doubles
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
    texts = phrases.texts(model, names.names())
    words, spans = joined(texts)
    longest = max(map(len, texts))
    rules = Rules(
        fingerprint=model.fingerprint,
        window=model.window,
        min_stay=model.min_stay,
        entries_max=min(orders_max, model.tabled_orders),
        rhythm_orders_min=model.rhythm_orders_min,
        warn_level=model.warn_level,
        exponent=exponent,
        message_bytes_max=phrases.PHRASES_MAX * longest + 5 * ID_BYTES_MAX + phrases.NUMBERS_BYTES_MAX + RUN,
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
        wholes=tables.wholes(model),
        reals=tables.reals(model),
        phrases=words,
        spans=spans,
    )
    return by_reference(rules)


def joined(texts: Sequence[bytes]) -> tuple[Bytes, Longs]:
    """Texts behind one another, with room to copy a run from the last, and where each begins and ends.

    >>> words, spans = joined([b"ab", b"", b"c"])
    >>> bytes(words[:3]), spans.tolist()
    (b'abc', [[0, 2], [2, 2], [2, 3]])
    """
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    spans = np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=1)
    return np.frombuffer(bytearray(b"".join([*texts, bytes(RUN)])), np.uint8), np.ascontiguousarray(spans)
