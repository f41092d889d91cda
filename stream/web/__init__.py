"""The HTTP API of a worker: customers, metrics, health. Served from the worker's own event loop."""
