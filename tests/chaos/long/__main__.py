"""Half an hour of steady load and a kill every 20 s: ``make chaos-long``."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import sys
from collections.abc import Sequence

from tests.chaos.__main__ import BUILD
from tests.chaos.long.figures import Figures, as_text
from tests.chaos.long.run import play

#: Logs of the inputs and outputs, and Redis' file while it is written anew, for each million orders.
DISK_MB_PER_MILLION = 1_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run; the exit code says whether nothing was lost, doubled or left behind."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.long", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long is written")
    parser.add_argument("--rate", type=float, default=10_000.0, help="orders a second")
    parser.add_argument("--kill-every", type=float, default=20.0, help="seconds from one kill to the next")
    asked = parser.parse_args(arguments)
    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    directory = BUILD / "chaos-long"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    figures = Figures(asked.minutes, asked.rate, asked.kill_every)
    need = DISK_MB_PER_MILLION * asked.minutes * 60 * asked.rate / 1e6
    free = shutil.disk_usage(directory).free >> 20
    if free < need:
        parser.error(f"about {need:.0f} MB of disk are needed in {directory}, and {free} are free")
    try:
        asyncio.run(play(figures, directory))
    except AssertionError as failed:
        figures.wrong["failed"] = str(failed)
    figures.judge()
    summary = figures.summary()
    (BUILD / "chaos-long.json").write_text(json.dumps(figures.as_json(), indent=1) + "\n", encoding="utf-8")
    print(as_text(summary), flush=True)
    if figures.wrong:
        print(f"WRONG; logs: {directory}")
        return 1
    shutil.rmtree(directory)
    return 0


if __name__ == "__main__":
    sys.exit(main())
