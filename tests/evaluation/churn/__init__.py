"""Warnings of churn, made walking forward in time, against what came of them and against simpler ways to warn.

`histories` reads a data set into what was known of each customer when; `walk` goes through time and calibrates as it
goes; `rivals` scores the same moments in simpler ways; `figures` compares; `page` writes it down.
"""
