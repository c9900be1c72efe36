"""open_clip: the image side of any of its models as an extractor.

    from ganeval.integrations.open_clip import open_clip_extractor
    evaluate(real, fake, extractor=open_clip_extractor("ViT-B-32", pretrained="laion2b_s34b_b79k"))

The rows are `encode_image`, not scaled to length 1 (`cmmd` and `mmd_rbf(unit_rows=True)` do that). Images are resized
as a whole, bicubically with antialiasing, and scaled by the model's own mean and deviation.
"""

from __future__ import annotations

from ganeval.core.extras import MEASURING, require

require(*MEASURING, what="An extractor of open_clip's")

from typing import TYPE_CHECKING, Any, Literal

import torch

from ganeval.classifiers.wrapping import wrap
from ganeval.core.files import require_regular
from ganeval.errors import MissingFileError, UnknownNameError, WrongInputError, guarded
from ganeval.integrations.hub import FOLDER, HUB, kept_in, remedy, require_answer, require_folder
from ganeval.integrations.needed import needed
from ganeval.numerics.resize import Prepared

if TYPE_CHECKING:
    from pathlib import Path

    from ganeval.core.extractor import Extractor

CONFIG = "open_clip_config.json"
FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


class _ImageSide(torch.nn.Module):
    def __init__(self, model: Any) -> None:
        super().__init__()
        self.visual = model.visual

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.visual(images)


@guarded
def open_clip_extractor(
    name: str, *, pretrained: str | Path | Literal[False] | None = None, weights: str | Path | None = None
) -> Extractor:
    """The extractor of `open_clip.create_model(name, pretrained)`.

    name: as `open_clip.list_models()` has it; "hf-hub:OWNER/NAME" of a model on the Hub, "local-dir:PATH" of one in a
    folder, which bring their weights. pretrained: a tag of open_clip's, whose weights are fetched (needs a
    network the first time); False: the network as it is drawn, untrained. weights: a file of weights in their place.

    Raises: UnknownNameError, MissingFileError where the weights cannot be had, WrongInputError where neither was named,
    MissingExtraError without open_clip.
    """
    open_clip = needed("open_clip", "open-clip")
    kind, place = kept_in(str(name))
    if not (isinstance(name, str) and kind) and name not in open_clip.list_models():
        known = [one for one in open_clip.list_models() if one.startswith(str(name)[:5])][:8]
        raise UnknownNameError(f"open_clip has no model {name!r}. It has {', '.join(known) or 'no name like it'}.")
    if not kind and weights is None and (pretrained is None or pretrained == ""):
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(name)[:8]) or "none"
        raise WrongInputError(
            f"Untrained, {name} says nothing of images. Pass pretrained=TAG (open_clip has: {tags}) or weights=PATH; "
            "or pretrained=False for the network as it is drawn."
        )
    if kind and not (weights is None and pretrained is None):
        raise WrongInputError(f"{name} brings its own weights. Leave pretrained= and weights= out.")
    if kind == FOLDER:
        require_folder(place, CONFIG)
    source = require_regular(weights) if weights is not None else pretrained
    try:
        if weights is None and pretrained is not False:
            _require_at_hand(open_clip, name, str(pretrained), place if kind == HUB else "")
        model = open_clip.create_model(
            name, pretrained=str(source) if source else None, pretrained_hf=False, require_pretrained=bool(kind)
        )
    except Exception as error:  # a file of weights fails as its reader does
        raise MissingFileError(
            f"The weights of open_clip's {name} cannot be had ({type(error).__name__}: {str(error)[:200]}). "
            f"{remedy(kind)}"
        ) from error
    size = model.visual.image_size
    height, width = size if isinstance(size, (tuple, list)) else (size, size)
    mean, std = (getattr(model.visual, key) for key in ("image_mean", "image_std"))
    how = Prepared((height, width), "bicubic", tuple(mean), tuple(std))
    tag = f"/{source}" if source and weights is None else ""
    title = FOLDER if kind == FOLDER else name  # the weights tell one folder from another
    return wrap(_ImageSide(model), name=f"open_clip:{title}{tag}", preprocess=how, preprocessing=str(how))


def _require_at_hand(open_clip: Any, name: str, tag: str, repository: str) -> None:
    """Raise where what open_clip would fetch from the Hub is not here, and the Hub does not answer."""
    if repository:
        return require_answer(repository, [CONFIG])
    known = open_clip.get_pretrained_cfg(name.replace("/", "-"), tag)
    repository, _, file = known.get("hf_hub", "").rpartition("/")
    if repository:
        require_answer(repository, [file] if file else FILES)
    return None
