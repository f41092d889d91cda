"""Public purchases as canonical events, for the tests that hold the scorer to the oracle."""

from __future__ import annotations
