"""The one place where all parts meet: images x extractor -> features -> pair -> every metric -> `Evaluation`.

Two networks may look at the images: the *eye* (`extractor=`), whose embeddings say how close two sets are, and the
*judge* (`classifier=`), whose logits say what an image shows. With only a classifier given it is both. Metrics that
need logits ask the judge, all others the eye.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganeval.core.extractor import Extractor
from ganeval.errors import GanevalError, WrongInputError, guarded
from ganeval.features.extraction import Features, choose_device, extract, load_extractor
from ganeval.features.pair import Pair, same_classes
from ganeval.features.ranks import ALONE, Ranks
from ganeval.images import image_set
from ganeval.images.imageset import ImageSet
from ganeval.measure.exhibits import gather_evidence
from ganeval.measure.sources import Setup, Source, opened, require_one_input, require_same_sources, seen_by, shape_of
from ganeval.metrics import METRICS, Metric
from ganeval.metrics.probes.generator import LatentGenerator
from ganeval.numerics.strata import are_balanced, error_of_mean, is_binary, linear_part
from ganeval.records.scores import Evaluation, Floor, Score, ScoreRecord, interval_of

Generator = Callable[..., Any]  # (n, labels, torch.Generator) -> images
JUDGED = frozenset({"logits", "real_logits", "confusion"})
NO_VALUE = (GanevalError, ArithmeticError, np.linalg.LinAlgError, torch.linalg.LinAlgError)  # pyright: ignore[reportPrivateImportUsage] - public, but missing from torch's __all__


@guarded
def evaluate(
    real: Any,
    fake: Any = None,
    *,
    extractor: str | Extractor | None = None,
    classifier: str | Extractor | None = None,
    heldout: Any = None,
    train: Any = None,
    labels: Any = None,
    metrics: Iterable[str] | None = None,
    n: int | None = None,
    seed: int = 0,
    device: str = "auto",
    precision: str = "fp32",
    floor: bool = True,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    name: str = "",
    step: int | None = None,
    generator: Generator | None = None,
    evidence: bool = False,
    cache: bool = True,
    ranks: Ranks = ALONE,
) -> Evaluation:
    """All metrics of one set of fakes, each with its error, its floor and, where there is no number, the reason.

    real, fake, heldout: whatever `ganeval.images.image_set` opens (a folder, "hoda:test", an array ...), `Features`, or
    a floating-point (n, d) array of features. fake may be a generator callable or absent when `generator` is given;
    then `n` images are drawn. extractor: the eye, by default the classifier, or "inception" without one.
    labels: (n,) integers, the class each fake was asked for, where the files do not say. metrics: names, by default
    every registered metric that is quick enough to always run. n: only so many fakes, drawn with `seed`.
    options: {"precision": {"k": 5}}. A metric that cannot be computed is in the result with its reason as `status`.

    train: the images that the generator was trained on. Questions about copying (and GAN-train's ceiling) then compare
    the fakes with `train`, and `real` is what they call held out; without `train` they compare with `real`, and need
    `heldout`.

    evidence: also keep what the report shows beside the numbers (nearest neighbours, best and worst images, a map).

    ranks: `ganeval.features.ranks.current()` under torchrun: the processes share the network's work, and each gets the
    whole result. All of them have to call this; without `ranks` a process works alone and waits for nobody.

    The floor of each number is the same metric with real rows in the generator's place: `heldout` where it has as many
    rows as there are fakes, else two disjoint random parts of `real` (at most half of it; `Floor.n` says how many).

    >>> rng = np.random.default_rng(0)
    >>> e = evaluate(rng.normal(size=(99, 4)), rng.normal(size=(80, 4)), metrics=["fid"])
    >>> e["fid"].ok, e["fid"].n, e.fake.extractor
    (True, 80, 'given')
    """
    started = time.perf_counter()
    setup = Setup(extractor, classifier, labels, n, seed, device, precision, cache, ranks)
    chosen = ranks.together(lambda: _chosen(metrics, {} if options is None else options, seed))
    ranks.require_same({"metrics": [(m.name, m.version, dict(given)) for m, given in chosen], "seed": seed, "n": n})
    pairs = pairs_of(real, fake, heldout, generator, setup, train)
    floors = _floor_pairs(pairs, seed) if floor else None
    records: dict[str, ScoreRecord] = {}
    per_sample: dict[str, Any] = {}
    for metric, given in chosen:
        record, rows = _measure(metric, given, pairs, floors)
        records[metric.name] = record
        per_sample |= {f"{metric.name}.{key}": values for key, values in rows.items()}
    eye, judge = pairs.eye, pairs.judge
    assert eye.real is not None
    shown = gather_evidence(eye, judge, pairs.memory, per_sample=per_sample, seed=seed) if evidence else {}
    return Evaluation(
        name=name or eye.fake.passport.source, created=datetime.now(UTC).isoformat(timespec="seconds"), step=step,
        real=eye.real.passport, fake=eye.fake.passport, scores=records, per_sample=per_sample,
        evidence=shown, classifier=_title(judge.fake) if judge.fake.logits is not None else "",
        settings=_settings(pairs, setup, chosen), environment=_environment(device, time.perf_counter() - started),
    )  # fmt: skip


@dataclass(frozen=True)
class Pairs:
    """The same images seen by the eye and by the judge; one object twice when one network is both."""

    eye: Pair
    judge: Pair
    memory: Pair | None = None  # (train, fake) with the reference held out, where the training set is known

    def of(self, metric: Metric) -> Pair:
        about_copies = metric.question == "memorisation" or "heldout" in metric.needs | metric.wants
        if self.memory is not None and about_copies:
            return self.memory
        return self.judge if metric.needs & JUDGED else self.eye


def _chosen(
    names: Iterable[str] | None, options: Mapping[str, Mapping[str, Any]], seed: int
) -> list[tuple[Metric, Mapping[str, Any]]]:
    """The metrics to run with their options; wrong names and wrong options are found before any work is done."""
    wanted = [METRICS[name] for name in _listed(names)] if names is not None else [m for m in METRICS if not m.slow]
    if not isinstance(options, Mapping):
        raise WrongInputError(
            f'options= must map metrics to their options, {{"kid": {{"subsets": 100}}}}; got {options!r}.'
        )
    for name, given in options.items():
        metric = METRICS[name]
        if not isinstance(given, Mapping):
            raise WrongInputError(f'options= of {name} must be a mapping, {{"option": value}}; got {given!r}.')
        if metric not in wanted:
            raise WrongInputError(f"options= are for {name}, which is not measured here; add {name!r} to metrics=.")
        metric.checked(given)
    return [(m, m.checked(m.seeded(seed, options.get(m.name, {})))) for m in wanted]


def _listed(names: Iterable[str]) -> list[str]:
    if isinstance(names, str):
        raise WrongInputError(f"metrics= must be a list of names; got the single word {names!r}. Pass [{names!r}].")
    return list(dict.fromkeys(names))


def _measure(
    metric: Metric, options: Mapping[str, Any], pairs: Pairs, floors: Pairs | None
) -> tuple[ScoreRecord, Mapping[str, Any]]:
    score = _attempt(metric, options, pairs)
    if not isinstance(score, Score):
        return _no_value(metric, score), {}
    score = _by_design(score, pairs.eye.fake)
    return ScoreRecord.of(score, _floor(metric, options, floors)), score.per_sample


def _by_design(score: Score, fake: Features) -> Score:
    """Classes that were asked for in equal numbers are no chance: a mean's error then comes from within them.

    See `ganeval.numerics.strata`. Shares keep their binomial error: it is too large, but by 3 % at most in practice.
    """
    groups = _balanced_labels(fake)
    if groups is None or score.se is None:
        return score
    name = linear_part(score.per_sample, float(score), score.se)
    rows = score.per_sample.get(name)
    if rows is None or len(rows) != len(groups) or (name != "influence" and is_binary(rows)):
        return score
    if abs(error_of_mean(rows) - score.se) > 1e-3 * score.se or score.interval != interval_of(float(score), score.se):
        return score  # its error is made of more than these rows
    return score.with_(se=error_of_mean(rows, groups), interval=None)


def _balanced_labels(fake: Features) -> NDArray[np.int64] | None:
    labels = None if fake.labels is None else fake.labels.cpu().numpy()
    return labels if labels is not None and are_balanced(labels) else None


def _attempt(metric: Metric, options: Mapping[str, Any], pairs: Pairs) -> Score | Exception:
    try:
        return metric(pairs.of(metric), **options)
    except NO_VALUE as error:
        return error


def _no_value(metric: Metric, error: Exception) -> ScoreRecord:
    return ScoreRecord(
        name=metric.name, status=f"not computed: {error}", better=metric.better, perfect=metric.perfect,
        version=metric.version, question=metric.question, biased_in_n=metric.biased_in_n,
    )  # fmt: skip


def _floor(metric: Metric, options: Mapping[str, Any], floors: Pairs | None) -> Floor | None:
    """None where real against real has no answer either, or where the question is not about two sets."""
    if floors is None or metric.needs & {"generator", "heldout"}:
        return None
    score = _attempt(metric, options, floors)
    if not isinstance(score, Score) or not np.isfinite(score):
        return None
    pair = floors.of(metric)
    against = "heldout" if pair.fake.passport.source != _source(pair.real) else "halves"
    return Floor(float(score), score.se, len(pair.fake), against)


def _source(features: Features | None) -> str:
    return "" if features is None else features.passport.source


def pairs_of(real: Any, fake: Any, heldout: Any, generator: Generator | None, setup: Setup, train: Any = None) -> Pairs:
    """Open everything, send each image through each network once, and pair real with fake."""
    if fake is None and generator is None:
        raise WrongInputError("Expected fake images or generator=; got neither. Pass one of them.")
    if generator is not None and not callable(generator) and not isinstance(generator, LatentGenerator):
        raise WrongInputError(
            "generator= must be callable, (n, labels, rng) -> images, or have latent_dim and decode(z, labels); got "
            f"{type(generator).__name__}. Pass images as the second argument."
        )
    drawn = fake if fake is not None else generator
    if generator is None and callable(fake):
        generator = fake
    given = {"real": real, "fake": drawn, "heldout": heldout, "train": train}
    found = setup.ranks.together(lambda: {name: opened(it, setup, fake=name == "fake") for name, it in given.items()})
    require_same_sources(found, setup)
    sources, trained = (found["real"], found["fake"], found["heldout"]), found["train"]
    eye = _pair(sources, setup.extractor or setup.classifier, generator, setup)
    two = setup.classifier is not None and setup.extractor not in (None, setup.classifier)
    judge = _pair(sources, setup.classifier, generator, setup) if two else eye
    memory = None if train is None else same_classes(_memory(trained, eye, setup))
    seen, judged = same_classes(eye), judge.fake.logits is not None
    return Pairs(seen, seen if judge is eye and not judged else same_classes(judge, judged=judged), memory)


def _memory(train: Source | None, eye: Pair, setup: Setup) -> Pair:
    """Training images in the place of the real ones, and those held out; the same network as the eye's."""
    assert train is not None
    network = setup.extractor or setup.classifier
    if network is None and isinstance(train, ImageSet):
        network = _default_extractor((eye.real, eye.fake))
    loaded = None if network is None else load_extractor(network)
    require_one_input(loaded, (train, eye.fake))
    return Pair(seen_by(train, loaded, setup), eye.fake, heldout=eye.real, embed=eye.embed, seed=setup.seed)


def _pair(
    sources: tuple[Source | None, Source | None, Source | None],
    network: str | Extractor | None,
    generator: Generator | None,
    setup: Setup,
) -> Pair:
    if network is None and any(isinstance(source, ImageSet) for source in sources):
        network = _default_extractor(sources)
    loaded = setup.ranks.together(lambda: None if network is None else load_extractor(network, shape_of(sources)))
    require_one_input(loaded, sources)
    real, fake, heldout = (None if source is None else seen_by(source, loaded, setup) for source in sources)
    assert fake is not None
    embed = None if loaded is None else partial(_embedded, loaded, setup)
    return Pair(real, fake, heldout=heldout, generator=generator, embed=embed, seed=setup.seed)


def _embedded(network: Extractor, setup: Setup, images: Any, labels: Any = None) -> Features:
    """Features of images that a metric asked the generator for; drawn anew each time, so never cached."""
    return extract(
        image_set(images, labels=labels), network, device=setup.device, precision=setup.precision, cache=False
    )


def _default_extractor(sources: Iterable[Source | None]) -> str:
    """Inception, which is what FID means; unless some rows are there already and name who made them."""
    named = {s.passport.extractor for s in sources if isinstance(s, Features)}
    return named.pop() if len(named) == 1 and "given" not in named else "inception"


def _floor_pairs(pairs: Pairs, seed: int) -> Pairs | None:
    eye = _floor_pair(pairs.eye, seed)
    if eye is None or pairs.judge is pairs.eye:
        return eye and Pairs(eye, eye)
    judge = _floor_pair(pairs.judge, seed)
    return judge and Pairs(eye, judge)


def _floor_pair(pair: Pair, seed: int) -> Pair | None:
    """Real rows in the generator's place: held-out ones where there are enough, else a random part of the reference."""
    if pair.real is None:
        return None
    rng = np.random.default_rng([seed, 0xF100])
    n = len(pair.fake)
    if pair.heldout is not None and len(pair.heldout) >= n:
        return Pair(pair.real, pair.heldout.take(np.sort(rng.permutation(len(pair.heldout))[:n])), seed=seed)
    order = rng.permutation(len(pair.real))
    n = min(n, len(order) // 2)
    if n == 0:
        return None
    return Pair(pair.real.take(np.sort(order[n:])), pair.real.take(np.sort(order[:n])), seed=seed)


def _title(features: Features) -> str:
    passport = features.passport
    return f"{passport.extractor}@{passport.weights_sha256[:8]}" if passport.weights_sha256 else passport.extractor


def _settings(pairs: Pairs, setup: Setup, chosen: Iterable[tuple[Metric, Mapping[str, Any]]]) -> dict[str, Any]:
    heldout = pairs.eye.heldout
    return {
        "seed": setup.seed,
        "n": setup.n,
        "labels": pairs.eye.fake.labels is not None,
        "sampling": "independent" if _balanced_labels(pairs.eye.fake) is None else "stratified",
        "heldout": _named(heldout),
        **({} if pairs.memory is None else {"train": _named(pairs.memory.real)}),
        "options": {metric.name: _plain(given) for metric, given in chosen if given},
    }


def _named(features: Features | None) -> dict[str, str] | None:
    return None if features is None else {"source": _source(features), "sha256": features.passport.fingerprint}


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    simple = (str, int, float, bool, type(None))
    return {key: value if isinstance(value, simple) else repr(value) for key, value in options.items()}


def _environment(device: str, seconds: float) -> dict[str, Any]:
    return {
        "ganeval": version("ganeval"), "torch": torch.__version__, "numpy": np.__version__,
        "python": platform.python_version(), "platform": platform.platform(terse=True),
        "device": str(choose_device(device)), "threads": torch.get_num_threads(), "seconds": round(seconds, 3),
    }  # fmt: skip
