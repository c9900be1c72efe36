"""Then against now for one metric: the difference, oriented so that positive is worse, and its error.

Paired (shared latents and labels, per-image vectors on both sides): the noise of a sample mostly cancels, because both
generators are asked the same questions. For a mean the difference of the two vectors is exact; for a distance such as
FID it is the difference of two influence functions, each linearised at its own sample: se = sd(psi_now - psi_then) /
sqrt(n). The reference set is the same on both sides and held fixed.

With balanced labels, the standard error is the within-class one (see `ganeval.numerics.strata`).

A fitted influence psi(x) = psi_0(x) + mean_j phi(x, x_j), with phi the second-order kernel and E = mean phi^2, has the
variance var psi_0 + E / n, while the estimate has n var T_n = var psi_0 + E / (2 n): the error is too large, if
anything, by up to sqrt 2 where psi_0 = 0 (a perfect generator). The linearisation is checked twice: the second-order
part of both values (value minus debiased value, where both were measured) must not explain the difference, else it is
added to the standard error; and no single image may carry a tenth of the variance. Both say so in the note.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ganeval.core.wording import ended
from ganeval.errors import GanevalError, IncomparableError
from ganeval.gate.entry import Entry, Look, Vector
from ganeval.gate.estimates import Estimate, Normal, PairedProportions, Proportion, TwoProportions
from ganeval.numerics.strata import error_of_mean

DEBIASED = {"fid": "fid_debiased"}  # whose half-split is measured beside them: it tells their second-order part
SAME = 1e-6  # relative difference of two values of the same images that is rounding
CERTAIN = 2.0  # standard deviations of its own noise that a second-order part must differ by to count
HEAVY = 0.1  # share of the variance in one image above which a normal approximation is doubtful


class NoErrorKnownError(GanevalError):
    """A statistical rule about a metric whose standard error is not known."""


@dataclass(frozen=True)
class Difference:
    """An oriented difference and where its error comes from."""

    estimate: Estimate
    base: float
    now: float
    n: int
    paired: bool = False
    note: str = ""


def difference(then: Look, now: Look, metric: str) -> Difference:
    """`now - then` of one metric, positive = worse.

    Raises `IncomparableError` where the two numbers do not mean the same, `NoErrorKnownError` without standard errors.
    """
    base, entry = then.entries[metric], now.entries[metric]
    require_comparable(metric, base, entry)
    sign = _sign(metric, entry)
    paired = _paired(then, now, metric, sign)
    found = paired or _unpaired(base, entry, sign)
    if found is None:
        raise NoErrorKnownError(
            f"No standard error of {metric} is known, so noise and loss cannot be separated. "
            f"Give its rule hard = true with max or min, or gate another metric."
        )
    return found if paired else replace(found, note=_why_unpaired(then, now, metric))


def unchanged(then: Look, now: Look, base: float, value: float, margin: float) -> bool:
    """Whether both sides are the same images, bit for bit, with the same value up to rounding.

    No statistics are needed then, and none would do: a metric without per-image values cannot be paired. Where the
    values differ all the same, something else changed (the labels that were asked for), and that is judged.
    """
    same = now.images != "" and then.images == now.images
    return same and abs(value - base) <= max(margin / 100, SAME * abs(base))


def class_differences(then: Look, now: Look, metric: str) -> dict[str, Difference]:
    """The same for each class of a proportion; paired where labels and vectors are there on both sides."""
    base, entry = then.entries[metric], now.entries[metric]
    sign = _sign(metric, entry)
    require_comparable(metric, base, entry)
    pairs = _class_pairs(then, now, metric, sign, list(entry.by_class))
    found: dict[str, Difference] = {}
    for name, (hits, n) in entry.by_class.items():
        if n == 0 or base.by_class.get(name, (0, 1))[1] == 0:
            continue
        if name not in base.by_class:
            raise IncomparableError(f"The baseline of {metric} has no class {name!r}. Update the baseline.")
        hits0, n0 = base.by_class[name]
        estimate = pairs.get(name) or _two_proportions(hits, n, hits0, n0, sign)
        found[name] = Difference(estimate, hits0 / n0, hits / n, n, paired=name in pairs)
    return found


def level(entry: Entry, metric: str) -> Estimate:
    """The value itself, for absolute limits."""
    if entry.value is None:
        raise GanevalError(f"{metric} has no value: {ended(entry.status)}")
    if entry.hits is not None and entry.n:
        return Proportion(entry.hits, entry.n)
    if entry.se is None:
        raise NoErrorKnownError(
            f"No standard error of {metric} is known, so its limit cannot be judged on a bound. Give its rule hard = "
            "true."
        )
    return Normal(entry.value, entry.se, "normal")


def seeds_difference(then: Sequence[float], now: Sequence[float], better: str, train_sd: float | None = None) -> Normal:
    """Retrained generators: Welch's t over training seeds, or a stored sd between seeds where one side has a single
    seed.

    The spread of the values over seeds already contains their sampling noise.
    """
    k0, k1 = len(then), len(now)
    gap = (float(np.mean(now)) - float(np.mean(then))) * (1 if better == "lower" else -1)
    if k0 >= 2 and k1 >= 2:
        v0, v1 = float(np.var(then, ddof=1)) / k0, float(np.var(now, ddof=1)) / k1
        df = (v0 + v1) ** 2 / (v0**2 / (k0 - 1) + v1**2 / (k1 - 1)) if v0 + v1 > 0 else k0 + k1 - 2
        return Normal(gap, math.sqrt(v0 + v1), f"Welch's t over {k0} and {k1} seeds", df)
    if train_sd is not None and train_sd > 0:
        return Normal(gap, train_sd * math.sqrt(1 / k0 + 1 / k1), "stored sd between training seeds")
    if max(k0, k1) >= 2:
        many = then if k0 >= 2 else now
        se = float(np.std(many, ddof=1)) * math.sqrt(1 / k0 + 1 / k1)
        return Normal(gap, se, f"sd over {len(many)} seeds of one side", len(many) - 1)
    raise IncomparableError(
        "scope = 'recipe' judges a training recipe, and one training run a side says nothing about the next one. "
        "Pass two or more runs (three find 3 %, eight find 2 %), store train_sd with the baseline, or use scope = "
        "'checkpoint'."
    )


def require_direction(metric: str, base: Entry, now: Entry) -> None:
    """Raise `IncomparableError` unless the two numbers mean the same and one of them can be worse."""
    require_comparable(metric, base, now)
    _sign(metric, now)


def require_comparable(metric: str, base: Entry, now: Entry) -> None:
    if base.version != now.version:
        raise IncomparableError(
            f"{metric} changed from version {base.version} to {now.version}; its numbers do not compare. Update the "
            "baseline."
        )
    if dict(base.options) != dict(now.options):
        raise IncomparableError(
            f"{metric} was measured with options {dict(base.options)}, now with {dict(now.options)}. Use the same ones."
        )
    if now.biased_in_n and base.n != now.n:
        raise IncomparableError(
            f"{metric} is biased in n: the baseline has n = {base.n}, this evaluation {now.n}. "
            f"Run again with n = {base.n}, or update the baseline."
        )


def _sign(metric: str, entry: Entry) -> int:
    if entry.better == "target":
        raise IncomparableError(
            f"{metric} has a target, not a direction: gate it with min and max instead of a margin."
        )
    return 1 if entry.better == "lower" else -1


def _paired(then: Look, now: Look, metric: str, sign: int) -> Difference | None:
    old, new = then.linear(metric), now.linear(metric)
    if old is None or new is None or not then.latents or then.latents != now.latents or len(old) != len(new):
        return None
    base, entry = then.entries[metric], now.entries[metric]
    assert base.value is not None
    assert entry.value is not None
    n = len(new)
    if base.hits is None and None in (base.se, entry.se):
        return None
    if base.hits is not None and entry.hits is not None:
        counts = _discordant(old, new, sign)
        return Difference(PairedProportions(*counts, n), base.value, entry.value, n, paired=True)
    spread = np.asarray(new, np.float64) - np.asarray(old, np.float64)
    asked = then.asked if _same(then.asked, now.asked) else None
    se = error_of_mean(spread, asked)
    se = se if se > 1e-9 * float(np.std(new, dtype=np.float64)) else 0.0  # rounding is no noise
    gap = sign * (entry.value - base.value)
    extra, note = _second_order(then, now, metric, gap, se)
    heavy = _heavy(spread)
    return Difference(
        Normal(gap, math.hypot(se, extra), "paired influence"),
        base.value,
        entry.value,
        n,
        paired=True,
        note=" ".join(filter(None, (note, heavy))),
    )


def _same(a: Vector | None, b: Vector | None) -> bool:
    return a is not None and b is not None and np.array_equal(a, b)


def _unpaired(base: Entry, now: Entry, sign: int) -> Difference | None:
    assert base.value is not None
    assert now.value is not None
    n = now.n or 0
    if base.hits is not None and now.hits is not None and base.n and now.n:
        return Difference(_two_proportions(now.hits, now.n, base.hits, base.n, sign), base.value, now.value, n)
    if base.se is None or now.se is None:
        return None
    gap = sign * (now.value - base.value)
    return Difference(Normal(gap, math.hypot(base.se, now.se), "unpaired"), base.value, now.value, n)


def _two_proportions(hits: int, n: int, hits0: int, n0: int, sign: int) -> TwoProportions:
    return TwoProportions(hits, n, hits0, n0) if sign > 0 else TwoProportions(hits0, n0, hits, n)


def _discordant(old: Vector, new: Vector, sign: int) -> tuple[int, int]:
    """(worse, better): images on which only one side has a hit, seen from a metric that a hit makes better or worse."""
    gained, lost = int((new > old).sum()), int((new < old).sum())
    return (gained, lost) if sign > 0 else (lost, gained)


def _class_pairs(then: Look, now: Look, metric: str, sign: int, names: list[str]) -> dict[str, PairedProportions]:
    old, new, asked = then.hits(metric), now.hits(metric), now.asked
    if old is None or new is None or asked is None or not then.latents or then.latents != now.latents:
        return {}
    if len(old) != len(new) or not _same(asked, then.asked):
        return {}
    rows = {name: asked == index for index, name in enumerate(names)}
    return {name: PairedProportions(*_discordant(old[m], new[m], sign), int(m.sum())) for name, m in rows.items()}


def _second_order(then: Look, now: Look, metric: str, gap: float, se: float) -> tuple[float, str]:
    parts = [_remainder(look, metric) for look in (then, now)]
    if parts[0] is None or parts[1] is None:
        return 0.0, ""
    excess = abs(parts[1][0] - parts[0][0])
    if excess <= max(2 * se, abs(gap) / 2, CERTAIN * math.hypot(parts[0][1], parts[1][1])):
        return 0.0, ""
    return excess, (
        f"The first-order approximation of {metric} is doubtful here: the second-order part of the two values differs "
        f"by {excess:.3g}; that was added to the standard error. More images make it small."
    )


def _remainder(look: Look, metric: str) -> tuple[float, float] | None:
    """The second-order part of a value, T_n minus its half-split, and the noise of the split that found it.

    Two evaluations are split into different halves, so that this noise does not cancel between them, however alike they
    are. The part is (F_aa + F_bb - 2 F_ab) / 8, with F the mean of phi over two halves, of variance E / (2 n^2); the
    half-split's influence is fitted on the other half, so that se(half-split)^2 - se^2 = E / n^2 is twice that.
    """
    whole, debiased = look.entries.get(metric), look.entries.get(DEBIASED.get(metric, ""))
    if whole is None or debiased is None or whole.value is None or debiased.value is None:
        return None
    noise = max((debiased.se or 0.0) ** 2 - (whole.se or 0.0) ** 2, 0.0)
    return whole.value - debiased.value, math.sqrt(noise)


def _heavy(spread: Vector) -> str:
    squares = (spread - spread.mean()) ** 2
    total = float(squares.sum())
    row = int(squares.argmax())
    if total <= 0 or squares[row] <= HEAVY * total:
        return ""
    return f"Image {row} alone carries {squares[row] / total:.0%} of the variance; look at it, and draw more images."


def _why_unpaired(then: Look, now: Look, metric: str) -> str:
    if not then.latents or not now.latents:
        return "unpaired: the latents of one side are not recorded"
    if then.latents != now.latents:
        return "unpaired: the latents differ"
    sides = [side for side, look in (("baseline", then), ("candidate", now)) if look.linear(metric) is None]
    return f"unpaired: the {' and the '.join(sides) or 'two'} have no per-image values of equal length for {metric}"
