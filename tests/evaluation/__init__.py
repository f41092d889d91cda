"""What the scores are worth, measured on real purchases: ``make evaluate``."""

BEGIN = "<!-- figures, written by make evaluate -->"
"""Mark of the pages where the figures begin."""
