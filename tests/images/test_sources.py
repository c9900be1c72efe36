"""Arrays, tensors, loaders and generators: one reading each, or an error that says which two there are."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from ganeval.errors import WrongInputError
from ganeval.images import image_set
from ganeval.images.subset import stratified_rows

RNG = np.random.default_rng(4)
GREY = RNG.integers(0, 256, (7, 6, 5), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (7, 6, 5, 3), dtype=np.uint8)
NCHW = COLOUR.transpose(0, 3, 1, 2)


@pytest.mark.parametrize("images", [GREY, GREY[:, None], GREY[..., None], torch.from_numpy(GREY), GREY[::-1][::-1]])
def test_grey_images_open_in_any_layout(images: object) -> None:
    assert (image_set(images).array()[:, 0] == GREY).all()


@pytest.mark.parametrize("images", [COLOUR, NCHW, torch.from_numpy(COLOUR), np.asfortranarray(COLOUR)])
def test_colour_images_open_in_any_layout(images: object) -> None:
    opened = image_set(images)
    assert (opened.array() == NCHW).all()
    assert opened.array().flags.c_contiguous


@pytest.mark.parametrize("shape", [(3, 6, 5), (6, 5, 3), (6, 5, 1), (2, 3, 5, 1), (2, 1, 5, 3)])
def test_a_shape_that_reads_two_ways_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(WrongInputError, match="Say which"):
        image_set(RNG.integers(0, 256, shape, dtype=np.uint8))


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
def test_a_tensor_of_a_type_that_numpy_lacks_is_refused_like_any_float(kind: torch.dtype) -> None:
    images = torch.linspace(0, 1, 100).reshape(4, 5, 5).to(kind).requires_grad_()
    with pytest.raises(WrongInputError, match=r"from 0 to 1\..*\(x \* 255\)\.round\(\)\.to\(torch\.uint8\)"):
        image_set(images)


def test_the_remedies_in_the_messages_work() -> None:
    unit = np.linspace(0, 1, 200).reshape(8, 5, 5)
    x = unit * 2 - 1
    both = (unit * 255).round().astype("uint8"), ((x + 1) * 127.5).round().clip(0, 255).astype("uint8")
    assert image_set(both[0]).fingerprint == image_set(both[1]).fingerprint


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("labelled", [False, True])
def test_a_loader_gives_the_same_images_in_batches_of_any_size(size: int, *, labelled: bool) -> None:
    labels = torch.arange(7)
    for tensor in (torch.from_numpy(GREY), torch.from_numpy(GREY)[:, None]):
        data = TensorDataset(tensor, labels) if labelled else TensorDataset(tensor)
        images = image_set(DataLoader(data, batch_size=size))
        assert (images.array()[:, 0] == GREY).all()
        assert (images.labels is None) is not labelled
        assert images.labels is None or images.labels.tolist() == list(range(7))


class Streamed(IterableDataset):
    def __iter__(self):
        yield from ((Image.fromarray(image), i % 2) for i, image in enumerate(COLOUR))


class Indexed(Dataset):
    def __len__(self) -> int:
        return len(COLOUR)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return torch.from_numpy(NCHW[index].copy()), torch.tensor(index % 2)


class Endless(Dataset):
    def __getitem__(self, index: int) -> torch.Tensor:
        return torch.from_numpy(GREY[index % 7])


@pytest.mark.parametrize(
    "source", [Streamed(), Indexed(), DataLoader(Indexed(), batch_size=3), DataLoader(Indexed(), None)]
)
def test_every_kind_of_torch_data_set_opens(source: object) -> None:
    images = image_set(source)
    assert (images.array() == NCHW).all()
    assert images.labels is not None
    assert images.labels.tolist() == [0, 1, 0, 1, 0, 1, 0]


def test_a_data_set_without_an_end_is_refused() -> None:
    with pytest.raises(WrongInputError, match="Add __len__"):
        image_set(Endless())


def test_palette_pictures_are_not_taken_by_their_indices() -> None:
    pictures = [Image.fromarray(255 - image).convert("P") for image in GREY]
    assert (image_set(pictures).array()[:, 0] == 255 - GREY).all()


@pytest.mark.parametrize("source", [{"a": GREY}, b"bytes", {1, 2}, 3, None])
def test_what_holds_no_images_is_refused(source: object) -> None:
    with pytest.raises(WrongInputError, match="Images must be a folder"):
        image_set(source)


def test_a_generator_is_called_in_slices_without_gradients() -> None:
    calls: list[tuple[int, list[int]]] = []
    network = torch.nn.Linear(1, 1)

    def draw(n: int, labels: torch.Tensor, rng: torch.Generator) -> torch.Tensor:
        calls.append((n, labels.unique().tolist()))
        assert not network(torch.ones(1)).requires_grad
        return torch.randint(0, 256, (n, 4, 4), generator=rng, dtype=torch.uint8)

    labels = np.repeat([0, 1, 2], 400)
    images = image_set(draw, labels=labels, seed=5)
    assert calls == [(500, [0, 1]), (500, [1, 2]), (200, [2])]
    assert images.shape == (1, 4, 4)
    whole = torch.randint(0, 256, (500, 4, 4), generator=torch.Generator().manual_seed(5), dtype=torch.uint8)
    assert (images.array()[:500, 0] == whole.numpy()).all()
    assert images.labels is not None
    assert images.labels.tolist() == labels.tolist()


def test_a_generator_may_choose_its_own_labels_and_return_three_grey_images() -> None:
    images = image_set(lambda n, _labels, _rng: (GREY[:n], np.arange(n)), n=3)
    assert images.shape == (1, 6, 5)
    assert images.labels is not None
    assert images.labels.tolist() == [0, 1, 2]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=80), st.data())
def test_a_subset_has_every_class_within_one_of_its_share(labels: list[int], data: st.DataObject) -> None:
    n = data.draw(st.integers(1, len(labels)))
    rows = stratified_rows(np.array(labels), len(labels), n, seed=data.draw(st.integers(0, 9)))
    assert len(set(rows.tolist())) == n
    assert (np.diff(rows) > 0).all()
    whole, part = np.bincount(labels, minlength=5), np.bincount(np.array(labels)[rows], minlength=5)
    assert (np.abs(part - whole * n / len(labels)) < 1).all()


def test_fingerprints_tell_pixels_shape_order_and_labels() -> None:
    images = image_set(GREY)
    others = [
        image_set(GREY, labels=np.zeros(7, int)),
        image_set(GREY[:6]),
        image_set(GREY.transpose(0, 2, 1)),
        image_set(GREY ^ 1),
    ]
    assert len({images.fingerprint, *(other.fingerprint for other in others)}) == 5
    turned = image_set(GREY[::-1])
    assert images.fingerprint != turned.fingerprint


class Claims(Dataset):
    """A data set that says it is longer than any disk."""

    def __len__(self) -> int:
        return 10**12

    def __getitem__(self, index: int) -> np.ndarray:
        return np.full((1, 64, 64), index % 250, dtype=np.uint8)


def for_ever() -> Iterator[torch.Tensor]:
    batch = torch.arange(64, dtype=torch.uint8).reshape(1, 1, 8, 8)
    while True:
        yield batch.repeat(100_000, 1, 1, 1)


@pytest.mark.parametrize(
    "source", [Claims(), DataLoader(Claims(), batch_size=4), for_ever()], ids=["length", "loader", "no end"]
)
@pytest.mark.parametrize("n", [None, 10])
def test_what_does_not_end_or_fit_into_memory_is_refused(
    source: object, n: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganeval.images.loaders.MOST_IMAGES", 10**6)  # nobody waits here until the disk is full
    with pytest.raises(WrongInputError, match=r"islice"):
        image_set(source, n=n)
