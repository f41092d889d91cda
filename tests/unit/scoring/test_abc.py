"""Classes by share of revenue: edges, margins, and what happens with nothing."""

from __future__ import annotations

import pytest

from stream.scoring.abc import A, AbcEdges, AbcPolicy, B, C, classes, compile_abc, fit_edges, rank
from stream.scoring.quantiles import bucket
from stream.scoring.table_reader import PolicyError

POLICY = AbcPolicy(0.7, 0.2, 0.1)
NONE = 0


@pytest.mark.parametrize(
    ("monetary", "said", "expected"),
    [
        (1_000, NONE, A),
        (999, NONE, B),
        (900, A, A),
        (899, A, B),
        (105, C, B),
        (104, C, C),
        (95, B, B),
        (95, A, B),
        (94, B, C),
        (0, NONE, C),
    ],
)
def test_a_class_is_reached_at_its_edge_and_kept_a_margin_below(monetary, said, expected):
    cuts = compile_abc(AbcEdges(a_minor=1_000, b_minor=105), 0.1)
    assert rank(monetary, said, cuts) == expected


def test_who_crosses_a_share_belongs_to_it():
    """60 + 20 is the first that is 70 or more; 80 + 11 the first that is 90."""
    assert classes([60, 20, 11, 9], POLICY) == [A, A, B, C]


def test_a_share_that_is_met_exactly_is_met():
    """0.7 + 0.2 is 0.8999… as binary fractions, and 0.55 of 100 is more than 55."""
    assert classes([70, 20, 10], POLICY) == [A, B, C]
    assert classes([55, 25, 20], AbcPolicy(0.55, 0.25, 0)) == [A, B, C]


def test_equals_are_in_one_class():
    assert classes([10] * 10, POLICY) == [A] * 10


def test_who_brought_nothing_is_c():
    assert classes([0, 0], POLICY) == [C, C]
    assert fit_edges({0: 9}, POLICY) == AbcEdges(a_minor=1, b_minor=1)


def test_an_edge_is_where_a_bucket_begins():
    edges = fit_edges({bucket(100_000): 8, bucket(30_000): 10}, POLICY)
    assert edges.a_minor <= 100_000 < edges.a_minor * 65 / 64
    assert edges.b_minor <= 30_000 < edges.b_minor * 65 / 64


@pytest.mark.parametrize("edges", [(1, 2), (1, 0), (0, 0)])
def test_edges_that_no_revenue_could_be_sorted_by_are_refused(edges):
    with pytest.raises(ValueError, match="must be a >= b > 0"):
        AbcEdges(*edges)


def test_shares_of_more_than_all_are_refused():
    with pytest.raises(PolicyError, match="together at most 1"):
        AbcPolicy(0.8, 0.3, 0.1)
