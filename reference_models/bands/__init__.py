"""Is a training normal? Curves and scores of healthy trainings of the same recipe, and the bands they span.

`known.json` holds the values of some seeds of the profile `cpu` of each recipe;
`python -m reference_models.bands check RUN` says where a run leaves the band. `python -m studies bands` trains,
measures and writes them.
"""
