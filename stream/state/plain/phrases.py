"""The phrases that messages of plain customers are put together from: their numbers, and their texts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from stream.contracts.decisions import (
    ANOMALY,
    CHURN_RECOVERED,
    CHURN_WARNING,
    CUSTOMER_CHANGED,
    FOLLOW_UP_DUE,
    SCORES,
    TIER_CHANGED,
)
from stream.scoring import anomaly
from stream.scoring.abc import CLASSES
from stream.scoring.lifecycle import STAGES
from stream.scoring.market_segments import RULES_MAX
from stream.scoring.playbook import ROWS_MAX
from stream.scoring.policy import LEVELS
from stream.scoring.rfm import CELLS
from stream.scoring.units import DAY
from stream.state.announcements import TIER_MOVES
from stream.state.changes import ABC_MOVES, STAGE_MOVES, move_text
from stream.state.customer import MATRICES_MAX, MATRIX_BITS, TIER_NAMES
from stream.state.model import Model
from stream.state.phrases import after_order
from stream.state.view import DECIMALS
from stream.state.wording import STANDINGS, quote

_TIERS: Final = len(TIER_NAMES)
_CELLS: Final = len(CELLS)
_CLASSES: Final = len(CLASSES)
_STAGES: Final = len(STAGES)

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
CUSTOMER_CHANGED_ID: Final = 39
WARNING_ID: Final = 41
RECOVERED_ID: Final = 43
SCORES_ID: Final = 45
CHANGES: Final = 47
END_OF_CHANGES: Final = 48
A_SEGMENT: Final = 49
#: Of a change, and between fields of text.
END_OF_CHANGE: Final = 50
CLV: Final = 51
#: Of an amount.
QUOTE: Final = 52
MATRIX: Final = 53
LOYALTY: Final = 54
#: What ends a number or a list with the calibration, and leaves the object open.
CALIBRATION_OPEN: Final = 55
BECAUSE_RHYTHM: Final = 56
DETAIL_RHYTHM: Final = 57
HORIZON: Final = 58
BECAUSE_QUIET: Final = 59
DETAIL_QUIET: Final = 60
DEADLINE: Final = 61
FOLLOW_UP_DUE_ID: Final = 62
#: Of an order that is unusual: which figure is, and its usual range.
VALUE_IS: Final = 64
GAP_IS: Final = 65
USUAL_FROM: Final = 66
USUAL_TO: Final = 67
#: No timer leads to one.
ANOMALY_ID: Final = 68
_FIXED: Final = 69
#: By tier.
TIER: Final = _FIXED
#: By tier that was said, times the number of tiers, and tier that is.
MOVE: Final = TIER + _TIERS
#: By churn level.
LEVEL_NAME: Final = MOVE + _TIERS * _TIERS
#: By cell: segment; value score; the three scores.
STANDING: Final = LEVEL_NAME + len(LEVELS)
VALUE: Final = STANDING + _CELLS
SCORE: Final = VALUE + _CELLS
#: By step of the gap table: up to the days of silence; the ratio.
GAP: Final = SCORE + _CELLS
#: Steps that a gap table may have.
STEPS_MAX: Final = 16
GAP_STEP: Final = GAP + STEPS_MAX + 1
#: By class, and by class times the number of stages and stage: what is said of them.
CLASS: Final = GAP_STEP + STEPS_MAX + 1
CLASS_AND_STAGE: Final = CLASS + _CLASSES
#: By rank that was said, times the number of ranks, and rank that is.
CLASS_MOVE: Final = CLASS_AND_STAGE + _CLASSES * _STAGES
STAGE_MOVE: Final = CLASS_MOVE + _CLASSES * _CLASSES
#: By matrix: what a change begins with; its name as a key.
A_CELL: Final = STAGE_MOVE + _STAGES * _STAGES
MATRIX_NAME: Final = A_CELL + MATRICES_MAX
#: By matrix times `CELLS_KEPT`, and number of the cell plus 1; 0 is null.
CELLS_KEPT: Final = 1 << MATRIX_BITS
CELL_NAME: Final = MATRIX_NAME + MATRICES_MAX
#: By number of the action; that of none is empty.
ACTION: Final = CELL_NAME + MATRICES_MAX * CELLS_KEPT
#: By number of the action: what a follow-up says of it and its channel.
TO_DO: Final = ACTION + ROWS_MAX + 2
#: By tier; by stage.
FOLLOW_TIER: Final = TO_DO + ROWS_MAX + 2
FOLLOW_STAGE: Final = FOLLOW_TIER + _TIERS
#: What the rule segments begin with; by rule: its name; the change of who left, and of who entered.
RULES: Final = FOLLOW_STAGE + _STAGES
RULE_NAME: Final = RULES + 1
RULE_LEFT: Final = RULE_NAME + RULES_MAX
RULE_ENTERED: Final = RULE_LEFT + RULES_MAX
#: By number of segment.
SEGMENT_NAME: Final = RULE_ENTERED + RULES_MAX

#: Segments there may be names of: those of the policies of the past that records still speak of are among them.
SEGMENTS_MAX: Final = 256

#: By number of orders.
AFTER_ORDER: Final = SEGMENT_NAME + SEGMENTS_MAX

#: No message has more phrases than this, nor more bytes of numbers and moments.
PHRASES_MAX: Final = 100
NUMBERS_BYTES_MAX: Final = 1_000


def texts(model: Model, segments: Sequence[str]) -> list[bytes]:
    """All phrases by their numbers; `segments`: names of segments by number."""
    return [*_all_others(model), *_segment_phrases(segments), *_after_orders(model)]


def _all_others(model: Model) -> list[bytes]:
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
    kinds = (TIER_CHANGED, CUSTOMER_CHANGED, CHURN_WARNING, CHURN_RECOVERED, SCORES)
    more = [
        '"changes":[',
        "],",
        '{"what":"segment","from":',
        "}",
        ',"clv":"',
        '"',
        ',"matrix":{',
        ',"loyalty":',
        f',"calibration":{model.number}',
        '{"code":"rhythm","weight":',
        ',"detail":{"p_no_order":',
        f',"horizon_days":{model.churn.horizon / DAY}}}}}',
        '{"code":"quiet","weight":',
        ',"detail":{"growth":',
        ',"deadline":"',
        *[f"\0{FOLLOW_UP_DUE}\0{cause}\0" for cause in ("event", "timer")],
        *[f',"figure":"{measure.name}","value":' for measure in (anomaly.ORDER_VALUE, anomaly.GAP)],
        ',"usual_from":',
        ',"usual_to":',
        f"\0{ANOMALY}\0event\0",
    ]
    ids = [f"\0{kind}\0{cause}\0" for kind in kinds for cause in ("event", "timer")]
    tiers = [f',"calibration":{model.number},"tier":"{name}","tier_since":"' for name in TIER_NAMES]
    moves = [move for row in TIER_MOVES for move in row]
    standings = [f'","segment":{quote(segment)}' for segment in model.segments]
    values = [f',"value_score":{value},"orders":' for value in model.value_scores]
    scores = [f'","r":{r},"f":{f},"m":{m}}}' for r, f, m in CELLS]
    gaps = [
        f'{{"code":"gap","weight":{round(weight, DECIMALS)},"detail":{{"days_since_last_order":'
        for weight in model.gap_weights
    ]
    steps = ["", *[f',"step":{ratio}}}}}' for ratio in model.gap_ratios]]
    filled = [*(gaps + [""] * (STEPS_MAX + 1 - len(gaps))), *(steps + [""] * (STEPS_MAX + 1 - len(steps)))]
    rows = (fixed, ids, more, tiers, moves, LEVELS, standings, values, scores, filled)
    return [phrase.encode() for row in rows for phrase in row] + _classes(model)


def _classes(model: Model) -> list[bytes]:
    """Classes, stages, cells, actions and rule segments."""
    found = ["", *[f',"abc":"{name}"' for name in CLASSES[1:]]]
    found += [said for row in STANDINGS for said in row]
    found += [move for row in ABC_MOVES for move in row] + [move for row in STAGE_MOVES for move in row]
    matrices, cells = model.matrices.matrices, model.matrices.names
    without = [""] * (MATRICES_MAX - len(matrices))
    found += [f'{{"what":"matrix","name":{quote(name)},"from":' for name in matrices] + without
    found += [f"{quote(name)}:" for name in matrices] + without
    for names in (*cells, *[()] * len(without)):
        # Numbers that an earlier policy gave, and this one does not know, are none.
        found += ["null", *map(quote, names), *["null"] * (CELLS_KEPT - 1 - len(names))]
    actions = [f',"action":{quote(one.action)}' for one in model.playbook.actions[1:]]
    found += ["", *actions, *[""] * (ROWS_MAX + 1 - len(actions))]
    to_do = [f'"action":{quote(one.action)},"channel":{quote(one.channel)}' for one in model.playbook.actions[1:]]
    found += ["", *to_do, *[""] * (ROWS_MAX + 1 - len(to_do))]
    found += [f',"tier":"{name}"' for name in TIER_NAMES] + [f',"lifecycle":"{stage}",' for stage in STAGES]
    rules = model.market.rule_names
    without = [""] * (RULES_MAX - len(rules))
    found += [',"market_segments":[', *map(quote, rules), *without]
    found += [move_text("market_segment", name, None, name) for name in rules] + without
    found += [move_text("market_segment", None, name, name) for name in rules] + without
    return [phrase.encode() for phrase in found]


def _segment_phrases(names: Sequence[str]) -> list[bytes]:
    """By number; no segment is null."""
    known = [quote(name).encode() if name else b"null" for name in names]
    return known + [b""] * (SEGMENTS_MAX - len(known))


@lru_cache(maxsize=2)
def _after_orders(model: Model) -> list[bytes]:
    """What is said of churn right after an order, by number of orders."""
    said = [after_order(model, n, model.fresh_levels[n - 1][0]).encode() for n in range(1, model.tabled_orders + 1)]
    return [b"", *[b"," + text for text in said]]
