"""The shipped lifecycle goes through its stages, its timer is the moment of the fall, and its page is drawn from it."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest

from stream.scoring.alive import log_odds_gone
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.lifecycle import (
    NOBODY_GONE,
    PROSPECT,
    STAGES,
    LifecyclePolicy,
    LifecycleRow,
    compile_lifecycle,
    next_fall,
    stage,
)
from stream.scoring.lifecycle_picture import diagram, rows
from stream.scoring.table_reader import PolicyError
from stream.scoring.units import DAY, NEVER, SECOND, WEEK
from tests.kit.folders import REPOSITORY

from .models import POLICY

COMPILED = compile_lifecycle(POLICY.lifecycle, POLICY.churn)
ALIVE = DEFAULT_CALIBRATION.alive
PAGE = REPOSITORY / "docs" / "reference" / "lifecycle.md"


def stage_of(said, returned, n, tenure_days=0, gap_step=0, gone=-1.0):
    return STAGES[stage(COMPILED, STAGES.index(said), returned, n, tenure_days * DAY, gap_step, gone)]


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        (("prospect", False, 0, 0, 0, NOBODY_GONE), "prospect"),
        (("prospect", True, 1), "first_purchase"),
        (("first_purchase", True, 2, 1), "repeat"),
        (("repeat", True, 5, 89.9), "repeat"),
        (("repeat", True, 4, 90), "repeat"),
        (("repeat", True, 5, 90), "loyal"),
        (("loyal", False, 5, 90, 1), "loyal"),
        (("loyal", False, 5, 90, 2), "at_risk"),
        (("loyal", False, 5, 90, 0, 0.0), "at_risk"),
        (("at_risk", True, 6, 120), "loyal"),
        (("at_risk", True, 2, 20), "repeat"),
        (("at_risk", False, 2, 20, 4, log(0.7 / 0.3)), "dormant"),
        (("dormant", False, 2, 20, 4, log(0.9 / 0.1)), "churned"),
        (("dormant", True, 3, 300), "won_back"),
        (("churned", True, 3, 700), "won_back"),
        (("won_back", False, 3, 700), "won_back"),
        (("won_back", False, 3, 700, 2), "at_risk"),
        (("won_back", True, 4, 710), "repeat"),
        (("won_back", True, 5, 710), "loyal"),
        # A late order says nothing of a return; the facts speak alone.
        (("churned", False, 6, 700), "loyal"),
        (("loyal", False, 0, 0, 0, NOBODY_GONE), "prospect"),
    ],
)
def test_the_shipped_rows(features, expected):
    assert stage_of(*features) == expected


def test_the_timer_comes_when_p_alive_falls_and_not_a_second_before():
    first_at, last_at, as_of = 5 * DAY, 40 * DAY, 40 * DAY
    seen = []
    while (as_of := next_fall(COMPILED, ALIVE, 3, first_at, last_at, as_of)) != NEVER:
        odds = [
            log_odds_gone(ALIVE, 3, (last_at - first_at) / WEEK, (moment - first_at) / WEEK)
            for moment in (as_of - SECOND, as_of)
        ]
        seen.append([STAGES[stage(COMPILED, 2, False, 4, last_at - first_at, 0, gone)] for gone in odds])
    assert seen == [["repeat", "at_risk"], ["at_risk", "dormant"], ["dormant", "churned"]]


def test_a_combination_without_a_row_is_named():
    open_end = LifecyclePolicy((LifecycleRow("prospect", orders_max=0), LifecycleRow("repeat", orders_min=2)))
    with pytest.raises(PolicyError, match=r"said to be prospect, has returned = false, 1 orders .*no condition"):
        compile_lifecycle(open_end, POLICY.churn)
    with pytest.raises(PolicyError, match="no row is for"):
        replace(POLICY, lifecycle=open_end)


def test_classes_are_only_those_that_a_row_tells_apart():
    everybody = compile_lifecycle(LifecyclePolicy((LifecycleRow("prospect"),)), POLICY.churn)
    assert everybody[:4] == ((), (), (), ())
    assert everybody.table == (PROSPECT,) * 16


def test_the_page_is_drawn_from_the_table():
    text = PAGE.read_text(encoding="utf-8")
    assert f"```mermaid\n{diagram(POLICY)}\n```" in text, "put the diagram of lifecycle_picture.diagram into the page"
    assert f"\n{rows(POLICY)}\n" in text, "put the table of lifecycle_picture.rows into the page"


def test_the_picture_follows_the_rows():
    lost = replace(POLICY, lifecycle=LifecyclePolicy((LifecycleRow("churned", gap_min=5), *POLICY.lifecycle.rows)))
    assert "at_risk --> churned: silence" in diagram(lost)
    assert "at_risk --> churned: silence" not in diagram(POLICY)
    assert "silence ≥ 5 usual gaps" in rows(lost)
