"""Controls: image sources without any training whose faults are known, so that every metric can be asked about them.

A control wears the face of a trained generator: `sample = build("memoriser", data)`, then `sample(labels, seed)`, or
`sample.generate` as the callable that `ganeval.evaluate` takes. `python -m reference_models memoriser --dataset digits`
writes a run directory like any trainer's. What each one is blind spot for is in docs/results/controls.md.
"""
