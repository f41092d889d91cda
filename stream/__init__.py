"""A streaming customer scorer.

Orders and interactions come in from Kafka; every customer's value, stage and risk stay true in Redis at every
moment; each change that matters leaves as one event, exactly once.
"""

from __future__ import annotations

__version__ = "0.1.0"
