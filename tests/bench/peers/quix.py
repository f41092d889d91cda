"""Quix Streams: a streaming dataframe with state in RocksDB and its changelog topic."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from quixstreams import Application, State
from rfm import Order, Progress, added, change, parse


def main() -> None:
    """``quix.py BOOTSTRAP TOPIC OUTPUT PARTITIONS EVENTS SUMS_FILE NAME``."""
    bootstrap, topic, output, _, events, file, name = sys.argv[1:]
    progress = Progress(int(events))
    app = Application(
        broker_address=bootstrap,
        consumer_group=name,
        auto_offset_reset="earliest",
        state_dir=Path(file).with_suffix(".quix"),
        loglevel="WARNING",
    )
    orders = app.topic(topic, key_deserializer="str", value_deserializer="bytes")
    changes = app.topic(output, key_serializer="str", value_serializer="bytes")

    def score(order: Order, state: State) -> bytes | None:
        sums, before = added(state.get("sums"), order)
        state.set("sums", sums)
        if progress.note(order.customer, sums):
            app.stop()
        return None if before is None else change(order.customer, before, sums[3])

    def said(value: Any) -> bool:
        return value is not None

    app.dataframe(orders).apply(parse).apply(score, stateful=True).filter(said).to_topic(changes)
    app.run()
    progress.tell(Path(file))


if __name__ == "__main__":
    main()
