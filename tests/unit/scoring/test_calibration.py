"""A calibration survives its own document, and half a calibration is refused by name."""

from __future__ import annotations

import json

import msgspec
import pytest

from stream.scoring.alive import Params
from stream.scoring.calibration import CDNOW_SPEND, DEFAULT_CALIBRATION, BinShares, Calibration, CalibrationError
from stream.scoring.model_notes import FitNote, ModelNotes

FIFTHS = (0.2,) * 5
FULL = msgspec.structs.replace(
    DEFAULT_CALIBRATION,
    number=7,
    created_at=1_700_000_000_000,
    models=ModelNotes(
        sample=2_357,
        alive="MBG/NBD of 2357 customers",
        spend="kept",
        fits=(FitNote("MBG/NBD", {"r": 0.5}, 2_357, -9_582.4, 0.02, ("a is at its bound",)),),
    ),
    clv_edges_minor=(1, 2, 2, 3),
    profit_edges_minor=(-100, 0, 50, 60),
    returned_share=0.07,
    bin_shares=BinShares(FIFTHS, (0.4, 0.0, 0.2, 0.2, 0.2), FIFTHS),
    customers=2_357,
    source="fitted on shard histograms",
)


@pytest.mark.parametrize("calibration", [DEFAULT_CALIBRATION, FULL])
def test_there_and_back(calibration):
    assert Calibration.from_json(calibration.to_json()) == calibration


def test_parameters_are_written_by_name():
    document = json.loads(FULL.to_json())
    assert document["alive"] == {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}
    assert document["rfm"]["recency_days"] == [14, 30, 60, 120]


@pytest.mark.golden
def test_the_shipped_model_is_the_published_one_for_cdnow():
    assert DEFAULT_CALIBRATION.number == 1
    assert DEFAULT_CALIBRATION.alive == Params(0.525, 6.183, 0.891, 1.614)
    assert DEFAULT_CALIBRATION.spend == CDNOW_SPEND
    assert CDNOW_SPEND.mean_minor == pytest.approx(15.44 * 6.25 / 2.74 * 100)


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        (("number",), 0, "number"),
        (("number",), "2", "number"),
        (("created_at",), -1, "created_at"),
        (("customers",), -1, "customers"),
        (("alive", "a"), 0, r"alive\.a"),
        (("alive", "b"), None, r"alive\.b"),
        (("rfm", "frequency"), [1, 2, 3], r"rfm\.frequency"),
        (("rfm", "monetary_minor"), [4, 3, 2, 1], r"monetary_minor .*never fall.*rfm"),
        (("churn", "gap"), [0.7, 0.3], r"gap .*never fall.*churn"),
        (("churn", "gap"), [-0.7, 0.3], r"gap .*at least 0.*churn"),
        (("churn", "p_alive"), 0, r"p_alive .*above 0.*churn"),
        (("churn", "complaint"), -1, r"complaint = -1.*churn"),
        (("bin_shares", "recency"), [1, 1, 0, 0, 0], r"recency .*add up to 1.*bin_shares"),
        (("bin_shares", "recency"), [1.5, -0.5, 0, 0, 0], r"recency .*add up to 1.*bin_shares"),
        (("spend", "q"), 1, r"q = 1.*must be above 1.*spend"),
        (("spend", "v_minor"), -1, r"v_minor = -1.*must be above 0.*spend"),
        (("returned_share",), 1.1, r"returned_share"),
        (("clv_edges_minor",), [4, 3, 2, 1], r"clv_edges_minor .*never fall"),
        (("profit_edges_minor",), [1, 2, 3], "profit_edges_minor"),
        (("models", "alive"), None, r"models\.alive"),
        (("surprise",), 1, "surprise"),
        (("alive", "surprise"), 1, r"surprise.*alive"),
    ],
)
def test_a_bad_field_is_named(path, value, complaint):
    document = json.loads(FULL.to_json())
    *tables, field = path
    table = document
    for name in tables:
        table = table[name]
    table[field] = value
    with pytest.raises(CalibrationError, match=complaint):
        Calibration.from_json(json.dumps(document).encode())


def test_a_document_of_an_older_version_has_the_defaults():
    document = json.loads(DEFAULT_CALIBRATION.to_json())
    for field in ("spend", "clv_edges_minor", "profit_edges_minor", "returned_share", "models"):
        del document[field]
    assert Calibration.from_json(json.dumps(document).encode()) == DEFAULT_CALIBRATION


def test_weights_of_an_earlier_version_are_readable():
    document = json.loads(DEFAULT_CALIBRATION.to_json())
    del document["churn_notes"]
    document["churn"] = {name: document["churn"][name] for name in ("bias", "p_alive", "gap", "complaint", "detractor")}
    assert Calibration.from_json(json.dumps(document).encode()) == DEFAULT_CALIBRATION


def test_a_missing_field_is_named():
    document = json.loads(FULL.to_json())
    del document["churn"]["bias"]
    with pytest.raises(CalibrationError, match=r"bias.*churn"):
        Calibration.from_json(json.dumps(document).encode())


@pytest.mark.parametrize("document", [b"", b"{", b"[]", b"null", b"\xff"])
def test_what_is_no_document_is_refused(document):
    with pytest.raises(CalibrationError, match="calibration: "):
        Calibration.from_json(document)


@pytest.mark.parametrize("alive", [Params(0.0, 1.0, 1.0, 1.0), Params(1.0, 1.0, float("inf"), 1.0)])
def test_parameters_out_of_bounds_make_no_calibration(alive):
    with pytest.raises(CalibrationError, match="alive"):
        msgspec.structs.replace(DEFAULT_CALIBRATION, alive=alive)
