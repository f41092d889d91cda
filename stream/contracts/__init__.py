"""What comes in and what goes out: events, decisions, dead letters, and the forms of time and money in them.

Nothing here reads a clock, a socket or a file. Bytes from Kafka become events or dead letters (`decode`),
decisions become bytes (`decisions`, `dead_letters`), and every other room talks in what `events` and
`decisions` define.
"""

from __future__ import annotations
