"""Metrics that train, draw or download."""
