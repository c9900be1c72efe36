"""One file of generated images: samples.zip, fakes.tar, generated.pt. The name has to say what they are: archives hold
anything.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from ganeval.core.files import open_regular
from ganeval.runs.parsing import IMAGES, names_in
from ganeval.runs.reader import Reader
from ganeval.runs.reals import is_data, says_generated
from ganeval.runs.record import RunRecord, SampleSet
from ganeval.runs.series import PLAIN

SUFFIXES = (".zip", ".tar", ".pt", ".pth", ".parquet")
MOST = 200  # archives of a folder
LOOKED_AT = 50  # files of a zip
_NUMBER = re.compile(r"(?:step|iter|itr|epoch|kimg|ep)s?[-_= ]?(\d{1,9})|[-_](\d{2,9})$", re.IGNORECASE)
_NETWORK = re.compile(
    r"(?<![a-z])(generator|discriminator|net[gd]|model|weights|ckpt|checkpoint|optim\w*)(?![a-z])", re.IGNORECASE
)


def probe(folder: Path) -> int:
    return 30 if _archives(folder) else 0


def read(folder: Path) -> list[RunRecord]:
    samples = tuple(SampleSet(_step(path), path) for path in _archives(folder))
    return [
        RunRecord(
            id=folder.name,
            path=folder,
            reader="archive",
            name=folder.name,
            samples=tuple(sorted(samples, key=lambda found: (found.step, found.path.name))),
        )
    ]


def _archives(folder: Path) -> list[Path]:
    named = [
        folder / name for name in names_in(folder) if name.lower().endswith(SUFFIXES) and _is_named(Path(name).stem)
    ]
    return [path for path in named[:MOST] if path.is_file() and (path.suffix.lower() != ".zip" or _holds_images(path))]


def _is_named(stem: str) -> bool:
    said = says_generated(stem) or stem.lower() in PLAIN
    return said and not is_data(stem) and not _NETWORK.search(stem)


def _holds_images(path: Path) -> bool:
    """Whether the first files of a zip are images, by its directory."""
    try:
        with open_regular(path) as file, zipfile.ZipFile(file) as archive:
            names = [info.filename for info in archive.infolist()[:LOOKED_AT] if not info.is_dir()]
    except Exception:  # noqa: BLE001 - damaged archives make zipfile raise a dozen kinds
        return False
    return any(name.lower().endswith(IMAGES) for name in names)


def _step(path: Path) -> int:
    match = _NUMBER.search(path.stem)
    return int(match[1] or match[2]) if match else 0


READER = Reader("archive", probe, read)
