"""What the gate promises, measured on generators that were really trained.

    python -m studies gate RUN [RUN ...]

Each RUN is the folder of a finished conditional run (`python -m reference_models projection_cgan --dataset hoda`). A
large pool of images is drawn and embedded once; every "fresh sample set" is a random part of that pool, without
replacement, so that two sets of one comparison share no image. The reference set is fixed, as it is in a gate. Weight
faults are made in a copy of the checkpoint; their pools share the latents of the healthy one.

What a finite pool does to each figure: n of N rows vary less than n fresh ones, by sqrt(1 - n / N) in the standard
deviation, so standard deviations are divided by that, and an interval is asked whether it covers the deviation so
enlarged. The difference of two *disjoint* parts has exactly the variance 2 S^2 / n of two fresh sets, so the A/A shares
need nothing.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import tyro

from ganeval.core.files import read_json, write_atomic, write_json
from ganeval.errors import GanevalError
from ganeval.gate.calibrate import Count
from ganeval.gate.compare import level
from ganeval.gate.entry import Entry, Look
from ganeval.gate.estimates import interval
from ganeval.gate.rules import parse_config
from ganeval.gate.verdict import Verdict
from ganeval.measure.faults import collapse, drop_class, shuffle_labels
from ganeval.records.scores import Evaluation
from studies.gate.pools import SEED, Bench, Change, Pool, Rows, open_bench, pool_of, with_weights
from studies.page import RESULTS, machine, markdown_table, render_document

RULES = [
    {"metric": "fid", "margin_rel": 0.05},
    {"metric": "kid", "margin_rel": 0.10},
    {"metric": "precision", "margin_abs": 0.03},
    {"metric": "classifier_score", "margin_abs": 0.01},
    {"metric": "missing_classes", "max": 0, "hard": True},
]
FIXED = 0.05  # the rule that everybody writes: fails if FID rises by more than 5 %
RISE = 0.10  # of the perturbed weights' true FID
N, PAIRED_N = 4000, 5000
COVERED = {"fid": "fid", "kid": "kid", "classifier_score": "accuracy", "precision": "precision"}
Pairs = Sequence[tuple[Evaluation, Evaluation]]


@dataclass(frozen=True)
class Sizes:
    pool: int = 60_000  # its first half is what the paired sets are drawn of
    real: int = 2_000
    aa: int = 300
    faults: int = 50
    paired: int = 50
    random: int = 400
    scale: float = 1.0  # of the numbers of images a set, to try the script on a small pool

    def n(self, n: int) -> int:
        return max(200, int(n * self.scale))


TINY = Sizes(pool=4000, real=300, aa=6, faults=3, paired=4, random=6, scale=0.2)


@dataclass(frozen=True)
class Row:
    """One line of the page: claim, bar, what was measured, whether it holds."""

    claim: str
    bar: str
    measured: str
    holds: bool | None = None


def main(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    /,
    *,
    out: Path = RESULTS,
    keep: Path | None = None,
    render: bool = False,
    tiny: bool = False,
) -> Path:
    """Measure the gate on each run, and write `out/gate.md`.

    Args:
        runs: folders of finished runs with classes.
        out: folder of the page.
        keep: keep pools and finished parts here, and go on from them.
        render: measure nothing: the page of what is kept so far.
        tiny: a few comparisons of small sets, to try the command.
    """
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="ganeval-gate-") as scratch:
        pages, seconds = measured(runs, TINY if tiny else Sizes(), keep or Path(scratch), measure=not render)
        return write_atomic(out / "gate.md", render_page(pages, seconds))


def measured(
    runs: Sequence[Path], sizes: Sizes, kept: Path, *, measure: bool
) -> tuple[list[tuple[Bench, list[Row]]], float]:
    """Each generator with its rows, and the CPU seconds of all."""
    pages, seconds = [], 0.0
    for folder in runs:
        started = time.process_time()
        config = parse_config({"rule": [dict(rule) for rule in RULES]})
        bench = open_bench(folder, pool=sizes.pool, real=sizes.real, config=config, kept=kept / folder.name)
        seconds += time.process_time() - started
        rows: list[Row] = []
        for number, part in enumerate(PARTS):
            found, spent = measured_once(bench, part, number, sizes, measure=measure)
            rows, seconds = [*rows, *found], seconds + spent
        pages.append((bench, rows))
    return pages, seconds


def measured_once(bench: Bench, part: Part, number: int, sizes: Sizes, *, measure: bool) -> tuple[list[Row], float]:
    """The rows of one part and its CPU seconds, from disk where they were measured before."""
    file = bench.kept / f"{part.__name__}.json"
    if not file.exists() and not measure:
        return [Row(part.__name__.replace("_", " "), "", "not measured yet")], 0.0
    if not file.exists():
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {bench.name}: {part.__name__}\n")
        started = time.process_time()
        rows = list(part(replace(bench, rng=np.random.default_rng([SEED, number])), sizes))
        write_json(file, {"rows": [asdict(row) for row in rows], "seconds": time.process_time() - started})
    document = read_json(file)
    return [Row(**row) for row in document["rows"]], document["seconds"]


def balanced_sets(bench: Bench, sizes: Sizes) -> Iterator[Row]:
    """Classes in equal numbers, as a gate draws them: errors, false alarms, and faults of images on the same sets."""
    n = sizes.n(N)
    bench.require_same_precision(n)
    rows = [bench.parts(2, n) for _ in range(sizes.aa)]
    pairs = [
        (bench.measure(bench.pool.take(a), f"{i}a"), bench.measure(bench.pool.take(b), f"{i}b"))
        for i, (a, b) in enumerate(rows)
    ]
    yield from standard_errors([Look.of(e) for pair in pairs for e in pair], "balanced", n / len(bench.pool))
    yield from false_alarms(bench, pairs, n)
    yield from image_faults(bench, [base for base, _ in pairs], [second for _, second in rows], sizes)


def random_sets(bench: Bench, sizes: Sizes) -> Iterator[Row]:
    n = sizes.n(N)
    rows = [bench.parts(1, n, balanced=False)[0] for _ in range(sizes.random)]
    looks = [Look.of(bench.measure(bench.pool.take(r), "")) for r in rows]
    yield from standard_errors(looks, "at random", n / len(bench.pool))


def standard_errors(looks: Sequence[Look], how: str, share: float) -> Iterator[Row]:
    for metric, name in COVERED.items():
        yield from error_rows(f"{name}, classes {how}", [look.entries[metric] for look in looks], share)


def error_rows(what: str, entries: Sequence[Entry], share: float) -> Iterator[Row]:
    """share: of the pool that one set is, n / N."""
    values, errors = (np.array([getattr(e, key) for e in entries], float) for key in ("value", "se"))
    shrink = math.sqrt(1 - share)
    ratio = float(errors.mean() / (values.std(ddof=1) / shrink))
    known = f"{1 / math.sqrt(2 * len(entries)):.0%}"
    yield Row(
        f"se of {what}: formula / true sd over {len(entries)} fresh sets of {entries[0].n}",
        "0.90 to 1.10",
        f"{ratio:.3f} (the true sd itself is known to {known})",
        0.9 <= ratio <= 1.1,
    )
    bounds = [interval(level(entry, what), 0.025) for entry in entries]
    aims = values + (values.mean() - values) / shrink
    covered = Count(sum(bool(low <= aim <= high) for aim, (low, high) in zip(aims, bounds, strict=True)), len(bounds))
    yield Row(
        f"95 % interval of {what} covers its expectation", "92 to 98 %", str(covered), 0.92 <= share_of(covered) <= 0.98
    )


def false_alarms(bench: Bench, pairs: Pairs, n: int) -> Iterator[Row]:
    verdicts = [bench.gate(*pair) for pair in pairs]
    red = Count(sum(v.verdict == "regressed" for v in verdicts), len(verdicts))
    fixed = Count(sum(value(now, "fid") > (1 + FIXED) * value(base, "fid") for base, now in pairs), len(pairs))
    yield Row(
        f"false alarms a run, all rules together, {len(pairs)} A/A comparisons at n = {n}",
        "<= 1 %",
        f"{red} (95 % upper limit {red.interval[1]:.1%})",
        share_of(red) <= 0.01,
    )
    yield Row('the same sets under "fails if FID rises > 5 %"', "shown beside it", str(fixed))
    floorless = tuple(rule if rule.hard else replace(rule, floor_abs=0.0) for rule in bench.config.rules)
    bare = [bench.gate(*pair, alpha=0.2, rules=floorless) for pair in pairs]
    words = [[rule.verdict for rule in verdict.rules] for verdict in bare]
    worse, better = (sum(found.count(word) for found in words) for word in ("regressed", "improved"))
    gaps = [found.count("regressed") - found.count("improved") for found in words]
    even = abs(sum(gaps)) <= 2 * math.sqrt(max(sum(gap**2 for gap in gaps), 1))  # rules of one run move together
    real = [sum(v.verdict == word for v in verdicts) for word in ("improved", "regressed")]
    yield Row(
        "as many improved as regressed on A/A",
        "within noise (2 sd)",
        f"{real[0]} and {real[1]} runs at alpha 0.01; {better} and {worse} rules at alpha 0.2 without floors",
        even,
    )


def image_faults(bench: Bench, bases: Sequence[Evaluation], asked: Sequence[Rows], sizes: Sizes) -> Iterator[Row]:
    faults: dict[str, Callable[..., Any]] = {
        "one class dropped": drop_class,
        "collapse to 50 images": collapse,
        "label shuffle 5 %": shuffle_labels,
    }
    for name, broken in faults.items():
        caught = 0
        for i, (base, rows) in enumerate(zip(bases[: sizes.faults], asked, strict=False)):
            now = bench.measure(answered(bench, rows, broken), f"{name} {i}")
            caught += bench.gate(base, now).verdict == "regressed"
        share = Count(caught, min(sizes.faults, len(bases)))
        yield Row(f"{name}: caught, unpaired, n = {bases[0].fake.n}", "100 % of 50", str(share), share.hits == share.n)


def answered(bench: Bench, rows: Rows, broken: Callable[..., Any]) -> Pool:
    """What a broken generator answers to the requests of `rows`: other images of the pool, the labels as asked."""
    healthy = bench.pool.take(rows)
    index = broken(np.arange(len(rows))[:, None, None, None], healthy.labels, bench.rng)[:, 0, 0, 0]
    answers = healthy.take(index)
    return replace(answers, features=replace(answers.features, labels=healthy.features.labels))


def paired_sets(bench: Bench, sizes: Sizes) -> Iterator[Row]:
    """The same latents and labels on both sides; unpaired, another part of the healthy pool is the baseline."""
    n, half = sizes.n(PAIRED_N), sizes.pool // 2
    scale = find_scale(bench, sizes)
    pools = {
        "rounded": bench.changed("rounded", lambda w, _: w.half().to(w.dtype), half),
        "a fifth": bench.changed("a-fifth", noisy(scale / 5), half),
        "perturbed": bench.changed("perturbed", noisy(scale), half),
    }
    rows = [bench.parts(1, n, slice(half))[0] for _ in range(sizes.paired)]
    bases = [bench.measure(bench.pool.take(r), f"paired {i}") for i, r in enumerate(rows)]
    others = [
        bench.measure(bench.pool.take(bench.parts(1, n, slice(half, None))[0]), f"other {i}") for i in range(len(rows))
    ]
    nows = {
        name: [bench.measure(pool.take(r), f"paired {i}") for i, r in enumerate(rows)] for name, pool in pools.items()
    }
    verdicts = {name: [bench.gate(*both) for both in zip(bases, found, strict=True)] for name, found in nows.items()}
    fine = Count(sum(v.verdict in ("ok", "improved") for v in verdicts["rounded"]), len(rows))
    yield Row(f"weights rounded to fp16: ok (proved), paired, n = {n}", ">= 95 %", str(fine), share_of(fine) >= 0.95)
    yield noise_row("rounded to fp16", bases, others, nows["rounded"], None)
    yield noise_row(f"perturbed by {scale / 5:.3g} of their spread", bases, others, nows["a fifth"], None)
    yield from perturbed_rows(
        bench, scale, pools["perturbed"], (bases, others, nows["perturbed"]), verdicts["perturbed"]
    )


def perturbed_rows(
    bench: Bench, scale: float, pool: Pool, sets: tuple[Sequence[Evaluation], ...], verdicts: Sequence[Verdict]
) -> Iterator[Row]:
    bases, others, nows = sets
    base = value(bench.evaluate(bench.pool.take(np.arange(len(pool))).features, ["fid"]), "fid")
    rise = value(bench.evaluate(pool.features, ["fid"]), "fid") / base - 1
    caught = Count(sum(v.verdict == "regressed" for v in verdicts), len(verdicts))
    apart = [bench.gate(*both) for both in zip(others, nows, strict=True)]
    alone = Count(sum(v.verdict == "regressed" for v in apart), len(apart))
    what = f"weights perturbed by {scale:.3g} of their spread, FID at n = {len(pool):,} +{rise:.1%}"
    yield Row(f"{what}: caught, paired, n = {bases[0].fake.n}", ">= 95 %", str(caught), share_of(caught) >= 0.95)
    yield Row("the same, unpaired", "shown beside it", str(alone))
    for who, found in (("paired", verdicts), ("unpaired", apart)):
        share = Count(sum(v.rules[0].verdict == "regressed" for v in found), len(found))
        yield Row(f"the same, {who}, by the rule for fid alone", "shown beside it", str(share))
    yield noise_row(f"perturbed by {scale:.3g} of their spread", bases, others, nows, 0.25)


def noise_row(
    what: str, bases: Sequence[Evaluation], others: Sequence[Evaluation], nows: Sequence[Evaluation], bar: float | None
) -> Row:
    """Both differences are of parts of equal pools, so that the finite pools cancel in the ratio."""
    together, apart = (
        np.std([value(now, "fid") - value(then, "fid") for then, now in zip(side, nows, strict=True)], ddof=1)
        for side in (bases, others)
    )
    ratio, text = float(together / apart), "<= 1/4" if bar else "shown beside it"
    known = f"known to {1 / math.sqrt(len(nows)):.0%}"
    return Row(
        f"paired noise / unpaired noise of the difference in FID, weights {what}",
        text,
        f"{ratio:.3f} ({known}; sd {together:.4g} against {apart:.4g})",
        None if bar is None else ratio <= bar,
    )


def find_scale(bench: Bench, sizes: Sizes) -> float:
    """The perturbation whose FID on 10,000 shared latents is 10 % higher, by bisection on a logarithmic scale."""
    kept = bench.kept / "scale.json"
    if kept.exists():
        return float(read_json(kept)["scale"])
    n = min(10_000, sizes.pool // 2)
    base = value(bench.evaluate(bench.pool.take(np.arange(n)).features, ["fid"]), "fid")
    low, high, middle = math.log(1e-3), math.log(0.3), 0.0
    for _ in range(9):
        middle = (low + high) / 2
        with tempfile.TemporaryDirectory() as scratch:
            folder = with_weights(bench.folder, Path(scratch) / "run", noisy(math.exp(middle)))
            pool = pool_of(folder, bench.judge, n, Path(scratch), "pool")
        rise = value(bench.evaluate(pool, ["fid"]), "fid") / base - 1
        if abs(rise - RISE) <= 0.005:
            break
        low, high = (middle, high) if rise < RISE else (low, middle)
    write_json(kept, {"scale": math.exp(middle)})
    return math.exp(middle)


def noisy(scale: float) -> Change:
    return lambda w, rng: w + scale * w.std(correction=0) * torch.randn(w.shape, generator=rng)


def value(evaluation: Evaluation, name: str) -> float:
    found = evaluation.scores[name].value
    if found is None:
        raise GanevalError(f"{name} was not computed: {evaluation.scores[name].status}")
    return found


def share_of(count: Count) -> float:
    return count.hits / count.n


Part = Callable[[Bench, Sizes], Iterator[Row]]
PARTS: tuple[Part, ...] = (balanced_sets, random_sets, paired_sets)


def render_page(pages: Sequence[tuple[Bench, list[Row]]], seconds: float) -> str:
    runs = " ".join(f"runs/{bench.folder.name}" for bench, _ in pages)
    said = f"{seconds / 60:.0f} CPU-minutes on {machine()}, torch {torch.__version__}, one thread."
    rules = "; ".join(describe(rule) for rule in RULES)
    parts = [f"Rules: {rules}. Family-wise alpha 0.01, Holm."]
    for bench, rows in pages:
        about = (
            f"Reference: {len(bench.real)} real images ({bench.real.passport.source}); classifier and features: "
            f"`{bench.judge}` ({bench.real.embeddings.shape[1]} dimensions); pool: {len(bench.pool):,} generated "
            "images, embedded once. Shares come with exact 95 % intervals."
        )
        cells = [(r.claim, r.bar, r.measured, MARKS[r.holds]) for r in rows]
        parts += [f"## {bench.name}", about, markdown_table(("claim", "bar", "measured", "holds"), cells)]
    return render_document("The gate, measured", f"gate {runs}", [*parts, "\n".join(NOTES)], said=said)


NOTES = [
    (
        "How to read this: sets of one comparison share no image. The sets of different comparisons are drawn from one "
        "pool, so the"
    ),
    (
        "shares say what happens to this generator, not to all of them. Standard deviations and coverage are corrected "
        "for the finite"
    ),
    (
        "pool; the shares caught of perturbed weights are not (their noise is 4 to 9 % too small). Coverage is of the "
        "expectation at"
    ),
    (
        "that n: a Frechet distance is biased in n, and a gate compares equal n. The errors are those of the gate at "
        "its first look:"
    ),
    '"balanced" is how a gate draws, and its formula looks within classes; "at random" is the textbook formula.',
]


def describe(rule: dict[str, Any]) -> str:
    parts = [f"{key} {value}" for key, value in rule.items() if key != "metric"]
    return f"`{rule['metric']}` {', '.join(parts)}"


MARKS = {None: "", True: "yes", False: "**no**"}
