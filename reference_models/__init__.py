"""Trainers to be read, one system a file: its Config, its networks, its training loop."""
