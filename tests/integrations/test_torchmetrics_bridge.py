"""Our metrics inside torchmetrics give the numbers of `measure`, whatever the batches, collections and processes."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import pickle
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from ganeval import Protocol, extract, kid, measure
from ganeval.classifiers import wrap
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import GanevalError, UndefinedError, WrongInputError
from ganeval.features.rows import Features
from ganeval.features.statistics import Statistics
from ganeval.images import image_set
from ganeval.measure.embedding import embed
from ganeval.metrics import METRICS

pytest.importorskip("torchmetrics", reason="the bridge to torchmetrics needs it")
from torchmetrics import MetricCollection, MetricTracker

from ganeval.integrations.torchmetrics import GanevalMetric
from tests.forks import Forks

NAMES = ("fid", "kid", "precision", "classifier_score", "ms_ssim")
assert "digits" in DATASETS


def images(split: str, n: int) -> tuple[torch.Tensor, torch.Tensor]:
    chosen = image_set(f"digits:{split}", n=n)
    assert chosen.labels is not None
    return torch.from_numpy(chosen.array()), torch.from_numpy(np.asarray(chosen.labels))


REAL, FAKE = images("test", 240), images("train", 200)


def filled(metric: GanevalMetric | MetricCollection, batch: int = 64) -> GanevalMetric | MetricCollection:
    for (x, y), real in ((REAL, True), (FAKE, False)):
        for start in range(0, len(x), batch):
            metric.update(x[start : start + batch], real=real, labels=y[start : start + batch])
    return metric


def expected() -> dict[str, float]:
    protocol = Protocol(real=(REAL[0].numpy(), REAL[1].numpy()), classifier="digits", metrics=NAMES, floor=False)
    found = measure(FAKE[0], protocol, labels=FAKE[1])
    return {name: float(found[name]) for name in NAMES}


def test_a_collection_gives_the_numbers_of_measure_with_their_errors() -> None:
    collection = MetricCollection({name: GanevalMetric(name, classifier="digits") for name in NAMES})
    found = filled(collection).compute()
    assert {name: float(value) for name, value in found.items()} == pytest.approx(expected(), rel=1e-9, abs=1e-12)
    fid = filled(GanevalMetric("fid", classifier="digits"))
    assert isinstance(fid, GanevalMetric)
    fid.compute()
    assert fid.score is not None
    assert fid.score.se is not None


@pytest.mark.parametrize("against", ["real", "train"])
def test_every_metric_has_the_number_and_the_signature_of_measure(against: str) -> None:
    names = tuple(m.name for m in METRICS if not m.slow and not m.paired and m.against == against)
    known = (REAL[0].numpy(), REAL[1].numpy())
    protocol = Protocol(classifier="digits", metrics=names, floor=False, **{"real": known, against: known})
    records = measure(FAKE[0], protocol, labels=FAKE[1]).scores
    wanted = {name: (r.value, r.signature) for name, r in records.items() if r.value is not None}
    assert len(wanted) > len(names) / 2
    found = {}
    for name in names:
        metric = filled(GanevalMetric(name, classifier="digits"))
        assert isinstance(metric, GanevalMetric)
        with contextlib.suppress(GanevalError):
            metric.compute()
            assert metric.score is not None
            found[name] = float(metric.score), metric.score.signature
    assert found == wanted


@pytest.mark.parametrize("kind", ["rows", "parts", "statistics", "file of statistics", "published moments"])
def test_what_measure_takes_for_real_images_is_taken_here(kind: str, tmp_path: Path) -> None:
    seen = extract(image_set(REAL[0].numpy()), "digits", cache=False)
    moments = Statistics.of(seen)
    covariance = moments.gaussian.covariance.matrix
    assert covariance is not None
    given: Any = {"rows": dataclasses.replace(seen, images=None), "statistics": moments}.get(kind, tmp_path / "real")
    if kind == "parts":
        embed(REAL[0].numpy(), Protocol(classifier="digits"), out=given)
    elif kind == "file of statistics":
        given = moments.save(given.with_suffix(".safetensors"))
    elif kind == "published moments":
        given = given.with_suffix(".npz")
        np.savez(given, mu=moments.gaussian.mean.numpy(), sigma=covariance.numpy())
    metric = GanevalMetric("fid", classifier="digits", real=given)
    metric.update(FAKE[0], real=False)
    metric.compute()
    assert metric.score is not None
    found = measure(FAKE[0], Protocol(real=given, classifier="digits", metrics=("fid",), floor=False))["fid"]
    assert (float(metric.score), metric.score.se, metric.score.signature) == (found.value, found.se, found.signature)
    other = GanevalMetric("fid", extractor="pixels", real=given)  # which made no such rows
    other.update(REAL[0][:, :, :4], real=False)
    with pytest.raises(GanevalError, match=r"pixels|64 numbers"):
        other.compute()


def test_batches_of_several_sizes_are_told_by_their_rows() -> None:
    """A set of images has one size; rows of a network that makes images one size have a number all the same."""
    net = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten())
    network = wrap(net, name="means", preprocess=lambda x: x.float(), preprocessing="none")
    metric = GanevalMetric("kid", extractor=network)
    wide = REAL[0].repeat_interleave(2, dim=3)
    for batch, real in ((REAL[0], True), (wide, True), (FAKE[0], False)):
        metric.update(batch, real=real)
    joined = Features.given(torch.cat([network(REAL[0]).embeddings, network(wide).embeddings]))
    assert metric.compute() == pytest.approx(float(kid(joined, Features.given(network(FAKE[0]).embeddings))), rel=1e-9)
    assert metric.score is not None
    assert f"real:{joined.content[:8]}" in metric.score.signature


@pytest.mark.parametrize("batch", [7, 240])
def test_the_size_of_batches_moves_nothing(batch: int) -> None:
    assert float(filled(GanevalMetric("fid", classifier="digits"), batch).compute()) == pytest.approx(
        expected()["fid"], rel=1e-6
    )


def test_rows_of_features_need_no_network() -> None:
    rows = np.random.default_rng(0).normal(size=(150, 6))
    metric = GanevalMetric("kid", degree=2) if "degree" in GanevalMetric("kid").metric.options else GanevalMetric("kid")
    metric.update(torch.from_numpy(rows[:70]), real=True)
    metric.update(rows[70:], real=False)
    own = measure(rows[70:], Protocol(real=rows[:70], metrics=("kid",), options=metric.protocol.options))
    assert float(metric.compute()) == pytest.approx(float(own["kid"]), rel=1e-12)


def test_real_images_that_are_known_before_need_no_update_and_stay_after_reset() -> None:
    metric = GanevalMetric("fid", classifier="digits", real=REAL[0])
    for _ in range(2):
        metric.update(FAKE[0], real=False)
        assert float(metric.compute()) == pytest.approx(expected()["fid"], rel=1e-6)
        metric.reset()
    with pytest.raises(WrongInputError, match="given as real="):
        metric.update(REAL[0], real=True)


def test_reset_keeps_the_real_side_where_that_is_asked() -> None:
    keeps, forgets = (GanevalMetric("fid", classifier="digits", reset_real=keep) for keep in (False, True))
    for metric in (keeps, forgets):
        filled(metric)
        metric.reset()
        metric.update(FAKE[0], real=False)
    assert float(keeps.compute()) == pytest.approx(expected()["fid"], rel=1e-6)
    with pytest.raises(UndefinedError, match=r"no real images. Call update\(images, real=True\)"):
        forgets.compute()


def test_the_network_is_no_part_of_the_model_that_holds_the_metric() -> None:
    class Model(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fid = GanevalMetric("fid", classifier="digits")

    model = Model()
    filled(model.fid)
    assert list(model.parameters()) == []
    assert list(model.state_dict()) == []
    assert float(copy.deepcopy(model).fid.compute()) == float(model.fid.compute())


@pytest.mark.filterwarnings("ignore:The ``compute`` method")
def test_what_is_missing_is_said_with_the_remedy() -> None:
    with pytest.raises(UndefinedError, match="fid has seen nothing"):
        GanevalMetric("fid", classifier="digits").compute()
    lonely = GanevalMetric("fid", classifier="digits")
    lonely.update(REAL[0], real=True)
    with pytest.raises(UndefinedError, match="no generated images"):
        lonely.compute()
    unlabelled = MetricCollection([GanevalMetric("classifier_score", classifier="digits")])
    unlabelled.update(FAKE[0], real=False)
    with pytest.raises(UndefinedError, match=r"update\(images, real=False, labels=labels\)"):
        unlabelled.compute()


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda m: m.update(FAKE[0].float() / 255, real=False), "uint8"),
        (lambda m: m.update(FAKE[0], real=1), "real must be True or False"),
        (lambda m: m.update(FAKE[0], real=False, labels=FAKE[1][:3]), "200"),
        (lambda _: GanevalMetric("fidd", classifier="digits"), "Did you mean 'fid'"),
        (lambda _: GanevalMetric("fid", extractor="pixels", classifier="digits"), "not both"),
        (lambda _: GanevalMetric("fid", klassifier="digits"), "klassifier"),
        *(
            (lambda _, how=how: GanevalMetric("fid", classifier="digits", **how), "no option of GanevalMetric")
            for how in (
                {"batch_size": -3},
                {"device": "foo"},
                {"train": "digits:train"},
                {"labels": "none"},
                {"metrics": ["kid"]},
                {"extractors": ["pixels"]},
                {"cache_gib": -1},
            )
        ),
        (lambda _: GanevalMetric("fid").update(FAKE[0], real=False), "Pass classifier= or extractor="),
    ],
)
def test_wrong_use_is_refused_in_a_sentence(call: object, said: str) -> None:
    with pytest.raises(GanevalError, match=said):
        call(GanevalMetric("fid", classifier="digits"))  # type: ignore[operator]


def test_a_metric_of_pairs_needs_no_word_and_a_metric_can_be_sent_to_another_process() -> None:
    metric = GanevalMetric("mse", classifier="digits")
    metric.update(REAL[0][:20], real=True)
    sent = pickle.loads(pickle.dumps(metric))
    for one in (metric, sent):
        one.update(REAL[0][:20], real=False)
        assert float(one.compute()) == 0.0


CASTS = {
    "to bfloat16": lambda metric: metric.to(torch.bfloat16),
    "to double": lambda metric: metric.to(torch.float64),
    "with its module": lambda metric: torch.nn.ModuleList([metric]).to(torch.float16)[0],
    "half": lambda metric: metric.half(),
    "set_dtype": lambda metric: metric.set_dtype(torch.float16),
    "clone": lambda metric: metric.clone(),
    "pickle": lambda metric: pickle.loads(pickle.dumps(metric)),
}


@pytest.mark.parametrize("cast", CASTS)
@pytest.mark.parametrize("network", [{"classifier": "digits"}, {"extractor": "wavelet"}])
def test_another_type_or_a_copy_of_the_metric_moves_no_number(cast: str, network: dict[str, Any]) -> None:
    plain = float(filled(GanevalMetric("fid", **network)).compute())
    assert float(CASTS[cast](filled(GanevalMetric("fid", **network))).compute()) == plain
    assert float(filled(CASTS[cast](GanevalMetric("fid", **network))).compute()) == plain


def test_batches_under_autocast_are_those_without_it() -> None:
    plain = float(filled(GanevalMetric("fid", extractor="wavelet")).compute())
    with torch.autocast("cpu", torch.bfloat16), torch.inference_mode():
        assert float(filled(GanevalMetric("fid", extractor="wavelet")).compute()) == plain


def of_part(part: slice) -> float:
    protocol = Protocol(real=REAL[0].numpy(), classifier="digits", metrics=("fid",), floor=False)
    return float(measure(FAKE[0][part], protocol)["fid"])


@pytest.mark.parametrize("kept", [False, True])
def test_the_number_of_a_batch_is_of_this_batch_and_all_of_them_count_once(kept: bool) -> None:  # noqa: FBT001
    metric = GanevalMetric("fid", classifier="digits", **({"reset_real": False} if kept else {"real": REAL[0]}))
    if kept:
        metric.update(REAL[0], real=True)
    for part in (slice(0, 120), slice(120, 200)):
        assert float(metric(FAKE[0][part], real=False)) == pytest.approx(of_part(part), rel=1e-9)
    assert float(metric.compute()) == pytest.approx(of_part(slice(None)), rel=1e-9)


@pytest.mark.parametrize("real", [True, False])
def test_a_batch_of_one_side_has_no_number_and_is_not_added(real: bool) -> None:  # noqa: FBT001
    metric = GanevalMetric("fid", classifier="digits")
    metric.update(REAL[0], real=True)
    with pytest.raises(WrongInputError, match=r"A batch of one side has no fid\. Call update.*or pass real="):
        metric(FAKE[0], real=real)
    metric.update(FAKE[0], real=False)
    assert float(metric.compute()) == pytest.approx(expected()["fid"], rel=1e-6)


def test_a_tracker_finds_the_best_step_and_its_copies_share_the_network() -> None:
    tracker = MetricTracker(GanevalMetric("fid", classifier="digits", real=REAL[0]), maximize=None)
    for n in (50, 200, 100):
        tracker.increment()
        tracker.update(FAKE[0][:n], real=False)
    assert tracker.best_metric(return_step=True) == (pytest.approx(expected()["fid"], rel=1e-6), 1)
    assert len({id(metric._held.network) for metric in tracker}) == 1


def test_a_collection_with_shared_rows_keeps_what_its_metrics_differ_in() -> None:
    collection = MetricCollection(
        {"few": GanevalMetric("fid", classifier="digits", n=100), "all": GanevalMetric("fid", classifier="digits")}
    )
    found = filled(collection).compute()
    assert collection.compute_groups in ({0: ["few", "all"]}, {0: ["all", "few"]})
    protocol = Protocol(real=REAL, classifier="digits", n=100, metrics=("fid",), floor=False)
    assert float(found["few"]) == pytest.approx(float(measure(FAKE[0], protocol, labels=FAKE[1])["fid"]), rel=1e-9)
    assert float(found["all"]) == pytest.approx(expected()["fid"], rel=1e-9)


PROCESS = """
import sys
from pathlib import Path

import numpy as np
import torch

from ganeval.errors import GanevalError
from ganeval.integrations.torchmetrics import GanevalMetric

folder = sys.argv[1]
torch.distributed.init_process_group("gloo")
rank = torch.distributed.get_rank()
torch.set_num_threads(1)
rows = torch.from_numpy(np.random.default_rng(0).normal(size=(151, 6)))
mine = slice(0, 40) if rank == 0 else slice(40, 151)
for name in ("same", "other", "copies", "sides", "known"):
    seed, real = rank if name == "other" else 0, slice(None) if name == "copies" else mine
    metric = GanevalMetric("kid", seed=seed, real=rows[real] if name == "known" else None)
    if name != "known":
        metric.update(rows[real], real=True)
    metric.update(rows[mine] + 1, real=False, labels=[0] * len(rows[mine]) if (name, rank) == ("sides", 1) else None)
    try:
        said = repr(float(metric.compute()))
    except GanevalError as error:
        said = str(error)
    Path(folder, f"{name}-{rank}").write_text(said)
torch.distributed.destroy_process_group()
"""


def test_two_processes_with_unequal_shares_give_one_number_and_two_protocols_none(tmp_path: Path, forks: Forks) -> None:
    assert forks.ranks([[sys.executable, "-c", PROCESS, str(tmp_path)]] * 2) == [0, 0]
    names = ("same", "other", "copies", "sides", "known")
    same, other, copies, sides, known = ([(tmp_path / f"{n}-{rank}").read_text() for rank in range(2)] for n in names)
    rows = np.random.default_rng(0).normal(size=(151, 6))
    own = measure(rows + 1, Protocol(real=rows, metrics=("kid",)))
    assert [float(text) for text in same] == [pytest.approx(float(own["kid"]), rel=1e-9)] * 2
    assert all("they differ in the seed" in text for text in other)
    assert all("real images of its own; some bring the same ones" in text for text in copies)
    assert all("they differ in the sides and columns that were given" in text for text in sides)
    assert all("they differ in the images of real=" in text for text in known)
