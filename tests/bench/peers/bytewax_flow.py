"""Bytewax: `stateful_map` over the orders, without a recovery store, which would only slow it."""

from __future__ import annotations

import sys
from pathlib import Path

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main
from rfm import Order, Progress, added, change, parse

BATCH = 5_000


def main() -> None:
    """``bytewax_flow.py BOOTSTRAP TOPIC OUTPUT PARTITIONS EVENTS SUMS_FILE NAME``."""
    bootstrap, topic, output, _, events, file, _name = sys.argv[1:]
    progress = Progress(int(events))

    def keyed(message: KafkaSourceMessage) -> tuple[str, Order]:
        order = parse(message.value)
        return order.customer, order

    def score(sums: list[int] | None, order: Order) -> tuple[list[int], bytes | None]:
        after, before = added(sums, order)
        progress.note(order.customer, after)
        return after, None if before is None else change(order.customer, before, after[3])

    def to_send(said: tuple[str, bytes | None]) -> KafkaSinkMessage | None:
        customer, value = said
        return None if value is None else KafkaSinkMessage(key=customer.encode(), value=value)

    flow = Dataflow("rfm")
    orders = op.input("orders", flow, KafkaSource([bootstrap], [topic], tail=False, batch_size=BATCH))
    scored = op.stateful_map("rfm", op.map("keyed", orders, keyed), score)
    op.output("changes", op.filter_map("said", scored, to_send), KafkaSink([bootstrap], output))
    run_main(flow)
    progress.tell(Path(file))


if __name__ == "__main__":
    main()
