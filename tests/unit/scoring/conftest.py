"""Fixtures for the tests of the scores."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def lifetimes():
    """The PyPI package; its fitters choke on newer pandas, so parameters are set by hand."""
    try:
        import lifetimes  # noqa: PLC0415 - it may be absent or broken
        import pandas as pd  # noqa: PLC0415
    except Exception as error:  # noqa: BLE001 - old code on new libraries fails in its own ways
        pytest.skip(f"the package lifetimes cannot be used here: {error}")

    def fitter(name, params):
        model = getattr(lifetimes, name)()
        model.params_ = pd.Series(params)
        return model

    return fitter
