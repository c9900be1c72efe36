"""What GAN-train asks of its images; the training itself is tested with the zoo."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from ganeval.features.extraction import Features
from ganeval.images.imageset import ImageSet
from ganeval.metrics.probes.gan_train import _labelled


def test_images_that_may_not_be_written_are_copied_without_a_warning() -> None:
    pixels = np.arange(2 * 64, dtype=np.uint8).reshape(2, 1, 8, 8)
    pixels.flags.writeable = False
    given = Features.given(torch.zeros(2, 3), labels=torch.tensor([0, 1]))
    features = replace(given, images=ImageSet.from_array(pixels))
    images, labels = _labelled(features, "generated")
    np.testing.assert_array_equal(images.numpy(), pixels)
    assert labels.tolist() == [0, 1]
