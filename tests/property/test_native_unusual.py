"""Whether a figure is unusual: native code says what `stream.scoring.anomaly` says, to the bit."""

from __future__ import annotations

from math import inf, log

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from stream.scoring import anomaly
from stream.scoring.anomaly import GAP, ORDER_VALUE, AnomalyPolicy
from stream.scoring.units import DAY
from stream.state.plain.unusual import _stands_out, judge, scratch_words

NOTHING = (0.0, 0.0, 0.0)

policies = st.builds(
    AnomalyPolicy,
    z=st.floats(0.01, 6),
    orders_min=st.integers(3, 6),
    periods_min=st.just(3),
    history_max=st.integers(6, 40),
    refund_orders_min=st.just(1),
    spread_min=st.floats(1e-9, 1).map(lambda spread: (("order_value", spread), ("gap", 2 * spread))),
)
figures = st.integers(0, 10**15) | st.integers(0, 100) | st.integers(DAY // 2, 9 * DAY)
histories = st.lists(figures, min_size=1, max_size=90) | st.lists(st.sampled_from((0, 1, 2_000)), min_size=1)


def shipped(z=4.0, spread=0.3, history_max=32):
    return AnomalyPolicy(z, 3, 3, history_max, 1, (("order_value", spread), ("gap", spread)))


def judged(policy, measure, history, value):
    """What native code says, given what it is given of a ledger."""
    known = history[-policy.history_max - 1 :]
    scratch = np.full(scratch_words(policy.history_max), np.nan)
    scratch[: len(known)] = [log(max(one, measure.lowest)) for one in known]
    spread = dict(policy.spread_min)[measure.name]
    return judge(
        *(log(max(value, measure.lowest)), scratch, len(known)),
        *(policy.orders_min, policy.history_max, policy.z, spread),
    )


@given(policies, st.sampled_from((ORDER_VALUE, GAP)), histories, st.integers(0, 10**6))
@example(shipped(), ORDER_VALUE, [2_000] * 9, 10**6)
@example(shipped(1.0, 0.1, 6), GAP, [DAY] * 5 + [9 * DAY], 10**9)
@example(shipped(1.0, 0.1, 6), ORDER_VALUE, [1, 1, 1, 150, 100, 1, 50], 850)
def test_a_figure_beyond_all_others_is_judged_alike(policy, measure, history, beyond):
    value = max(history) + beyond
    if max(value, measure.lowest) <= max(history[-policy.history_max :]):
        return  # this is seen before
    found = anomaly.judge(policy, measure, history, value)
    far, low, high = judged(policy, measure, history, value)
    if found is None:
        assert (far, low, high) == NOTHING
    else:
        assert (far, max(low, measure.lowest), high) == (found.z, found.usual.low, found.usual.high)


@given(policies, st.sampled_from((ORDER_VALUE, GAP)), histories, figures)
def test_half_of_the_history_of_an_anomaly_is_below_the_figure_by_the_ratio(policy, measure, history, value):
    ratio = anomaly.ratio_min(policy, measure)
    assert 0 < ratio < inf
    if anomaly.judge(policy, measure, history, value) is not None:
        latest = [max(one, measure.lowest) for one in history[-policy.history_max :]]
        assert 2 * sum(one <= max(value, measure.lowest) / ratio for one in latest) >= len(latest)


@given(policies, st.sampled_from((ORDER_VALUE, GAP)), histories, figures | st.integers(10, 10**5).map((10**10).__mul__))
@example(shipped(), ORDER_VALUE, [10**6] * 9, 3_320_200)
@example(shipped(0.01, 0.1, 6), ORDER_VALUE, [999_999] * 3 + [1] * 3, 10**6)
@example(shipped(0.01, 1e-12, 6), ORDER_VALUE, [5, 1, 1, 1], 5)
def test_no_anomaly_is_passed_by_and_what_stands_out_is_beyond_all(policy, measure, history, value):
    latest = history[-policy.history_max :]
    all_figures = np.array([*history, value], np.int64)
    ledger = all_figures if measure is ORDER_VALUE else np.cumsum([0, *all_figures])
    kind, last = (0, len(history)) if measure is ORDER_VALUE else (1, len(history) + 1)
    stands_out = _stands_out(kind, ledger, last, len(latest), int(measure.lowest), anomaly.ratio_min(policy, measure))
    if stands_out:
        assert max(value, measure.lowest) > max(latest)
    else:
        assert anomaly.judge(policy, measure, history, value) is None
