"""A Redis of dictionaries, as much of one as tables are read with."""

from __future__ import annotations

from collections import Counter


class Cells:
    """Hashes by key; what is asked is counted."""

    def __init__(self, hashes):
        self.hashes = hashes
        self.asked = Counter()

    async def execute_command(self, command, key, *fields):
        self.asked[command] += 1
        found = self.hashes.get(key, {})
        if command == "HGETALL":
            return {name.encode(): str(value).encode() for name, value in found.items()}
        assert command == "HMGET"
        return [None if field not in found else str(found[field]).encode() for field in fields]
