"""What several rooms' tests share: the state run in memory, and comparison with the oracle."""
