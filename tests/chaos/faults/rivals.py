"""Two deployments that were told to own the same shards."""

from __future__ import annotations

import asyncio

from tests.chaos.stage import GRACE_SECONDS, Stage

ROUNDS = 2


async def two_owners(stage: Stage) -> None:
    """Twice, a worker with the same keys and topics and a group of another name takes all shards, then goes."""
    for _ in range(ROUNDS):
        rival = stage.join(group_id=f"{stage.place.name}-rival")
        # Nobody starts it anew.
        stage.crew.remove(rival)
        await stage.claimed(rival)
        await stage.moves()
        if rival.running:
            # Whether it ends by itself at this very moment, because its shards were taken back, is no matter.
            await asyncio.to_thread(rival.stop, GRACE_SECONDS)
