"""The only way in: images, a protocol and a machine -> one `Evaluation`.

Functions, command line, gate, pytest plugin, report, doctor, calibration and demo all call `measure`.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.compute import HERE, Compute
from ganeval.errors import GanevalError, UndefinedError, WrongInputError, guarded, printable
from ganeval.features.extraction import choose_device
from ganeval.features.ranks import ALONE
from ganeval.features.rows import Features
from ganeval.images.leaves import KIND
from ganeval.measure.exhibits import gather_exhibits
from ganeval.measure.floors import floor_pairs, floor_source
from ganeval.measure.pairs import Pairs, pair_up
from ganeval.measure.sources import columns_for, open_sources, require_same_sources, take_buffers
from ganeval.metrics import METRICS, Metric
from ganeval.numerics.settings import undisturbed
from ganeval.numerics.strata import are_balanced, error_of_mean, is_binary
from ganeval.records.protocol import Protocol
from ganeval.records.scores import BY_TEST, FINGERPRINTS, MOMENTS, Evaluation, Floor, Score, ScoreRecord

NO_VALUE = (
    GanevalError,
    ArithmeticError,
    np.linalg.LinAlgError,
    torch.linalg.LinAlgError,  # pyright: ignore[reportPrivateImportUsage] - public, but missing from torch's __all__
)

Chosen = list[tuple[Metric, Mapping[str, Any]]]
Found = list[tuple[Metric, Mapping[str, Any], Score | Exception]]


@undisturbed()
@guarded
def measure(
    images: Any,
    protocol: Protocol,
    compute: Compute = HERE,
    *,
    labels: Any = None,
    latents: str = "",
    generator: Any = None,
    name: str = "",
    step: int | None = None,
    exhibits: bool = False,
) -> Evaluation:
    """Every metric of one set of generated images, each with its error, its floor or the reason why it has no value.

    images: anything `ganeval.image_set` opens (a folder, an array, a generator callable ...), `Features`, or
    floating-point rows (n, d). protocol: how to measure. compute: on what; it moves no number. labels: (n,) integers,
    the class that each image was asked for, where the files do not say. latents: a name for what the images were drawn
    from; evaluations of equal names are compared image by image. generator: asked for more images by the metrics that
    need one. exhibits: also keep what a report shows beside the numbers (nearest neighbours, best and worst images, a
    map).

    Under torchrun every process calls this with `Compute(ranks=...)`; each gets the whole result.

    >>> rng = np.random.default_rng(0)
    >>> e = measure(rng.normal(size=(80, 4)), Protocol(real=rng.normal(size=(99, 4)), metrics=("fid",)))
    >>> e["fid"].ok, e["fid"].n, e.fake.extractor
    (True, 80, 'given')
    """
    require_how(protocol, compute)
    started = time.perf_counter()
    pairs, found = scores_of(images, protocol, compute, labels=labels, generator=generator, everything=exhibits)
    floors = floor_pairs(pairs, protocol.seed) if protocol.floor else None
    records = {
        metric.name: ScoreRecord.of(score, _floor(metric, options, pairs, floors))
        if isinstance(score, Score)
        else _without_value(metric, score)
        for metric, options, score in found
    }
    rows = {
        f"{metric.name}.{key}": values
        for metric, _, score in found
        if isinstance(score, Score)
        for key, values in score.per_sample.items()
    }
    fake, real = pairs.embedded.fake, pairs.embedded.real_passport
    if real is None:
        raise UndefinedError("An evaluation compares with real images. Pass real=.")
    return Evaluation(
        name=name or fake.passport.source,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        step=step,
        real=real,
        fake=fake.passport,
        scores=records,
        protocol=protocol.to_json(),
        sets=_sets(
            pairs, [metric.name for metric, _, score in found if metric.takes_moments and isinstance(score, Score)]
        ),
        latents=latents,
        labels=_labels(fake),
        labelled=fake.labels is not None,
        classifier=_title(pairs.classified.fake),
        per_sample=rows,
        evidence=gather_exhibits(pairs, per_sample=rows, seed=protocol.seed) if exhibits else {},
        environment={**_environment(compute, time.perf_counter() - started), "metric_seconds": dict(pairs.seconds)},
    )


def require_how(protocol: Any, compute: Any) -> None:
    """Refuse what is no protocol, or nothing to compute on, before anything is opened."""
    for given, kind, example in ((protocol, Protocol, 'Protocol(real="hoda:test")'), (compute, Compute, "Compute()")):
        if not isinstance(given, kind):
            raise WrongInputError(
                f"A {kind.__name__} is expected; got {type(given).__name__} {printable(given, 60)}. "
                f"Pass ganeval.{example} with what you want to change."
            )


@undisturbed()
def scores_of(
    images: Any,
    protocol: Protocol,
    compute: Compute = HERE,
    *,
    labels: Any = None,
    generator: Any = None,
    everything: bool = False,
) -> tuple[Pairs, Found]:
    """The pairs of a protocol and what each of its metrics makes of them: a score, or the error that says why not.

    everything: keep all columns that a network gives, not only those that a metric reads.
    """
    ranks = compute.ranks or ALONE
    chosen = ranks.together(lambda: chosen_metrics(protocol))
    asked = [(metric.name, metric.version, dict(options)) for metric, options in chosen]
    ranks.require_same({"metrics": asked, "seed": protocol.seed, "n": protocol.n})
    asks = [metric for metric, _ in chosen]
    take_buffers(generator if images is None else images, ranks)
    sources = ranks.together(
        lambda: open_sources(images, protocol, labels=labels, generator=generator, ranks=ranks, metrics=asks)
    )
    require_same_sources(sources, protocol, compute)
    if not everything:
        sources = replace(sources, columns=columns_for(asks, protocol))
    pairs = pair_up(sources, protocol, compute)
    return pairs, [(metric, options, attempt(metric, options, pairs)) for metric, options in chosen]


def chosen_metrics(protocol: Protocol) -> Chosen:
    """The metrics to run with their options; wrong names and wrong options are found before any work is done."""
    wanted = [METRICS[name] for name in protocol.metrics] or [
        m
        for m in METRICS
        if not m.slow and (protocol.paired or not m.paired) and (protocol.extractors or not m.several_eyes)
    ]
    for name in protocol.options:
        if METRICS[name] not in wanted:
            raise WrongInputError(f"Options were given for {name}, which is not measured here; add it to the metrics.")
    return [(metric, metric.checked(protocol.options.get(metric.name, {}))) for metric in wanted]


def attempt(metric: Metric, options: Mapping[str, Any], pairs: Pairs) -> Score | Exception:
    """The score, with the error that balanced labels give it; or why there is none."""
    started = time.perf_counter()
    try:
        return _within_classes(metric(pairs.of(metric), **options), pairs.embedded.fake)
    except NO_VALUE as error:
        return error
    finally:
        pairs.seconds[metric.name] = round(time.perf_counter() - started, 3)


def _within_classes(score: Score, fake: Features) -> Score:
    """With balanced labels, a mean's standard error comes from the spread within classes (see `numerics.strata`)."""
    labels = _labels(fake)
    if labels is None or score.se is None or not score.linear or not are_balanced(labels):
        return score
    rows = score.per_sample[score.linear]
    if len(rows) != len(labels) or (score.linear != "influence" and is_binary(rows)):
        return score  # shares keep their binomial error: it is too large, but by 3 % at most in practice
    return score.with_(se=error_of_mean(rows, labels), interval=None)


def _labels(fake: Features) -> NDArray[np.int64] | None:
    return None if fake.labels is None else fake.labels.cpu().numpy()


def _without_value(metric: Metric, error: Exception) -> ScoreRecord:
    return ScoreRecord(
        name=metric.name,
        status=f"not computed: {error}",
        better=metric.better,
        perfect=metric.perfect,
        version=metric.version,
        question=metric.question,
        biased_in_n=metric.biased_in_n,
    )


def _floor(metric: Metric, options: Mapping[str, Any], pairs: Pairs, floors: Pairs | None) -> Floor | None:
    """None where real against real has no answer either, or where the question is not about two sets.

    Of pairs the floor is the value of identical ones, which every card says; a metric that is calibrated on held-out
    images tells their share itself. What an exact test says of two random halves is known: nothing is searched for it.
    """
    calibrated = metric.against == "train" and "heldout" in metric.wants
    if floors is None or calibrated or metric.needs & {"generator", "heldout", "paired"}:
        return None
    if metric.exact and metric.perfect is not None and floors.embedded.real is not pairs.embedded.real:
        return Floor(metric.perfect, None, len(pairs.of(metric).fake), BY_TEST)
    found = attempt(metric, options, floors)
    if not isinstance(found, Score) or not np.isfinite(found):
        return None
    pair = floors.of(metric)
    return Floor(float(found), found.se, len(pair.fake), floor_source(pair, pairs.of(metric)))


def _sets(pairs: Pairs, served: list[str]) -> dict[str, Any]:
    """What else was compared with, by role: source, content and number of images; of moments the metrics that read
    them, too.
    """
    embedded, trained = pairs.embedded, pairs.trained
    roles = {"train": None if trained is None else trained.real, "heldout": embedded.heldout}
    found = {
        role: {"source": f.passport.source, "sha256": f.passport.fingerprint, "n": len(f)}
        for role, f in roles.items()
        if f is not None
    }
    moments = embedded.real_moments
    if moments is None:
        return found
    passport = moments.passport
    said = {"source": passport.source, "sha256": moments.content, "n": moments.n, "given": passport.given}
    return {**found, MOMENTS: {**said, "metrics": served}}


def _title(features: Features) -> str:
    """The classifier's name and weights; "" where nothing says what an image shows."""
    passport = features.passport
    if features.logits is None and "logits" not in features.withheld:
        return ""
    return f"{passport.extractor}@{passport.weights_sha256[:8]}" if passport.weights_sha256 else passport.extractor


def _environment(compute: Compute, seconds: float) -> dict[str, Any]:
    return {
        "ganeval": version("ganeval"),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        "device": str(choose_device(compute.device)),
        "threads": torch.get_num_threads(),
        FINGERPRINTS: KIND,
        "seconds": round(seconds, 3),
    }
