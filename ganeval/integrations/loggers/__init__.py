"""Experiment trackers, one a file: each class has one method, `log(evaluation, step)`."""
