"""Trains the seeds of which the bands of healthy trainings are made, and writes their page."""
