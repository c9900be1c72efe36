"""Many processes, one answer: what a script of yours needs under `torchrun`.

    ranks = current()
    evaluation = evaluate("hoda:test", "samples/", classifier="hoda", ranks=ranks)
    leave(0)

Every process opens the same images and gets the same result; where they differ, all of them end with an error that
says in what. `ganeval evaluate` does this by itself.
"""

from ganeval.features.ranks import Ranks, current, leave

__all__ = ["Ranks", "current", "leave"]
