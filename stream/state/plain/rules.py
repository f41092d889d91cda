"""The model as native code reads it: numbers, tables, and the phrases that messages are put together from."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stream.contracts.ids import ID_BYTES_MAX
from stream.native.jit import Bytes
from stream.scoring.churn_samples import LAST_EDGES, REPEATS_EDGES, SILENCE_EDGES
from stream.scoring.playbook import HASH_RANGE
from stream.scoring.units import DAY
from stream.state.model import Model
from stream.state.plain import phrases
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
    abc_cuts
        By class said: revenue from which a customer is in B, then in A.
    stage_orders, stage_tenure, stage_gaps, stage_gone, stages
        Cut-points and table of the lifecycle.
    order_rows, order_columns, order_cells
        Table of discounted orders.
    row_axis, column_axis, row_ends, column_ends, cuts
        The matrices, see `stream.scoring.matrix.CompiledMatrices`.
    cell_counts
        Cells of each matrix.
    actions
        Number of the action by tier, stage and level.
    held_out_below
        Who gets no action: those the upper 53 bits of whose hash are below it.
    action_hashes
        By number of the action, as records keep it.
    deadlines
        By number of the action, ms.
    cadence
        By tier, ms; 0 for never.
    horizon
        Of churn samples, ms.
    repeats_edges, last_edges, silence_edges
        Bins of a sample's evidence, see `stream.scoring.churn_samples`.
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
    abc_cuts: Longs
    stage_orders: Longs
    stage_tenure: Longs
    stage_gaps: Longs
    stage_gone: Doubles
    stages: Longs
    loyalty_weights: Doubles
    order_rows: int
    order_columns: int
    order_cells: Doubles
    spend_p: float
    spend_q: float
    spend_mean: float
    margin_basis_points: int
    value_scores: Doubles
    clv_edges: Doubles
    profit_edges: Doubles
    row_axis: Longs
    column_axis: Longs
    row_ends: Longs
    column_ends: Longs
    cuts: Doubles
    cell_counts: Longs
    actions: Longs
    held_out_below: float
    action_hashes: Longs
    deadlines: Longs
    outcome_ms: int
    cadence: Longs
    rhythm_weight: float
    quiet_weight: float
    horizon: int
    horizon_weeks: float
    repeats_edges: Doubles
    last_edges: Doubles
    silence_edges: Doubles
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
    ends = np.cumsum([len(text) for text in texts], dtype=np.int64)
    spans = np.stack([np.concatenate([[0], ends[:-1]]), ends], axis=1)
    longest = max(map(len, texts))
    stages, matrices, policy = model.lifecycle, model.matrices, model.policy
    return Rules(
        fingerprint=model.fingerprint,
        window=model.window,
        min_stay=model.min_stay,
        entries_max=min(orders_max, model.tabled_orders),
        rhythm_orders_min=model.rhythm_orders_min,
        warn_level=model.warn_level,
        exponent=exponent,
        message_bytes_max=phrases.PHRASES_MAX * longest + 5 * ID_BYTES_MAX + phrases.NUMBERS_BYTES_MAX,
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
        abc_cuts=np.array(model.abc_cuts, np.int64).ravel(),
        stage_orders=np.array(stages.orders, np.int64),
        stage_tenure=np.array(stages.tenure_ms, np.int64),
        stage_gaps=np.array(stages.gap_steps, np.int64),
        stage_gone=np.array(stages.gone, np.float64),
        stages=np.array(stages.table, np.int64),
        loyalty_weights=np.array(policy.loyalty.weights, np.float64),
        order_rows=model.orders.rows,
        order_columns=model.orders.columns,
        order_cells=np.array(model.orders.cells, np.float64),
        spend_p=model.spend.p,
        spend_q=model.spend.q,
        spend_mean=model.spend.mean_minor,
        margin_basis_points=policy.profitability.margin_basis_points,
        value_scores=np.array(model.value_scores, np.float64),
        clv_edges=np.array(model.calibration.clv_edges_minor, np.float64),
        profit_edges=np.array(model.calibration.profit_edges_minor, np.float64),
        row_axis=np.array(matrices.row_axis, np.int64),
        column_axis=np.array(matrices.column_axis, np.int64),
        row_ends=np.array(matrices.row_ends, np.int64),
        column_ends=np.array(matrices.column_ends, np.int64),
        cuts=np.array(matrices.cuts, np.float64),
        cell_counts=np.array([len(names) for names in matrices.names], np.int64),
        actions=np.array(model.playbook.plain, np.int64),
        held_out_below=policy.playbook.hold_out * HASH_RANGE,
        action_hashes=np.array(model.action_hashes, np.int64),
        deadlines=np.array([one.deadline_days for one in model.playbook.actions], np.int64) * DAY,
        outcome_ms=model.outcome_ms,
        cadence=np.array(policy.playbook.cadence_days, np.int64) * DAY,
        rhythm_weight=model.rhythm_weight,
        quiet_weight=model.quiet_weight,
        horizon=model.churn.horizon,
        horizon_weeks=model.churn.horizon_weeks,
        repeats_edges=np.array(REPEATS_EDGES, np.float64),
        last_edges=np.array(LAST_EDGES, np.float64),
        silence_edges=np.array(SILENCE_EDGES, np.float64),
        phrases=np.frombuffer(bytearray(b"".join(texts)), np.uint8),
        spans=np.ascontiguousarray(spans),
    )
