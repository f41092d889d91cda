"""What the scores are worth, measured on real purchases: ``make evaluate``."""
