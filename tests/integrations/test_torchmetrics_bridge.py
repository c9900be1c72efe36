"""Our metrics inside torchmetrics give the numbers of `measure`, whatever the batches, collections and processes."""

from __future__ import annotations

import copy
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ganeval import Protocol, measure
from ganeval.datasets.dataset import DATASETS
from ganeval.errors import GanevalError, UndefinedError, WrongInputError
from ganeval.images import image_set

pytest.importorskip("torchmetrics", reason="the bridge to torchmetrics needs it")
from torchmetrics import MetricCollection

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
for name, seed in (("same", 0), ("other", rank)):
    metric = GanevalMetric("kid", seed=seed)
    metric.update(rows[mine], real=True)
    metric.update(rows[mine] + 1, real=False)
    try:
        said = repr(float(metric.compute()))
    except GanevalError as error:
        said = str(error)
    Path(folder, f"{name}-{rank}").write_text(said)
torch.distributed.destroy_process_group()
"""


def test_two_processes_with_unequal_shares_give_one_number_and_two_protocols_none(tmp_path: Path, forks: Forks) -> None:
    assert forks.ranks([[sys.executable, "-c", PROCESS, str(tmp_path)]] * 2) == [0, 0]
    same, other = ([(tmp_path / f"{name}-{rank}").read_text() for rank in range(2)] for name in ("same", "other"))
    rows = np.random.default_rng(0).normal(size=(151, 6))
    own = measure(rows + 1, Protocol(real=rows, metrics=("kid",)))
    assert [float(text) for text in same] == [pytest.approx(float(own["kid"]), rel=1e-9)] * 2
    assert all("they differ in the seed" in text for text in other)
