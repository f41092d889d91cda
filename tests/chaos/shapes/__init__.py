"""Loads of an awkward shape: one customer with everything, a crowd, a backlog. Small in the tests, full here."""
