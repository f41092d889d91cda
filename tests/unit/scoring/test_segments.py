"""Segment tables keep what they promise, and those that are shipped say what they are known to say."""

from __future__ import annotations

import pytest

from stream.scoring.rfm import CELLS, cell
from stream.scoring.segments import SegmentRule, SegmentTable, compile_segments
from stream.scoring.table_reader import PolicyError

from .models import TABLES

ALL = (1, 5)


@pytest.mark.parametrize(
    ("three", "name"),
    [
        ((1, 1, 5), "hibernating"),
        ((2, 4, 1), "at_risk"),
        ((1, 5, 1), "cant_lose"),
        ((3, 2, 1), "about_to_sleep"),
        ((3, 3, 3), "need_attention"),
        ((4, 5, 1), "loyal"),
        ((4, 1, 5), "promising"),
        ((5, 1, 5), "new"),
        ((4, 3, 2), "potential_loyalist"),
        ((5, 4, 1), "champions"),
    ],
)
def test_the_grid_names_each_corner(three, name):
    assert compile_segments(TABLES["rf_grid"])[cell(*three)] == name


def test_monetary_does_not_matter_in_the_grid():
    names = compile_segments(TABLES["rf_grid"])
    assert all(names[cell(r, f, m)] == names[cell(r, f, 1)] for r, f, m in CELLS)


def test_eight_value_types_share_the_cube_by_above_and_below_average():
    names = compile_segments(TABLES["value_types"])
    types = {}
    for r, f, m in CELLS:
        types.setdefault((r >= 4, f >= 4, m >= 4), set()).add(names[cell(r, f, m)])
    assert all(len(found) == 1 for found in types.values())
    assert len(set.union(*types.values())) == 8
    assert types[True, True, True] == {"important_value"}
    assert types[False, False, True] == {"important_win_back"}


def test_the_first_rule_that_matches_wins():
    rules = (SegmentRule("first", ALL, ALL, ALL), SegmentRule("second", ALL, ALL, ALL))
    assert set(compile_segments(SegmentTable("t", rules))) == {"first"}


def test_a_table_with_a_hole_is_not_complete():
    with pytest.raises(PolicyError, match=r"tables\.t: complete = true, but no rule is for r=5 f=1 m=1"):
        SegmentTable("t", (SegmentRule("most", (1, 4), ALL, ALL),), complete=True)


def test_a_table_with_an_overlap_is_not_exclusive():
    rules = (SegmentRule("one", (1, 3), ALL, ALL), SegmentRule("two", (3, 5), ALL, ALL))
    with pytest.raises(PolicyError, match=r"r=3 f=1 m=1 is in both 'one' and 'two'"):
        SegmentTable("t", rules, exclusive=True)


def test_the_table_of_r_overlaps_and_has_holes_as_it_says():
    table = TABLES["rfm_r"]
    assert "Others" in compile_segments(table)
    with pytest.raises(PolicyError, match="exclusive"):
        SegmentTable(table.name, table.rules, exclusive=True)
    with pytest.raises(PolicyError, match="complete"):
        SegmentTable(table.name, table.rules, complete=True)


@pytest.mark.parametrize("letters", [127, 128])
def test_a_name_is_no_longer_than_a_record_has_room_for(letters):
    rules = (SegmentRule("é" * letters, ALL, ALL, ALL),)
    if letters == 127:
        assert SegmentTable("t", rules).rules == rules
    else:
        with pytest.raises(PolicyError, match="has 256 bytes, at most 255"):
            SegmentTable("t", rules)
