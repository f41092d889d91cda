"""The demo: a year of real purchases through the real parts, on one machine."""

from __future__ import annotations
