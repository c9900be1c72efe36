"""Generators whose fault is known, in front of every metric."""
