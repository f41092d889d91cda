"""Tables and figures of the model side by side in two arrays.

A native call passes every field of a tuple, and seven words for each array in it: with an array a table, the calls cost
more than what they do. So `rules.Rules` has those of the churn level and of tiers one by one, since all are looked at
at every look, and these two for all others. Each constant says where its figure, or its table, begins.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Final

import numpy as np

from stream.native.jit import native
from stream.scoring import anomaly
from stream.scoring.abc import CLASSES
from stream.scoring.churn_samples import LAST_EDGES, REPEATS_EDGES, SILENCE_EDGES
from stream.scoring.lifecycle import ROWS_MAX as STAGE_ROWS_MAX
from stream.scoring.lifecycle import STAGES as STAGE_NAMES
from stream.scoring.market_diagrams import PlainSegments, dimensions, plain_segments
from stream.scoring.matrix import CELLS_MAX
from stream.scoring.playbook import HASH_RANGE
from stream.scoring.playbook import ROWS_MAX as ACTIONS_MAX
from stream.scoring.policy import LEVELS
from stream.scoring.rfm import CELLS
from stream.scoring.units import DAY
from stream.state.customer import MATRICES_MAX, TIER_NAMES
from stream.state.model import Model
from stream.state.plain.layout import Doubles, Longs

# Whole numbers.

#: By class said: revenue from which a customer is in B, then in A; minor units.
ABC_CUTS: Final = 0
#: By tier: days between contacts, ms; 0 for never.
CADENCE: Final = ABC_CUTS + 2 * len(CLASSES)
#: Number of matrices, and by matrix: see `stream.scoring.matrix.CompiledMatrices`; its number of cells.
MATRICES: Final = CADENCE + len(TIER_NAMES)
ROW_AXIS: Final = MATRICES + 1
COLUMN_AXIS: Final = ROW_AXIS + MATRICES_MAX
ROW_ENDS: Final = COLUMN_AXIS + MATRICES_MAX
COLUMN_ENDS: Final = ROW_ENDS + MATRICES_MAX
CELL_COUNTS: Final = COLUMN_ENDS + MATRICES_MAX
#: Of the table of discounted orders.
ORDER_ROWS: Final = CELL_COUNTS + MATRICES_MAX
ORDER_COLUMNS: Final = ORDER_ROWS + 1
MARGIN_BASIS_POINTS: Final = ORDER_COLUMNS + 1
#: How long the outcome of an action, and the label of a churn sample, are waited for; ms.
OUTCOME_MS: Final = MARGIN_BASIS_POINTS + 1
HORIZON: Final = OUTCOME_MS + 1
#: Number of actions, none among them; by action: its hash as records keep it, and its deadline in ms.
ACTION_COUNT: Final = HORIZON + 1
ACTION_HASHES: Final = ACTION_COUNT + 1
DEADLINES: Final = ACTION_HASHES + ACTIONS_MAX + 1
#: Number of the action by tier, stage and level.
ACTIONS: Final = DEADLINES + ACTIONS_MAX + 1
#: Cut-points of the lifecycle: how many, and they; and its table.
ORDER_CUTS: Final = ACTIONS + len(TIER_NAMES) * len(STAGE_NAMES) * len(LEVELS)
TENURE_CUTS: Final = ORDER_CUTS + 1
GAP_CUTS: Final = TENURE_CUTS + 1
GONE_CUTS: Final = GAP_CUTS + 1
STAGE_ORDERS: Final = GONE_CUTS + 1
STAGE_TENURE: Final = STAGE_ORDERS + 2 * STAGE_ROWS_MAX
STAGE_GAPS: Final = STAGE_TENURE + STAGE_ROWS_MAX
#: Rule segments: bits of those that always hold; how many hold sometimes; where their diagrams begin; the mark.
MARKET_ALWAYS: Final = STAGE_GAPS + STAGE_ROWS_MAX
MARKET_RULES: Final = MARKET_ALWAYS + 1
MARKET_AT: Final = MARKET_RULES + 1
MARKET_MARK: Final = MARKET_AT + 1
#: Earlier figures that it takes to call one unusual, and how many of the latest are looked back at.
ANOMALY_LEAST: Final = MARKET_MARK + 1
ANOMALY_MOST: Final = ANOMALY_LEAST + 1
STAGES: Final = ANOMALY_MOST + 1

# Real numbers.

LOYALTY_WEIGHTS: Final = 0
CLV_EDGES: Final = 4
PROFIT_EDGES: Final = 8
SCORE_EDGES: Final = 4
"""Edges of a score."""
SPEND_P: Final = 12
SPEND_Q: Final = 13
SPEND_MEAN: Final = 14
#: Who gets no action: those the upper 53 bits of whose hash are below it.
HELD_OUT_BELOW: Final = 15
RHYTHM_WEIGHT: Final = 16
QUIET_WEIGHT: Final = 17
HORIZON_WEEKS: Final = 18
#: Bins of a churn sample's evidence.
REPEATS: Final = 19
LAST: Final = REPEATS + len(REPEATS_EDGES)
SILENCE: Final = LAST + len(LAST_EDGES)
#: By cell of the R-F-M cube.
VALUE_SCORES: Final = SILENCE + len(SILENCE_EDGES)
#: Cuts of the matrices.
CUTS: Final = VALUE_SCORES + len(CELLS)
#: Log-odds of being gone at which the lifecycle looks.
STAGE_GONE: Final = CUTS + MATRICES_MAX * CELLS_MAX
#: Table of discounted orders.
#: Anomalies: spreads from the median; of order values and of gaps the least spread, and `anomaly.ratio_min`.
ANOMALY_Z: Final = STAGE_GONE + STAGE_ROWS_MAX
VALUE_SPREAD: Final = ANOMALY_Z + 1
GAP_SPREAD: Final = VALUE_SPREAD + 1
VALUE_RATIO: Final = GAP_SPREAD + 1
GAP_RATIO: Final = VALUE_RATIO + 1
ORDER_CELLS: Final = GAP_RATIO + 1


def wholes(model: Model) -> Longs:
    """The whole numbers of a model."""
    policy, stages, matrices = model.policy, model.lifecycle, model.matrices
    market, market_at = _plain_segments(model), STAGES + len(stages.table)
    segments = diagrams(market, market_at)
    found = np.zeros(market_at + len(segments), np.int64)
    _put(found, ABC_CUTS, [cut for cuts in model.abc_cuts for cut in cuts])
    _put(found, CADENCE, [days * DAY for days in policy.playbook.cadence_days])
    _put(found, MATRICES, [len(matrices.matrices)])
    _put(found, ROW_AXIS, matrices.row_axis)
    _put(found, COLUMN_AXIS, matrices.column_axis)
    _put(found, ROW_ENDS, matrices.row_ends)
    _put(found, COLUMN_ENDS, matrices.column_ends)
    _put(found, CELL_COUNTS, map(len, matrices.names))
    _put(found, ORDER_ROWS, [model.orders.rows, model.orders.columns, policy.profitability.margin_basis_points])
    _put(found, OUTCOME_MS, [model.outcome_ms, model.churn.horizon, len(model.action_hashes)])
    _put(found, ACTION_HASHES, model.action_hashes)
    _put(found, DEADLINES, [one.deadline_days * DAY for one in model.playbook.actions])
    _put(found, ACTIONS, model.playbook.plain)
    _put(found, ORDER_CUTS, map(len, (stages.orders, stages.tenure_ms, stages.gap_steps, stages.gone)))
    _put(found, STAGE_ORDERS, stages.orders)
    _put(found, STAGE_TENURE, stages.tenure_ms)
    _put(found, STAGE_GAPS, stages.gap_steps)
    _put(found, MARKET_ALWAYS, [market.always, len(market.rules), market_at, model.market.mark])
    _put(found, ANOMALY_LEAST, [policy.anomaly.orders_min, policy.anomaly.history_max])
    _put(found, STAGES, stages.table)
    _put(found, market_at, segments)
    return found


def diagrams(found: PlainSegments, start: int) -> list[int]:
    """Diagrams of rule segments as whole numbers that begin at a place.

    First the bit of each rule and where its first node is; then the nodes: the dimension, and by value of it where the
    next node is, or `HOLDS` or `FAILS` of `stream.scoring.rule_words`.

    Examples
    --------
    >>> from stream.scoring.market_diagrams import Node
    >>> diagrams(PlainSegments(0, ((4, 1),), (Node(2, (-1, -2)), Node(0, (0, -2)))), 100)
    [4, 105, 2, -1, -2, 0, 102, -2]
    """
    sizes = [1 + len(node.following) for node in found.nodes]
    places = list(accumulate(sizes, initial=start + 2 * len(found.rules)))
    words = [word for bit, first in found.rules for word in (bit, places[first])]
    for node in found.nodes:
        words += [node.dimension, *(following if following < 0 else places[following] for following in node.following)]
    return words


@lru_cache(maxsize=2)
def _plain_segments(model: Model) -> PlainSegments:
    """Rule segments of a model; kept, for its rules are compiled anew whenever a segment's name becomes known."""
    return plain_segments(model.market, dimensions(model.policy.segments, model.policy.matrices))


def reals(model: Model) -> Doubles:
    """The real numbers of a model."""
    calibration, spend = model.calibration, model.spend
    found = np.zeros(ORDER_CELLS + len(model.orders.cells), np.float64)
    _put(found, LOYALTY_WEIGHTS, model.policy.loyalty.weights)
    _put(found, CLV_EDGES, calibration.clv_edges_minor)
    _put(found, PROFIT_EDGES, calibration.profit_edges_minor)
    _put(found, SPEND_P, [spend.p, spend.q, spend.mean_minor, model.policy.playbook.hold_out * HASH_RANGE])
    _put(found, RHYTHM_WEIGHT, [model.rhythm_weight, model.quiet_weight, model.churn.horizon_weeks])
    _put(found, REPEATS, (*REPEATS_EDGES, *LAST_EDGES, *SILENCE_EDGES))
    _put(found, VALUE_SCORES, model.value_scores)
    _put(found, CUTS, model.matrices.cuts)
    _put(found, STAGE_GONE, model.lifecycle.gone)
    rows, watched = model.policy.anomaly, (anomaly.ORDER_VALUE, anomaly.GAP)
    spreads = [dict(rows.spread_min)[measure.name] for measure in watched]
    _put(found, ANOMALY_Z, [rows.z, *spreads, *(anomaly.ratio_min(rows, measure) for measure in watched)])
    _put(found, ORDER_CELLS, model.orders.cells)
    return found


@native
def reached(edges: Doubles | Longs, start: int, count: int, value: float) -> int:
    """Edges, of a few in order from `start` on, that are at or below a value."""
    found = 0
    while found < count and edges[start + found] <= value:
        found += 1
    return found


def _put(into: Doubles | Longs, start: int, values: Iterable[float] | Sequence[float]) -> None:
    kept = list(values)
    into[start : start + len(kept)] = kept
