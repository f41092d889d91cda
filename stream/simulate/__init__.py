"""Customers who do not exist, with a known truth: a load of any size, and something to hold scores against.

Each customer has a rate, an inclination to leave, a usual spend, a need and a degree of content. From these follows a
life (`stream.simulate.life`): when they order, when they complain, when and why they leave. A story
(`stream.simulate.story`) tells it as canonical events, with the visits before the orders and the answers after them.
`simulate` merges the stories of all customers in order of time, one event in hand at a time.

What a scorer can only estimate is known here: `Simulation.truths` says it of each customer.
"""

from __future__ import annotations

from stream.simulate.generate import Simulation, simulate
from stream.simulate.life import Cause, Life, Truth, live
from stream.simulate.spec import Spec
from stream.simulate.story import Told

__all__ = ["Cause", "Life", "Simulation", "Spec", "Told", "Truth", "live", "simulate"]
