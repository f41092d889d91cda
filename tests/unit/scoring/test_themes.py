"""Themes come from tags or keywords; one rises when chance does not explain it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from scipy.stats import binom

from stream.scoring.themes import (
    TAG_LENGTH_MAX,
    TAGS_MAX,
    carries_themes,
    compile_themes,
    normal,
    rise,
    themes_of,
)

from .models import POLICY

THEMES = POLICY.themes
TABLE = compile_themes(THEMES)


@pytest.mark.parametrize(
    ("kind", "answer", "expected"),
    [
        ("complaint.opened", None, True),
        ("consultation.opened", None, True),
        ("review.posted", None, True),
        ("complaint.resolved", None, False),
        ("feedback.nps", 6, True),
        ("feedback.nps", 7, False),
        ("feedback.csat", 2, True),
        ("feedback.csat", 3, False),
        ("feedback.csi", 50, True),
        ("feedback.csi", 50.5, False),
        ("feedback.nps", None, False),
        ("page.viewed", 0, False),
    ],
)
def test_what_is_feedback(kind, answer, expected):
    assert carries_themes(TABLE, kind, answer) is expected


def test_tags_that_are_given_go_before_the_text():
    assert themes_of(TABLE, ["  Warm  WORDS", "warm words", ""], "it came late") == ("warm words",)
    assert themes_of(TABLE, ["", "  "], "it came late") == ("delivery",)


def test_tags_are_bounded():
    assert themes_of(TABLE, [f"tag {n}" for n in range(100)], "") == tuple(f"tag {n}" for n in range(TAGS_MAX))
    assert len(normal("x" * 1_000)) == TAG_LENGTH_MAX


@pytest.mark.parametrize(
    ("text", "themes"),
    [
        ("", ()),
        ("Delivered two days LATE", ("delivery",)),
        ("a chocolate plate", ()),
        ("The app shows an error, and I want my money   back", ("website",)),
        ("I want my money back", ("returns",)),
        ("delivery: broken, price: expensive", ("delivery", "quality", "price")),
    ],
)
def test_keywords_are_found_from_the_start_of_a_word(text, themes):
    assert themes_of(TABLE, (), text) == themes


def test_scripts_without_spaces_have_keywords_too():
    table = compile_themes(replace(THEMES, keywords=(("delivery", ("快递",)), ("signs", ("c++",)))))
    assert themes_of(table, (), "我的快递没到") == ("delivery",)
    assert themes_of(table, (), "C++ and more") == ("signs",)


@pytest.mark.golden
@pytest.mark.parametrize(("count", "past"), [(12, [3, 5, 4, 4]), (9, [0, 0, 0]), (40, [18, 22, 20, 21, 19, 20])])
def test_the_chance_is_the_binomial_tail(count, past):
    """Przyborowski and Wilenski's conditional test, against scipy's distribution."""
    expected = binom.sf(count - 1, count + sum(past), 1 / (1 + len(past)))
    assert rise(THEMES, count, past).chance == pytest.approx(expected, rel=1e-9)


def test_a_theme_without_a_past_can_rise():
    assert rise(THEMES, 9, [0, 0, 0]).ratio is None


@pytest.mark.parametrize(
    ("count", "past"),
    [
        (4, [0, 0, 0, 0, 0, 0]),  # too few mentions
        (9, []),  # nothing to compare with
        (1_400, [1_000] * 6),  # sure, and not half as much again
        (6, [2, 3, 2]),  # may be chance
    ],
)
def test_what_is_not_rising(count, past):
    assert rise(THEMES, count, past) is None
