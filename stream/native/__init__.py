"""What is compiled to machine code before it runs: the loops that touch every byte of every event.

Here are the decorator (`jit`) and the small pieces that the loops of other rooms are made of: words in buffers
(`words`), text (`text`), variable-length integers (`varint`), hashes (`xxh3`). All take numbers and arrays only;
tuples of many arrays are passed by `reference`.
Nothing here reads a clock or a socket, and nothing here imports another room.
"""

from __future__ import annotations
