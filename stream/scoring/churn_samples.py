"""What churn is learned from: a look at each customer at fixed moments, and whether they came back by the next.

Every customer has a grid of moments, one horizon apart, placed by a hash of the id so that the whole population is
never sampled on one day. At a moment of the grid the evidence is binned and kept on the record as one integer; at the
next it is known whether an order came in between, and the sample is counted under its bins and the outcome. Sums do
not depend on their order, so the counts of a shard are exact under restarts and replays, and a calibration is learned
from them without a pass over customers.

A sample also keeps the risk that was said when it was taken. Its counts are the progressive validation: every
prediction was made before its outcome was learned from (Gama, Sebastião, Rodrigues (2013), "On evaluating stream
learning algorithms", Machine Learning 90(3), section 3: prequential evaluation).

The number of different fields is bounded by the bins. On three data sets of real purchases a quarter has 100 to 300
(``docs/reference/churn.md``), because evidence from silence moves along few lines and most customers have no other.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import floor
from typing import Final, NamedTuple

from stream.scoring import churn_signs
from stream.scoring.units import WEEK

MINUTE: Final = 60_000
"""Moments of the grid are whole minutes, in milliseconds."""

QUARTER: Final = 13 * WEEK
"""Length of a quarter in milliseconds: thirteen weeks, counted from 1970-01-01."""

QUARTERS_KEPT: Final = 8
"""Quarters, the present one among them, whose counts are learned from and kept; older ones are dropped."""

NO_QUARTER: Final = -1
"""In place of a quarter where there is none; before all quarters."""

REPEATS_EDGES: Final = (
    *(1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 200, 256, 320, 400, 512, 640),
)
"""Repeat orders from which each bin but the first begins."""
LAST_EDGES: Final = (0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 11.0, 16.0, 22.0, 32.0, 45.0, 64.0, 90.0, 128.0)
"""Weeks from the first order to the last."""
SILENCE_EDGES: Final = (
    *(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.75, 0.9, 1.1, 1.3, 1.6, 1.9, 2.3, 2.8, 3.4, 4.0, 5.0, 6.0, 7.0, 8.5, 10.0),
    *(12.0, 15.0, 18.0, 22.0, 27.0, 33.0, 40.0, 50.0, 65.0, 90.0),
)
"""Silence in gaps; a gap is the time from the first order to the last and `GAP_WEEKS` more, by the number of orders."""
GAP_WEEKS: Final = 4.0
GAP_STEPS_MAX: Final = 15
"""Steps that a policy's gap table may have."""
COMPLAINTS_MAX: Final = 3
"""Open complaints that a sample tells apart."""
LOGIT_MAX: Final = 8.0
"""Log-odds said beyond it, either way, are in the last bin; odds of 3 000 to 1."""
RISK_BINS: Final = 64

SIGNS: Final = ("detractor", *churn_signs.SIGNS)
"""Evidence that is there or not. The place in this table is its bit; part of the stored form, so only appended to."""

_HASH_SHIFT: Final = 11
RISK_WIDTH: Final = 2 * LOGIT_MAX / RISK_BINS

# Bits from the lowest on: repeats 5, last 4, silence 5, gap step 4, complaints 2, signs 5; then warned 1, risk 6.
LAST_AT: Final = 5
SILENCE_AT: Final = 9
STEP_AT: Final = 14
_COMPLAINTS_AT: Final = 18
_SIGNS_AT: Final = 20
FEATURE_BITS: Final = 25
"""Bits of a sample that are its evidence; those above are the risk that was said."""
_SAID_BITS: Final = 7
# Above them a bit that is always set, so that no sample is 0, and the minute it was taken.
SET_AT: Final = FEATURE_BITS + _SAID_BITS
TAKEN_AT: Final = SET_AT + 1


class Evidence(NamedTuple):
    """What is known of a customer at a moment: facts, which no calibration has a part in."""

    repeats: float
    """Orders after the first."""
    last: float
    """Weeks from the first order to the last."""
    age: float
    """Weeks from the first order to now."""
    gap_step: int = 0
    """Steps of the gap table that the silence has reached."""
    complaints: int = 0
    """Open complaints that count."""
    signs: int = 0
    """Bits of `SIGNS`."""


class Counted(NamedTuple):
    """Samples of one quarter with the same evidence."""

    quarter: int
    evidence: Evidence
    gone: int
    """Customers who did not order within the horizon."""
    kept: int
    """Customers who did."""


class Said(NamedTuple):
    """Samples of one quarter of whom the same was said."""

    quarter: int
    logit: float
    """Middle of the bin of the log-odds that were said."""
    warned: bool
    """Whether the level was at or above the one that is a warning."""
    gone: int
    kept: int


def grid_offset(customer_hash: int, horizon: int) -> int:
    """Where a customer's grid begins: whole minutes below the horizon, both in milliseconds.

    Parameters
    ----------
    customer_hash
        Unsigned 64-bit hash of the id.

    Examples
    --------
    >>> grid_offset(2**64 - 1, 60 * 86_400_000) / 86_400_000 < 60
    True
    """
    # The upper 53 bits: native code then divides a signed number.
    return (customer_hash >> _HASH_SHIFT) % (horizon // MINUTE) * MINUTE


def next_moment(offset: int, horizon: int, after: int) -> int:
    """First moment of a grid later than `after`; all in milliseconds.

    Examples
    --------
    >>> next_moment(5_000, 60_000, 5_000), next_moment(5_000, 60_000, 64_999)
    (65000, 65000)
    """
    return offset + ((after - offset) // horizon + 1) * horizon


def pack(evidence: Evidence) -> int:
    """Bins of the evidence as one integer below ``2 ** FEATURE_BITS``.

    Examples
    --------
    Five orders in forty weeks, and ten weeks of silence:

    >>> unpack(pack(Evidence(repeats=4, last=40.0, age=50.0, gap_step=1, signs=0b100)))
    Evidence(repeats=4.0, last=38.5, age=48.7, gap_step=1, complaints=0, signs=4)
    """
    repeats, last = evidence.repeats, evidence.last
    silence = (evidence.age - last) * (repeats + 1) / (GAP_WEEKS + last)
    return (
        bisect_right(REPEATS_EDGES, repeats)
        | bisect_right(LAST_EDGES, last) << LAST_AT
        | bisect_right(SILENCE_EDGES, silence) << SILENCE_AT
        | min(evidence.gap_step, GAP_STEPS_MAX) << STEP_AT
        | min(evidence.complaints, COMPLAINTS_MAX) << _COMPLAINTS_AT
        | evidence.signs << _SIGNS_AT
    )


def unpack(features: int) -> Evidence:
    """Evidence in the middle of the bins that `pack` gave."""
    repeats = _REPEATS[features & 0x1F]
    # Who ordered once ordered first and last at the same moment.
    last = _LASTS[features >> LAST_AT & 0xF] if repeats else 0.0
    silence = _SILENCES[features >> SILENCE_AT & 0x1F]
    return Evidence(
        repeats=repeats,
        last=last,
        age=last + silence * (GAP_WEEKS + last) / (repeats + 1),
        gap_step=features >> STEP_AT & GAP_STEPS_MAX,
        complaints=features >> _COMPLAINTS_AT & COMPLAINTS_MAX,
        signs=features >> _SIGNS_AT & (1 << len(SIGNS)) - 1,
    )


def take(evidence: Evidence, logit: float, taken_at: int, *, warned: bool) -> int:
    """Take a sample: its evidence, what was said, and when, in one integer of 61 bits that is never 0.

    Parameters
    ----------
    logit
        Log-odds of the risk that was said.
    taken_at
        Moment of the grid, milliseconds.
    warned
        Whether the level is at or above the one that is a warning.
    """
    bin_of = min(max(floor((logit + LOGIT_MAX) / RISK_WIDTH), 0), RISK_BINS - 1)
    said = bin_of << 1 | warned
    return pack(evidence) | said << FEATURE_BITS | 1 << SET_AT | taken_at // MINUTE << TAKEN_AT


def taken_at(sample: int) -> int:
    """When a sample was taken, milliseconds."""
    return (sample >> TAKEN_AT) * MINUTE


def outcome_fields(sample: int, last_at: int) -> tuple[str, str]:
    """Fields of the histogram that a sample is counted in when its horizon is over.

    Parameters
    ----------
    sample
        What `take` gave.
    last_at
        Time of the customer's last order that counts, at the next moment of the grid, milliseconds. Who has none
        later than the sample is gone.

    Examples
    --------
    >>> sample = take(Evidence(repeats=2, last=9.0, age=12.0), 0.6, 1_500_000_000_000, warned=True)
    >>> taken_at(sample), outcome_fields(sample, 1_500_000_000_001)
    (1500000000000, ('y:190:3298:0', 'v:190:69:0'))
    """
    features = sample & (1 << FEATURE_BITS) - 1
    said = sample >> FEATURE_BITS & (1 << _SAID_BITS) - 1
    taken = taken_at(sample)
    gone = int(last_at <= taken)
    when = quarter(taken)
    return f"y:{when}:{features}:{gone}", f"v:{when}:{said}:{gone}"


def quarter(moment: int) -> int:
    """Number of the quarter of a moment in milliseconds."""
    return moment // QUARTER


def outdated(before: int, now: int) -> int:
    """Newest quarter that fell out while the clock went from `before` to `now` (ms); `NO_QUARTER` where none did.

    Examples
    --------
    >>> outdated(197 * QUARTER, 198 * QUARTER), outdated(198 * QUARTER, 199 * QUARTER - 1)
    (190, -1)
    """
    return quarter(now) - QUARTERS_KEPT if quarter(now) > quarter(before) else NO_QUARTER


def without_outdated(samples: Mapping[str, int], as_of: int) -> tuple[dict[str, int], int]:
    """Those of newly counted samples that are still learned from at `as_of` (ms), and how many samples are not.

    Examples
    --------
    >>> without_outdated({"y:190:720:0": 2, "v:190:9:0": 2, "y:191:720:0": 5}, 198 * QUARTER)
    ({'y:191:720:0': 5}, 2)
    """
    kept = {field: count for field, count in samples.items() if not is_outdated(field, as_of)}
    # Each sample is counted under its evidence, and once more under what was said.
    lost = samples.keys() - kept.keys()
    return kept, sum(samples[field] for field in lost if field[0] == "y")


def is_outdated(field: str, as_of: int) -> bool:
    """Whether a field counts samples of a quarter that is no longer learned from at `as_of` (ms).

    Examples
    --------
    >>> is_outdated("y:190:720:0", 198 * QUARTER), is_outdated("y:191:720:0", 198 * QUARTER), is_outdated("f:12", 0)
    (True, False, False)
    """
    figure, _, rest = field.partition(":")
    return figure in {"y", "v"} and int(rest.partition(":")[0]) <= quarter(as_of) - QUARTERS_KEPT


def read_counted(fields: Mapping[str, int], as_of: int) -> list[Counted]:
    """Counts of evidence and outcome among the fields of a histogram hash, in order of quarter and evidence.

    Parameters
    ----------
    fields
        Field to count; fields of other histograms, and of quarters that are no longer learned from, are passed over.
    as_of
        Moment of the calibration, ms.

    Examples
    --------
    >>> once = pack(Evidence(repeats=0, last=0.0, age=18.0))
    >>> read_counted({f"y:190:{once}:0": 3, f"y:190:{once}:1": 1, "f:2": 9}, 190 * QUARTER)
    [Counted(quarter=190, evidence=Evidence(repeats=0.0, last=0.0, age=18.0, gap_step=0, complaints=0, signs=0),
             gone=1, kept=3)]
    """
    return [
        Counted(when, unpack(features), gone, kept)
        for (when, features), (kept, gone) in _outcomes(fields, "y", as_of).items()
    ]


def read_said(fields: Mapping[str, int], as_of: int) -> list[Said]:
    """Counts of what was said and what came of it; parameters as of `read_counted`."""
    return [
        Said(when, _middle_said(said >> 1), bool(said & 1), gone, kept)
        for (when, said), (kept, gone) in _outcomes(fields, "v", as_of).items()
    ]


def _outcomes(fields: Mapping[str, int], figure: str, as_of: int) -> dict[tuple[int, int], list[int]]:
    """By quarter and number: how many were kept, and how many were gone; sorted, for sums that do not differ."""
    found: dict[tuple[int, int], list[int]] = {}
    for field, count in fields.items():
        if field.partition(":")[0] != figure or is_outdated(field, as_of):
            continue
        _, when, number, gone = field.split(":")
        found.setdefault((int(when), int(number)), [0, 0])[int(gone)] += count
    return dict(sorted(found.items()))


def _middle_said(number: int) -> float:
    return (number + 0.5) * RISK_WIDTH - LOGIT_MAX


def _middles(edges: Sequence[float], step: float) -> tuple[float, ...]:
    """Middle of each bin of values `step` apart, or dense where it is 0; for the last, a quarter beyond its edge."""
    return (*((low + high - step) / 2 for low, high in pairwise((0, *edges))), 1.25 * edges[-1])


_REPEATS: Final = _middles(REPEATS_EDGES, 1)
_LASTS: Final = _middles(LAST_EDGES, 0)
_SILENCES: Final = _middles(SILENCE_EDGES, 0)
