"""Redis: the state of each shard, changed by whole commits only."""

from __future__ import annotations
