"""Fixtures that every room's tests may use."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.kit import folders

# Several tests run at a time on few cores: threads of linear algebra, each waiting for the others in a loop, take four
# times the processor's time for the same small matrices. Before numpy is imported; workers inherit it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# A broker of a test lives for seconds, or minutes: what the second compiler of its JVM costs does not come back.
os.environ.setdefault("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1")

# A loaded machine is no reason to fail: how long an example takes is not what these tests are about.
settings.register_profile("scorer", deadline=None)
settings.load_profile("scorer")

# An application that tests start as a process; it reads its orders from the environment.
collect_ignore = ["integration/transport_worker.py"]
# Programs that `make bench` runs in an environment of their own: what they import is not here.
collect_ignore_glob = ["bench/peers/*"]

#: Files in the order in which they are begun, see `pytest_collection_modifyitems`: those that begin with the first of
#: these that fits, then with the next; with none, after all but the doctests of the package.
TURNS = (
    "tests/integration/test_exactness.py",
    "tests/integration/test_faults.py",
    "tests/integration/test_chaos_short.py",
    "tests/integration/",
    "tests/property/",
    "tests/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, and crumbs last."""
    items.sort(key=lambda item: next((turn for turn, start in enumerate(TURNS) if item.nodeid.startswith(start)), 99))


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
