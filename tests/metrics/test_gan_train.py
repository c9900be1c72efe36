"""What GAN-train asks of its images; the training itself is tested with the zoo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ganeval.features.pair import Pair
from ganeval.features.rows import Features
from ganeval.images.imageset import ImageSet
from ganeval.metrics.probes.gan_train import _labelled, gan_train


def test_images_that_may_not_be_written_are_copied_without_a_warning() -> None:
    pixels = np.arange(2 * 64, dtype=np.uint8).reshape(2, 1, 8, 8)
    pixels.flags.writeable = False
    given = Features.given(torch.zeros(2, 3), labels=torch.tensor([0, 1]))
    features = replace(given, images=ImageSet.from_array(pixels))
    images, labels = _labelled(features, "generated")
    np.testing.assert_array_equal(images.numpy(), pixels)
    assert labels.tolist() == [0, 1]


def test_the_ceiling_is_left_out_where_real_images_have_no_labels_and_knows_classes_of_theirs() -> None:
    rng = np.random.default_rng(0)

    def labelled(labels: list[int] | None, n: int = 24) -> Features:
        given = Features.given(
            torch.zeros(n, 3), labels=None if labels is None else torch.tensor(labels * (n // len(labels)))
        )
        return replace(given, images=ImageSet.from_array(rng.integers(0, 256, (n, 1, 8, 8), dtype=np.uint8)))

    fake, held = labelled([0, 1]), labelled([0, 1])
    bare = gan_train(Pair(labelled(None), fake, heldout=held), repeats=1, epochs=0.1)
    assert "ceiling" not in bare.details
    more = gan_train(Pair(labelled([0, 1, 2]), fake, heldout=held), repeats=1, epochs=0.1)
    assert 0 <= more.details["ceiling"] <= 1
