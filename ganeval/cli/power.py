"""`ganeval power`: how many images a difference needs, or what a number of images can see."""

from __future__ import annotations

import sys

from ganeval.core.shown import MaybeCount, MaybeNumber
from ganeval.gate.rules import GateConfigError


def power(
    difference: MaybeNumber = None,
    n: MaybeCount = None,
    noise: MaybeNumber = None,
    p: MaybeNumber = None,
    agreement: MaybeNumber = None,
    alpha: float = 0.01,
    tests: int = 1,
    power: float = 0.8,
    tail: MaybeNumber = None,
    beyond: float = 0.0,
) -> int:
    """The n for a difference, or the difference that an n resolves.

    Args:
        difference: The loss to find, in the metric's unit; gives the n. Of a proportion: the change towards one half.
        n: Images a side; gives the loss that is found.
        noise: Standard deviation per image of the difference: se times the square root of n.
        p: For a proportion, in place of noise: its value, for example 0.97.
        agreement: With p and shared latents: the share of images that both sides get equally right.
        alpha: Family-wise, one-sided.
        tests: Rules and looks that share alpha.
        power: The chance of finding it.
        tail: In place of a difference: the share of images that a rule lets lie beyond image_max or image_min; gives
            the n that proves it.
        beyond: With tail: the share that really lies beyond.
    """
    from ganeval.gate.power import detectable, required_n
    from ganeval.numerics.share_power import ShareTest

    if tail is not None:
        return _of_tail(tail, beyond, alpha / max(tests, 1), power, others=(difference, n, noise, p, agreement))
    if beyond:
        raise GateConfigError("--beyond is about single images; pass --tail with it.")
    if (difference is None) == (n is None) or (noise is None) == (p is None):
        raise GateConfigError("Pass either --difference or --n, and either --noise or --p.")
    if agreement is not None and p is None:
        raise GateConfigError("--agreement is about a proportion; pass --p with it.")
    if tests < 1:
        raise GateConfigError(f"--tests counts the rules and looks that share alpha, 1 or more; got {tests}.")
    level = alpha / tests
    share = None if p is None else ShareTest(p, level, agreement)
    if difference is not None:
        needed = share.required_n(difference, power) if share else required_n(difference, noise or 0.0, level, power)
        found = f"n = {needed} images a side find a loss of {difference:g}"
    else:
        least = share.detectable(n or 0, power) if share else detectable(n or 0, noise or 0.0, level, power)
        found = f"n = {n} images a side find " + ("no loss at all" if least is None else f"a loss of {least:.4g}")
    sys.stdout.write(f"{found} with power {power:g} at one-sided alpha {level:g}\n")
    return 0


def _of_tail(share: float, beyond: float, alpha: float, power: float, others: tuple[float | None, ...]) -> int:
    from ganeval.gate.power import tail_n

    if any(other is not None for other in others):
        raise GateConfigError("--tail asks for the n of a rule about single images; leave the other questions out.")
    n = tail_n(share, beyond, alpha, power)
    what = f"that at most {share:g} of the images lie beyond a limit where {beyond:g} do"
    found = f"no number of images proves {what}" if n is None else f"n = {n} images prove {what},"
    sys.stdout.write(f"{found} with power {power:g} at one-sided alpha {alpha:g}\n")
    return 0
