"""`ganeval stats`: the statistics of image sets as files, and those that others publish."""

from __future__ import annotations

from dataclasses import fields
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tyro.conf import OmitArgPrefixes, Positional

from ganeval.cli.flags import compute_of, flags_of, protocol_of
from ganeval.cli.say import require_places
from ganeval.core.compute import Compute
from ganeval.core.shown import Files
from ganeval.core.uris import is_uri
from ganeval.errors import WrongInputError, printable
from ganeval.records.protocol import Protocol

if TYPE_CHECKING:
    from ganeval.features.statistics import Statistics

USED = ("extractor", "n", "seed", "precision")
if TYPE_CHECKING:
    Seeing = Any
else:
    Seeing = flags_of(Protocol, Compute, without=tuple(f.name for f in fields(Protocol) if f.name not in USED))


def stats_make(source: Positional[str], out: Path, measurement: OmitArgPrefixes[Seeing], *, rows: bool = False) -> int:
    """The statistics of a set of images by one network, with the passport that says so.

    Args:
        source: The images: a folder, a zip, an npz, a data set such as hoda:train.
        out: Where to write them, as .safetensors.
        rows: Keep the features themselves too, for metrics of neighbours.
    """
    from ganeval.features.extraction import extract
    from ganeval.features.statistics import Statistics
    from ganeval.images import image_set

    protocol, _ = protocol_of(measurement)
    _require_own(out)
    if protocol.extractor is None:
        raise WrongInputError("Statistics are of one network. Pass --extractor, for example --extractor inception.")
    images = image_set(source, n=protocol.n, seed=protocol.seed)
    found = extract(images, protocol.extractor, precision=protocol.precision, compute=compute_of(measurement))
    return _kept(Statistics.of(found, rows=rows), out)


def stats_merge(files: Positional[Files], out: Path) -> int:
    """The statistics of several sets together, as of all their images at once.

    Args:
        files: Statistics of one network, each of other images.
        out: Where to write them, as .safetensors.
    """
    from ganeval.features.statistics import require_different

    _require_own(out)
    if not files:
        raise WrongInputError(
            "Name the files to merge: ganeval stats merge a.safetensors b.safetensors --out all.safetensors."
        )
    parts = [_opened(file) for file in files]
    require_different(parts)
    return _kept(reduce(lambda one, other: one.merge(other), parts), out)


def stats_show(file: Positional[str]) -> int:
    """What a file of statistics says of itself.

    Args:
        file: One of ours, any that others publish, a folder of parts, or an address of one.
    """
    print(render(_opened(file)))
    return 0


def stats_convert(file: Positional[str], to: str, out: Path) -> int:
    """The same statistics as another program reads them.

    Args:
        file: One of ours, or any that others publish.
        to: pytorch-fid, clean-fid, edm or adm.
        out: Where to write them, as .npz.
    """
    from ganeval.features.published import FORMATS

    write = FORMATS[to].write
    if write is None:
        able = ", ".join(one.name for one in FORMATS if one.write is not None)
        raise WrongInputError(f"Files of {to} are read, not written. Convert to one of: {able}.")
    require_places(out)
    for path in write(_opened(file), out):
        print(path)
    return 0


def render(statistics: Statistics) -> str:
    """Source, number of images, width, network, and what is kept."""
    passport = statistics.passport
    kept = ["mean and covariance", *(["spatial"] if statistics.spatial is not None else [])]
    kept += ["sums of verdicts"] if statistics.verdicts is not None else []
    kept += ["rows"] if statistics.rows is not None else ["images"] if statistics.images_at is not None else []
    network = (
        "not said" if passport.given else " ".join(filter(None, (passport.extractor, passport.weights_sha256[:8])))
    )
    lines = {
        "of": printable(passport.source),
        "images": "not said" if statistics.n is None else f"{statistics.n:,}",
        "network": network,
        "preprocessing": passport.preprocessing or "not said",
        "width": str(passport.dim),
        "holds": ", ".join(kept),
        "content": statistics.content[:16],
    }
    return "\n".join(f"{name:<14} {value}" for name, value in lines.items())


def _opened(file: str) -> Statistics:
    from ganeval.core.files import require_regular
    from ganeval.features.published import read_published
    from ganeval.features.rows import Features
    from ganeval.features.statistics import Statistics
    from ganeval.measure.references import published

    elsewhere = is_uri(file) or Path(file).is_dir()  # at an address, or in parts
    found = published(file) if elsewhere else read_published(require_regular(file))
    if found is None:
        raise WrongInputError(f"{printable(file)} holds no statistics. Make them of its images: ganeval stats make.")
    return Statistics.of(found, rows=True) if isinstance(found, Features) else found


def _require_own(out: Path) -> None:
    if out.suffix.lower() != ".safetensors":
        raise WrongInputError(
            f"Statistics are written as .safetensors; got {printable(out)}. Name it so, then convert."
        )
    require_places(out)


def _kept(statistics: Statistics, out: Path) -> int:
    print(statistics.save(out))
    return 0


stats = {"make": stats_make, "merge": stats_merge, "show": stats_show, "convert": stats_convert}
