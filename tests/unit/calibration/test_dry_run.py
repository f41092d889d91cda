"""A dry run says what adopting the calibration would say."""

import msgspec

from stream.calibration.dry_run import Moves, leaving, look
from stream.contracts.decisions import CUSTOMER_CHANGED
from stream.scoring.abc import AbcEdges
from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.policy import default_policy
from stream.scoring.rfm import Edges
from stream.scoring.units import DAY
from stream.state.customer import TIER_NAMES
from stream.state.model import compile_model
from stream.state.packed import unpack_records
from tests.unit.state_kit import NOW, SHIPPED, customers_with_orders, shard_of

EASY = Edges((400, 500, 600, 700), (1, 1, 1, 1), (1, 1, 1, 1))
HARD = Edges((0.1, 0.2, 0.3, 0.4), (900, 901, 902, 903), (10**9, 10**9, 10**9, 10**9))


def under(edges, **other):
    calibration = msgspec.structs.replace(DEFAULT_CALIBRATION, number=2, rfm=edges, **other)
    return compile_model(default_policy(), calibration)


def looked(records, model, as_of=NOW):
    moves = Moves()
    look(moves, records, model, as_of)
    return moves


def test_nobody_moves_under_the_same_calibration():
    _, outcome = shard_of(customers_with_orders(20))
    moves = looked(unpack_records(outcome.records), SHIPPED, as_of=0)
    assert (moves.customers, moves.moved, moves.segments, leaving(moves.levels)) == (20, 0, 0, 0)
    assert leaving(moves.abc) == leaving(moves.lifecycle) == 0


def test_everybody_rises_where_edges_are_easy():
    _, outcome = shard_of(customers_with_orders(20))
    moves = looked(unpack_records(outcome.records), under(EASY))
    assert {was: row["high"] for was, row in moves.tiers.items()} == {
        was: sum(row.values()) for was, row in moves.tiers.items()
    }
    assert moves.moved > 0


def test_it_is_what_rescoring_then_says():
    state, outcome = shard_of(customers_with_orders(20))
    for edges in (EASY, HARD):
        # At each record's own moment, which is where a recalibration looks at it.
        model = under(edges, abc=AbcEdges(a_minor=2, b_minor=1))
        moves = looked(unpack_records(outcome.records), model, as_of=0)
        assert leaving(moves.abc) > 0
        state.adopt(model)
        rescored = state.rescore([customer for customer, _ in unpack_records(outcome.records)], 0)
        assert moves.moved == rescored.decisions.get("customer.tier.changed", 0)
        changes = [msgspec.json.decode(one.value) for one in rescored.messages if one.type == CUSTOMER_CHANGED]
        what = [change["what"] for said in changes for change in said["changes"]]
        assert [moves.segments, leaving(moves.abc), leaving(moves.lifecycle)] == [
            what.count(one) for one in ("segment", "abc", "lifecycle")
        ]
        state, outcome = shard_of(customers_with_orders(20))


def test_a_minimum_stay_holds_the_fall_back_and_is_counted():
    _, outcome = shard_of(customers_with_orders(20))
    at_once = looked(unpack_records(outcome.records), under(HARD), as_of=NOW)
    later = looked(unpack_records(outcome.records), under(HARD), as_of=NOW + 30 * DAY)
    assert at_once.held_back > 0
    assert later.held_back == 0
    assert later.moved == at_once.moved + at_once.held_back


def test_the_matrix_has_every_tier_on_both_sides():
    assert set(Moves().tiers) == set(TIER_NAMES) == set(Moves().tiers["none"])
