"""Half an hour of steady load while workers are killed: does memory grow, and is anything left behind or lost?"""
