"""What the figures say about a customer: the science, one concept a file.

Pure functions. Time is always an argument; nothing here reads a clock, a file other than the policy that is
shipped beside it, or a network. Rules are tables that are compiled once and looked up for every customer.
"""

from __future__ import annotations
