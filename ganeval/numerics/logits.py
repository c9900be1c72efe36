"""What may be logits, what are probabilities in their place, and what is kept of the verdicts of many images."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ganeval.errors import WrongInputError

TOTALS = (100, 255)  # what percentages and bytes of probabilities sum to
SUM_TOLERANCE = 1e-2  # share by which sums of probabilities may miss theirs: those in bfloat16 do by half of it
TELLING = 20  # numbers from which it is no chance that all lie in [0, 1] or that their rows have one sum
DOUBT_TOLERANCE, CERTAIN, TOLD = 0.1, 1e-6, 1e-3  # share of a doubt that rounding moves; sum of none; doubt that counts
ALONE = 4  # rows from which a sum of exponentials is one by no chance


def require_logits(logits: torch.Tensor) -> None:
    """Refuse what cannot be logits: one column, which says nothing, and probabilities, whose softmax is another thing.

    Rows that are non-negative and sum to one are probabilities; so are those that sum to 100 or 255 each, and those
    that lie in [0, 1] as a sigmoid leaves them. Logarithms of probabilities are logits;
    either with the other sign is refused too, as every decision would be the worst one.
    """
    if logits.ndim != 2 or logits.shape[1] < 2 or not logits.is_floating_point():
        raise WrongInputError(
            f"Logits must be floating point (n, k) with k >= 2 classes; got {logits.dtype} {tuple(logits.shape)}. "
            "Of one number per image make two columns: torch.stack([-x / 2, x / 2], dim=1)."
        )
    if len(logits) and (why := _why_probabilities(logits.double())):
        raise WrongInputError(
            f"Logits must come before the softmax; these rows {why}. Take the network's "
            "output before its softmax or sigmoid, or pass the logarithms of the probabilities."
        )


@dataclass(frozen=True, eq=False)
class Verdicts:
    """Sums over n images, float64 (k + 1,): of their class probabilities p, and of p.log p.

    >>> one = Verdicts.of(torch.tensor([[9.0, 9.0]]))
    >>> both = one.merge(Verdicts.of(torch.tensor([[0.0, 50.0]])))
    >>> both.n, [round(x, 3) for x in both.total.tolist()]
    (2, [0.5, 1.5, -0.693])
    """

    n: int
    total: torch.Tensor

    @classmethod
    def of(cls, logits: torch.Tensor) -> Verdicts:
        """Of logits (n, k)."""
        log_p = logits.to(torch.float64).log_softmax(dim=1)
        p = log_p.exp()
        return cls(len(p), torch.cat([p.sum(dim=0), (p * log_p).sum()[None]]))

    def merge(self, other: Verdicts) -> Verdicts:
        """Of both sets together."""
        return Verdicts(self.n + other.n, self.total + other.total.to(self.total.device))

    def mean_divergence(self) -> float:
        """The mean of KL(p | average of all p), in nats: the logarithm of the inception score."""
        mean = self.total / self.n
        return float(mean[-1] - torch.special.xlogy(mean[:-1], mean[:-1]).sum())


def _why_probabilities(rows: torch.Tensor) -> str:
    """What shows that rows are shares of the classes, or losses; "" for what may be logits."""
    if bool((rows >= 0).all()):
        why = _why_shares(rows)
        return f"{why}, so they are probabilities" if why else _why_losses(rows)
    sums, k = rows.sum(dim=1), rows.shape[1]
    if k > 2 and bool((rows.abs() <= 1).all()) and bool(((sums + k - 2).abs() <= SUM_TOLERANCE).all()):
        return "are twice what sums to one, less one, so they are probabilities"
    negative = bool((rows <= 0).all()) and bool(((sums + 1).abs() <= SUM_TOLERANCE).all())
    return "are at most 0 and sum to -1, so they are probabilities with the sign changed" if negative else ""


def _why_shares(rows: torch.Tensor) -> str:
    sums = rows.sum(dim=1)
    if bool(((sums - 1).abs() <= SUM_TOLERANCE).all()):
        return "are non-negative and sum to one"
    if rows.numel() < TELLING or not bool(sums.any()):
        return ""
    for total in TOTALS:
        if bool(((sums - total).abs() <= SUM_TOLERANCE * total).all()):
            return f"are non-negative and sum to {total} each"
    return "all lie between 0 and 1" if bool((rows <= 1).all()) else ""


def _why_losses(rows: torch.Tensor) -> str:
    """Whether they are what a classifier is trained to make small: the worst class would have the largest number.

    Rows with a 0 in them, as a ReLU leaves them, nearly have that sum by themselves; so only what lies between the
    largest share and one is looked at.
    """
    shares = (-rows).exp()
    doubt = 1 - shares.amax(dim=1)
    fits = (shares.sum(dim=1) - 1).abs() <= DOUBT_TOLERANCE * doubt + CERTAIN
    told = bool(fits.all()) and int((doubt > TOLD).sum()) >= ALONE and rows.numel() >= TELLING
    return "are minus the logarithms of probabilities" if told else ""
