"""Speeds, as ratios of one run on one machine: ``make bench``. Nothing here is a test of correctness but one check:
every system must end with the same orders and money per customer."""
