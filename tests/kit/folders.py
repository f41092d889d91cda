"""Where the repository is, and the public data sets that are no part of it."""

from __future__ import annotations

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def shared_data() -> Path:
    """Folder of public data sets: as `STREAM_SHARED_DATA` says, else beside the repository. It need not be there."""
    return Path(os.environ.get("STREAM_SHARED_DATA") or REPOSITORY.parent / "shared" / "data")
