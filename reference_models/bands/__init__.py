"""Is a training normal? Curves and scores of healthy trainings of the same recipe, and the bands they span.

`known/SYSTEM-DATASET.json` holds the values of some seeds of the profile `cpu`; `python -m reference_models.bands check RUN`
says where a run leaves the band, and `python -m reference_models.bands fit` trains, measures and writes them.
"""
