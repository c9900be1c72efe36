"""timm: any of its backbones as an extractor.

    from ganeval.integrations.timm import timm_extractor
    evaluate(real, fake, extractor=timm_extractor("vit_small_patch14_dinov2.lvd142m"))

The rows are what the network gives without its head (`num_classes=0`): pooled features, before any classifier. Images
are resized as a whole to the size that the weights were trained at (timm crops the middle of photographs; a generated
image has no margin to lose), bicubically or as the weights' own configuration says, with antialiasing.
"""

from __future__ import annotations

from ganeval.core.extras import MEASURING, require

require(*MEASURING, what="An extractor of timm's")

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ganeval.classifiers.wrapping import wrap
from ganeval.core.files import require_regular
from ganeval.errors import MissingFileError, UnknownNameError, WrongInputError, guarded
from ganeval.integrations.hub import FOLDER, HUB, kept_in, remedy, require_answer, require_folder
from ganeval.integrations.needed import needed
from ganeval.numerics.resize import Prepared

if TYPE_CHECKING:
    from ganeval.core.extractor import Extractor

CONFIG = "config.json"
FILES = ("model.safetensors", "pytorch_model.bin")
_MOST = 8  # names in a sentence


@guarded
def timm_extractor(name: str, *, pretrained: bool = True, weights: str | Path | None = None) -> Extractor:
    """The extractor of `timm.create_model(name)`.

    name: as `timm.list_models()` has it; "hf-hub:OWNER/NAME" of a model on the Hub, "local-dir:PATH" in a folder.
    pretrained: fetch the published weights (needs a network the first time), or read those of the folder.
    weights: a file of weights (safetensors, or torch, tensors alone) in their place.

    Raises: UnknownNameError, MissingFileError where the weights cannot be had, MissingExtraError without timm.
    """
    timm = needed("timm", "timm")
    network_name = str(name).partition(".")[0]
    kind, place = kept_in(str(name))
    if not isinstance(name, str) or not (kind or timm.is_model(network_name)):
        known = timm.list_models(f"*{network_name[:6]}*")[:_MOST]
        raise UnknownNameError(f"timm has no model {name!r}. It has {', '.join(known) or 'no name like it'}.")
    path = None if weights is None else require_regular(weights)
    if kind == FOLDER:
        require_folder(place, CONFIG)
    try:
        if kind == HUB or (pretrained and path is None and not kind):
            _require_at_hand(timm, name, place if kind else "")
        network = timm.create_model(name, pretrained=pretrained and path is None, num_classes=0, exportable=False)
        if path is not None:
            _load(network, path)
    except Exception as error:  # a file of weights fails as its reader does
        raise MissingFileError(
            f"The weights of timm's {name} cannot be had ({type(error).__name__}: {str(error)[:200]}). {remedy(kind)}"
        ) from error
    config = timm.data.resolve_data_config({}, model=network)
    how = Prepared(config["input_size"][1:], config["interpolation"], tuple(config["mean"]), tuple(config["std"]))
    title = network.pretrained_cfg["architecture"] if kind == FOLDER else name
    return wrap(network, name=f"timm:{title}", preprocess=how, preprocessing=str(how))


def _require_at_hand(timm: Any, name: str, repository: str) -> None:
    """Raise where what timm would fetch from the Hub is not here, and the Hub does not answer."""
    if repository:
        return require_answer(repository, [CONFIG])
    config = timm.get_pretrained_cfg(name)
    if config is not None and config.hf_hub_id and not _is_kept(config.url):
        require_answer(config.hf_hub_id, FILES)
    return None


def _is_kept(url: str | None) -> bool:
    """Whether torch has fetched the file from this address before, as timm did before it knew the Hub."""
    import torch

    return bool(url) and Path(torch.hub.get_dir(), "checkpoints", PurePosixPath(url).name).exists()


def _load(network: Any, path: Path) -> None:
    """All weights of the network from a file, which may hold those of a head besides, as published files do."""
    from timm.models import load_checkpoint

    found = load_checkpoint(network, str(path), strict=False, weights_only=True)
    heads = network.pretrained_cfg.get("classifier") or ()
    heads = tuple(f"{head}." for head in ((heads,) if isinstance(heads, str) else heads))
    strange = (
        [*found.missing_keys, *(key for key in found.unexpected_keys if not key.startswith(heads))] if found else []
    )
    if strange:
        raise WrongInputError(
            f"{path.name} is of another network; {len(strange)} names differ, the first: {strange[0]}"
        )
