"""Modes in the plane."""
