"""The customer record and how events change it. Pure: no I/O, no clock, no logging.

`shard` turns a batch of events into what must be written and said; the other modules are its parts, one concept
each: the order `ledger`, `interactions`, the `evaluation` of a customer at a moment, `announcements` of what changed,
the rolling `tables`, the `histograms` that cut-points come from, and the `codec` of the record.
"""
