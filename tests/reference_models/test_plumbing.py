"""What all trainers share: checkpoints, order, sampling, averages, health."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save
from torch import nn

from ganeval.core import registry
from ganeval.datasets.dataset import Dataset, Split
from ganeval.errors import BrokenRunError, WrongInputError
from reference_models.plumbing import health
from reference_models.plumbing.averaging import update_average
from reference_models.plumbing.checkpoint import decode_state, encode_state
from reference_models.plumbing.data import Data
from reference_models.plumbing.loading import load_data
from reference_models.plumbing.sampling import Sampler, to_uint8
from reference_models.plumbing.seeds import generator


def same(a, b) -> bool:
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    return type(a) is type(b) and a == b


plain = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5))
tensors = st.sampled_from(
    [torch.zeros(0), torch.tensor(3), torch.arange(6).view(2, 3).T, torch.ones(2, dtype=torch.bfloat16)]
)
nests = st.recursive(
    st.one_of(plain, tensors),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.one_of(st.text(max_size=4), st.integers()), inner, max_size=3),
    ),
    max_leaves=8,
)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.text(max_size=4), nests, max_size=3))
def test_a_checkpoint_gives_back_any_nest(state):
    assert same(decode_state(encode_state(state)), state)


def test_an_optimiser_survives_a_checkpoint():
    net = nn.Linear(3, 2)
    adam = torch.optim.Adam(net.parameters(), 1e-3, betas=(0.0, 0.99))
    net(torch.ones(1, 3)).sum().backward()
    adam.step()
    assert same(decode_state(encode_state(adam.state_dict())), adam.state_dict())


def test_what_is_no_plain_value_is_refused_by_its_place():
    with pytest.raises(TypeError, match=r"a\.1 is object"):
        encode_state({"a": [1, object()]})


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"\x02\x00\x00\x00\x00\x00\x00\x00{}"])
def test_other_bytes_are_no_checkpoint(content):
    with pytest.raises(BrokenRunError, match="must be a checkpoint"):
        decode_state(content)


def checkpoint() -> bytes:
    net = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)
    return encode_state({"step": 12, "lr": 0.5, "name": "net", "held": net.state_dict()})


def test_a_checkpoint_with_a_flipped_bit_is_an_error_wherever_it_is():
    content, whole = checkpoint(), decode_state(checkpoint())
    rng = np.random.default_rng(0)
    for place in rng.choice(8 * len(content), 400, replace=False):
        broken = bytearray(content)
        broken[place // 8] ^= 1 << (place % 8)
        with pytest.raises(BrokenRunError, match=r"^x must|^x is damaged"):
            decode_state(bytes(broken), "x")
    assert whole["step"] == 12


def test_a_checkpoint_that_was_cut_or_grew_is_an_error():
    content = checkpoint()
    for broken in (content[:-1], content[: len(content) // 2], content + b"\0", content[8:]):
        with pytest.raises(BrokenRunError, match="must be a checkpoint"):
            decode_state(broken)


def test_a_checkpoint_of_the_first_schema_is_read():
    tree = '{"dict": [["step", 3], ["w", {"tensor": "w"}]]}'
    content = save({"w": torch.ones(2)}, {"schema": "ganeval.checkpoint/1", "tree": tree})
    assert same(decode_state(content), {"step": 3, "w": torch.ones(2)})


def test_strides_that_reach_beyond_their_tensor_are_refused():
    tree = '{"dict": [["w", {"tensor": ["w", [1099511627776]]}]]}'
    content = save({"w": torch.ones(2)}, {"schema": "ganeval.checkpoint/1", "tree": tree})
    with pytest.raises(BrokenRunError, match="strides"):
        decode_state(content)


def test_every_epoch_is_a_full_permutation_whatever_the_batch_size():
    data = numbered(50)
    for size in (7, 50, 64):
        drawn = torch.cat([data.batch(seen, size)[1] for seen in range(0, 150, size)])[:100]
        assert sorted(drawn[:50].tolist()) == list(range(50))
        assert sorted(drawn[50:].tolist()) == list(range(50))
        assert torch.equal(drawn, torch.cat([data.batch(0, 50)[1], data.batch(50, 50)[1]]))


def numbered(n: int, labels: torch.Tensor | None = None, names: tuple[str, ...] = ("a",)) -> Data:
    images = torch.zeros(n, 1, 2, 2, dtype=torch.uint8)
    labels = torch.arange(n) if labels is None else labels
    return Data("x", names, images, labels, images[:0], labels[:0])


def test_a_shuffle_buffer_over_class_sorted_data_is_heard_and_a_permutation_is_not():
    """Founding study 004: 80,000 images sorted by class through a buffer of 1,024 (here in a tenth of the size)."""
    labels = torch.arange(10).repeat_interleave(800)
    data = numbered(8000, labels, tuple("0123456789"))
    buffer, rng, heard = labels[:102].tolist(), generator(0), []
    for start in range(102, 8000 - 64, 64):
        picks = []
        for label in labels[start : start + 64].tolist():
            place = int(torch.randint(102, (1,), generator=rng))
            picks.append(buffer[place])
            buffer[place] = label
        heard.append(health.batch_entropy(torch.tensor(picks), data.frequencies))
    assert torch.stack(heard).mean() < health.ENTROPY_ALARM / 2
    shuffled = [health.batch_entropy(data.batch(seen, 64)[1], data.frequencies) for seen in range(0, 8000, 64)]
    assert torch.stack(shuffled).min() > health.ENTROPY_ALARM


def test_held_out_images_are_never_trained_on():
    data = load_data("synthetic")
    trained = {image.numpy().tobytes() for image in data.images}
    assert len(data.held_images) == 25
    assert not trained & {image.numpy().tobytes() for image in data.held_images}


def test_only_some_classes_can_be_kept_and_unknown_ones_are_refused():
    data = load_data("synthetic").only((1, 3))
    assert sorted(set(data.labels.tolist())) == [1, 3]
    with pytest.raises(WrongInputError, match=r"in 0\.\.3; got \[4\]"):
        load_data("synthetic").only((4,))


def a_sampler() -> Sampler:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 16), nn.Tanh())
    return Sampler(lambda z, y: net(z + y[:, None]).view(-1, 1, 4, 4), (5,), 3, torch.device("cpu"))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 240), min_size=1, max_size=4))
def test_samples_do_not_depend_on_how_they_are_split(sizes):
    sampler, labels = a_sampler(), np.arange(sum(sizes)) % 3
    ends = np.cumsum(sizes)
    parts = [sampler(labels[e - s : e], seed=7, start=int(e - s)) for s, e in zip(sizes, ends, strict=True)]
    np.testing.assert_array_equal(np.concatenate(parts), sampler(labels, seed=7))


def test_samples_depend_on_seed_row_and_label():
    sampler = a_sampler()
    images = sampler(np.array([0, 0, 1]), seed=1)
    assert not np.array_equal(images[0], images[1])
    assert not np.array_equal(images, sampler(np.array([0, 0, 1]), seed=2))
    np.testing.assert_array_equal(sampler(np.array([0, 0, 2]), seed=1)[:2], images[:2])
    assert not np.array_equal(sampler(np.array([0, 0, 2]), seed=1)[2], images[2])


def test_sampling_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    a_sampler_state = torch.get_rng_state()
    sampler = a_sampler()
    torch.set_rng_state(before)
    sampler.per_class(5, seed=0)
    assert torch.equal(torch.get_rng_state(), a_sampler_state)


def test_a_sampler_is_a_generator_callable():
    images = a_sampler().generate(4, None, generator(3))
    assert (images.dtype, images.shape) == (torch.uint8, (4, 1, 4, 4))
    assert torch.equal(images, a_sampler().generate(4, np.array([0, 1, 2, 0]), generator(3)))


def test_a_generator_that_knows_no_classes_is_not_asked_for_one():
    sampler = replace(a_sampler(), draw=lambda z, y: z[:, :4].view(-1, 1, 2, 2), conditional=False)
    images, labels = sampler.evenly(5, seed=0)
    assert (images.shape, labels) == ((15, 1, 2, 2), None)
    for ask in (lambda: sampler.per_class(5, seed=0), lambda: sampler.generate(2, np.array([0, 1]), generator(0))):
        with pytest.raises(WrongInputError, match="need a conditional generator"):
            ask()
    assert sampler.generate(2, None, generator(0)).shape == (2, 1, 2, 2)


def test_pixels_are_rounded_and_cut():
    assert to_uint8(torch.tensor([-2.0, -1.0, 0.0, 1.0, 2.0])).tolist() == [0, 0, 128, 255, 255]


def test_the_average_of_a_constant_is_that_constant():
    net = nn.BatchNorm1d(3)
    average = copy.deepcopy(net)
    for step in range(1, 5):
        update_average(average, net, batch=8, images=8 * step, halflife=100.0)
    assert same(dict(average.state_dict()), dict(net.state_dict()))


def test_the_average_forgets_half_in_one_half_life_at_any_batch_size():
    for batch in (10, 50):
        net, average = nn.Linear(1, 1), nn.Linear(1, 1)
        with torch.no_grad():
            net.weight.fill_(0.0)
            average.weight.fill_(1.0)
        for _ in range(500 // batch):
            update_average(average, net, batch=batch, images=10**6, halflife=500.0)
        assert average.weight.item() == pytest.approx(0.5, abs=1e-5)


def test_look_alike_fakes_have_no_diversity():
    real = torch.rand(16, 1, 4, 4, generator=generator(0))
    assert health.diversity(real[:1].expand(16, 1, 4, 4), real) == 0
    assert health.diversity(real, real) == pytest.approx(1)


def test_a_discriminator_that_knows_its_images_by_heart_has_ratio_one():
    real, fake = torch.full((8,), 2.0), torch.full((8,), -2.0)
    assert health.overfit_ratio(real, fake, fake) == 1
    assert health.overfit_ratio(real, real, fake) == 0


def test_the_gradient_norm_is_euclidean():
    weights = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    weights[0].grad, weights[1].grad = torch.tensor([3.0, 0.0]), torch.tensor([4.0])
    assert health.gradient_norm(weights) == 5


def test_a_data_set_without_a_split_to_be_judged_on_is_refused_before_any_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never(*_arguments: object) -> Split:
        raise AssertionError("nothing may be read")

    odd = Dataset("odd", ("a", "b"), ("train", "val"), (1, 8, 8), "none", never)
    monkeypatch.setattr(registry, "_CACHE", {"ganeval.datasets": {"odd": odd}})
    with pytest.raises(WrongInputError, match=r"odd has train, val. Give it a split 'test'"):
        load_data("odd")
