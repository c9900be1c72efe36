"""What an evaluation rests on that no image of its own proves: published statistics,
and a network that somebody named.
"""

from __future__ import annotations

from ganeval.records.scores import MOMENTS, Evaluation


def notes_on(evaluation: Evaluation) -> list[str]:
    """A sentence for each: which metrics come from published moments, and whose word the network of a file is."""
    notes, beside = [], evaluation.sets.get(MOMENTS) or {}
    if beside:
        n = f"of {beside['n']:,} images" if beside.get("n") else "whose number of images is not said"
        served = ", ".join(beside.get("metrics", ())) or "no metric"
        notes.append(f"From the mean and covariance in {beside['source']}, {n}: {served}.")
    files = [beside["source"]] if beside.get("given") else []
    files += [passport.source for passport in (evaluation.real, evaluation.fake) if passport.given]
    return notes + [
        f"{file} names no network: that {evaluation.fake.extractor} made it is the caller's word, of which only the "
        f"width ({evaluation.fake.dim}) could be checked."
        for file in dict.fromkeys(files)
    ]
