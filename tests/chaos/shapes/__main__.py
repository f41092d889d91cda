"""Loads of an awkward shape at full size: ``make shapes``; figures in build/shapes.json."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import shutil
import sys
from collections.abc import Sequence
from typing import Any

from stream.embedded import EmbeddedKafka, EmbeddedRedis
from tests.chaos.__main__ import BUILD
from tests.chaos.shapes.backlog import backlog
from tests.chaos.shapes.crowd import crowd
from tests.chaos.shapes.fat import fat_customer

SHAPES = ("fat", "crowd", "backlog")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the shapes; the exit code says whether all is well."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.shapes", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=SHAPES, default=SHAPES, help="these only")
    parser.add_argument("--orders", type=int, default=100_000, help="of the one customer")
    parser.add_argument("--customers", type=int, default=1_000_000, help="of the crowd")
    parser.add_argument("--cached", type=int, default=100_000, help="customers that the worker keeps in memory")
    parser.add_argument("--backlog-customers", type=int, default=10_000, help="of the backlog")
    asked = parser.parse_args(arguments)
    for name in ("aiokafka", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    figures: dict[str, Any] = {}
    if "fat" in asked.only:
        figures["one customer"] = fat_customer(asked.orders)
        print("one customer:", figures["one customer"], flush=True)
    if {"crowd", "backlog"} & set(asked.only):
        asyncio.run(_with_servers(asked, figures))
    BUILD.mkdir(exist_ok=True)
    (BUILD / "shapes.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 1 if any(figure["wrong"] for figure in figures.values()) else 0


async def _with_servers(asked: argparse.Namespace, figures: dict[str, Any]) -> None:
    directory = BUILD / "shapes"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    with EmbeddedKafka(directory / "kafka") as kafka, EmbeddedRedis(directory / "redis") as redis:
        if "crowd" in asked.only:
            # Of both, most are not in memory: the memory of the worker should not tell them apart.
            for customers in (asked.customers // 2, asked.customers):
                figure = await crowd(kafka.bootstrap, redis.url, directory, customers, asked.cached)
                figures[f"{customers} customers"] = figure
                print(f"{customers} customers: {figure}", flush=True)
        if "backlog" in asked.only:
            figures["backlog"] = await backlog(kafka.bootstrap, redis.url, directory, asked.backlog_customers)
            print(f"backlog: {figures['backlog']}", flush=True)
    shutil.rmtree(directory)


if __name__ == "__main__":
    sys.exit(main())
