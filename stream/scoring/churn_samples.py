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

from collections.abc import Mapping
from math import floor
from typing import Final, NamedTuple

from stream.scoring.units import WEEK

MINUTE: Final = 60_000
"""Moments of the grid are whole minutes, in milliseconds."""

QUARTER: Final = 13 * WEEK
"""Length of a quarter in milliseconds: thirteen weeks, counted from 1970-01-01."""

QUARTERS_KEPT: Final = 8
"""Quarters, the present one among them, whose counts are learned from; older ones may be dropped."""

LOGIT_MAX: Final = 8.0
"""Log-odds beyond it, either way, are in the last bin; odds of 3 000 to 1."""

GONE_BINS: Final = 32
RHYTHM_BINS: Final = 16
QUIET_BINS: Final = 16
RISK_BINS: Final = 64
GAP_STEPS_MAX: Final = 15
"""Steps that a policy's gap table may have."""
COMPLAINTS_MAX: Final = 3
"""Open complaints that a sample tells apart."""
QUIET_MAX: Final = 4.0
"""Growth of the logarithm of a customer's age beyond it is in the last bin: 55 times as old as at the last order."""

SIGNS: Final = ("detractor", "visits_falling", "cart_left", "campaign_ignored", "repeat_complaints")
"""Evidence that is there or not. The place in this table is its bit; part of the stored form, so only appended to."""

_HASH_SHIFT: Final = 11
_GONE_WIDTH: Final = 2 * LOGIT_MAX / GONE_BINS
_RHYTHM_WIDTH: Final = 2 * LOGIT_MAX / RHYTHM_BINS
_QUIET_WIDTH: Final = QUIET_MAX / QUIET_BINS
_RISK_WIDTH: Final = 2 * LOGIT_MAX / RISK_BINS

# Bits from the lowest on: gone 5, rhythm 4, quiet 4, gap step 4, complaints 2, signs 5; then warned 1, risk 6.
_RHYTHM_AT: Final = 5
_QUIET_AT: Final = 9
_STEP_AT: Final = 13
_COMPLAINTS_AT: Final = 17
_SIGNS_AT: Final = 19
FEATURE_BITS: Final = 24
"""Bits of a sample that are its evidence; those above are the risk that was said."""
_SAID_BITS: Final = 7
# Above them a bit that is always set, so that no sample is 0, and the minute it was taken.
_SET_AT: Final = FEATURE_BITS + _SAID_BITS
_TAKEN_AT: Final = _SET_AT + 1


class Evidence(NamedTuple):
    """What is known of a customer at a moment, as the churn score weighs it; see `stream.scoring.churn`."""

    gone: float
    """Log-odds of having left, under MBG/NBD."""
    rhythm: float
    """Log-odds of no order within the horizon, right after the last order and still active."""
    quiet: float
    """Logarithm of (alpha + age now) over (alpha + age at the last order); 0 at an order."""
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
    >>> unpack(pack(Evidence(gone=-0.3, rhythm=1.9, quiet=0.6, gap_step=2, signs=0b100)))
    Evidence(gone=-0.25, rhythm=1.5, quiet=0.625, gap_step=2, complaints=0, signs=4)
    """
    return (
        _bin(evidence.gone + LOGIT_MAX, _GONE_WIDTH, GONE_BINS)
        | _bin(evidence.rhythm + LOGIT_MAX, _RHYTHM_WIDTH, RHYTHM_BINS) << _RHYTHM_AT
        | _bin(evidence.quiet, _QUIET_WIDTH, QUIET_BINS) << _QUIET_AT
        | min(evidence.gap_step, GAP_STEPS_MAX) << _STEP_AT
        | min(evidence.complaints, COMPLAINTS_MAX) << _COMPLAINTS_AT
        | evidence.signs << _SIGNS_AT
    )


def unpack(features: int) -> Evidence:
    """Evidence in the middle of the bins that `pack` gave."""
    return Evidence(
        gone=_middle(features % GONE_BINS, _GONE_WIDTH) - LOGIT_MAX,
        rhythm=_middle(features >> _RHYTHM_AT & RHYTHM_BINS - 1, _RHYTHM_WIDTH) - LOGIT_MAX,
        quiet=_middle(features >> _QUIET_AT & QUIET_BINS - 1, _QUIET_WIDTH),
        gap_step=features >> _STEP_AT & GAP_STEPS_MAX,
        complaints=features >> _COMPLAINTS_AT & COMPLAINTS_MAX,
        signs=features >> _SIGNS_AT & (1 << len(SIGNS)) - 1,
    )


def take(evidence: Evidence, logit: float, taken_at: int, *, warned: bool) -> int:
    """Take a sample: its evidence, what was said, and when, in one integer of 60 bits that is never 0.

    Parameters
    ----------
    logit
        Log-odds of the risk that was said.
    taken_at
        Moment of the grid, milliseconds.
    warned
        Whether the level is at or above the one that is a warning.
    """
    said = _bin(logit + LOGIT_MAX, _RISK_WIDTH, RISK_BINS) << 1 | warned
    return pack(evidence) | said << FEATURE_BITS | 1 << _SET_AT | taken_at // MINUTE << _TAKEN_AT


def taken_at(sample: int) -> int:
    """When a sample was taken, milliseconds."""
    return (sample >> _TAKEN_AT) * MINUTE


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
    >>> sample = take(Evidence(gone=0.1, rhythm=-2.0, quiet=0.3), 0.6, 1_500_000_000_000, warned=True)
    >>> taken_at(sample), outcome_fields(sample, 1_500_000_000_001)
    (1500000000000, ('y:190:720:0', 'v:190:69:0'))
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
    >>> read_counted({"y:190:720:0": 3, "y:190:720:1": 1, "f:2": 9}, 190 * QUARTER)
    [Counted(quarter=190, evidence=Evidence(gone=0.25, rhythm=-1.5, quiet=0.375, gap_step=0, complaints=0, signs=0),
             gone=1, kept=3)]
    """
    return [
        Counted(when, unpack(features), gone, kept)
        for (when, features), (kept, gone) in _outcomes(fields, "y", as_of).items()
    ]


def read_said(fields: Mapping[str, int], as_of: int) -> list[Said]:
    """Counts of what was said and what came of it; parameters as of `read_counted`."""
    return [
        Said(when, _middle(said >> 1, _RISK_WIDTH) - LOGIT_MAX, bool(said & 1), gone, kept)
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


def _bin(distance: float, width: float, bins: int) -> int:
    """Bin of a distance from the lower end; what lies outside is in the nearest one."""
    return min(max(floor(distance / width), 0), bins - 1)


def _middle(number: int, width: float) -> float:
    return (number + 0.5) * width
