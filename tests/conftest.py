"""Fixtures that every room's tests may use."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.kit import folders

# A loaded machine is no reason to fail: how long an example takes is not what these tests are about.
settings.register_profile("scorer", deadline=None)
settings.load_profile("scorer")

# An application that tests start as a process; it reads its orders from the environment.
collect_ignore = ["integration/transport_worker.py"]
# Programs that `make bench` runs in an environment of their own: what they import is not here.
collect_ignore_glob = ["bench/peers/*"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of public data sets that golden tests compare with; not part of the repository."""
    folder = folders.shared_data()
    if not folder.is_dir():
        pytest.skip(f"no public data sets at {folder}: set STREAM_SHARED_DATA to the folder that holds them")
    return folder


@pytest.fixture
def heeded() -> Iterator[None]:
    """What is started in the background of a script ignores SIGINT, and so does all that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
