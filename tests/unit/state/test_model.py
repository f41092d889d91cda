"""Compiled rules are themselves, whatever stands in the calibration that they are of."""

from msgspec.structs import replace

from stream.scoring.calibration import DEFAULT_CALIBRATION
from stream.scoring.model_notes import FitNote, ModelNotes
from stream.scoring.policy import default_policy
from stream.state.model import compile_model
from tests.unit.state_kit import order, shard_of


def test_a_calibration_that_was_fitted_is_taken_up():
    fit = FitNote("MBG/NBD", {"r": 0.5}, 100, -950.0)
    fitted = replace(DEFAULT_CALIBRATION, number=2, models=ModelNotes(100, "fitted", "fitted", (fit,)))
    state, _ = shard_of([order("c-1", 1, 0)])
    state.adopt(compile_model(default_policy(), fitted))
    assert state.model.number == 2
