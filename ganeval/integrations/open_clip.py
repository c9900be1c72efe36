"""open_clip: the image side of any of its models as an extractor.

    from ganeval.integrations.open_clip import open_clip_extractor
    evaluate(real, fake, extractor=open_clip_extractor("ViT-B-32", pretrained="laion2b_s34b_b79k"))

The rows are `encode_image`, not scaled to length 1 (`cmmd` and `mmd_rbf(unit_rows=True)` do that). Images are resized
as a whole, bicubically with antialiasing, and scaled by the model's own mean and deviation.
"""

from __future__ import annotations

from ganeval.core.extras import MEASURING, require

require(*MEASURING, what="An extractor of open_clip's")

from typing import TYPE_CHECKING, Any

import torch

from ganeval.classifiers.wrapping import wrap
from ganeval.errors import MissingFileError, UnknownNameError, guarded
from ganeval.integrations.needed import needed
from ganeval.numerics.resize import Prepared

if TYPE_CHECKING:
    from pathlib import Path

    from ganeval.core.extractor import Extractor


class _ImageSide(torch.nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.visual = model.visual

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.visual(images)


@guarded
def open_clip_extractor(
    name: str, *, pretrained: str | Path | None = None, weights: str | Path | None = None
) -> Extractor:
    """The extractor of `open_clip.create_model(name, pretrained)`.

    name: as `open_clip.list_models()` has it. pretrained: a tag of open_clip's, whose weights are fetched (needs a
    network the first time). weights: a file of weights in their place. Without either the network is as it was drawn.

    Raises: UnknownNameError, MissingFileError where the weights cannot be had, MissingExtraError without open_clip.
    """
    open_clip = needed("open_clip", "open-clip")
    if name not in open_clip.list_models():
        known = [one for one in open_clip.list_models() if one.startswith(name[:5])][:8]
        raise UnknownNameError(f"open_clip has no model {name!r}. It has {', '.join(known) or 'no name like it'}.")
    source = weights if weights is not None else pretrained
    try:
        model = open_clip.create_model(name, pretrained=None if source is None else str(source))
    except (OSError, RuntimeError, ValueError) as error:
        raise MissingFileError(
            f"The weights of open_clip's {name} cannot be had ({type(error).__name__}: {str(error)[:200]}). Fetch them "
            "where there is a network and pass weights=PATH, or choose an extractor that is here, such as 'wavelet'."
        ) from error
    size = model.visual.image_size
    height, width = size if isinstance(size, (tuple, list)) else (size, size)
    mean, std = (getattr(model.visual, key) for key in ("image_mean", "image_std"))
    how = Prepared((height, width), "bicubic", tuple(mean), tuple(std))
    tag = f"/{source}" if pretrained is not None and weights is None else ""
    return wrap(_ImageSide(model), name=f"open_clip:{name}{tag}", preprocess=how, preprocessing=str(how))
