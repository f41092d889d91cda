"""Kafka: batches into agents, exact positions, the relay of decisions."""
