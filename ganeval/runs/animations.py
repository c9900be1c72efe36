"""Animations of a training: a GIF whose frames are the pictures of its steps, as notebooks leave it (dcgan.gif).

Frames count as pictures, one after the other; at which steps they were drawn nobody says. A GIF keeps 256 colours of a
frame, which loses nothing of grey images.
"""

from __future__ import annotations

import re
from pathlib import Path

from ganeval.core.files import require_regular
from ganeval.runs.parsing import names_in
from ganeval.runs.reals import says_real
from ganeval.runs.record import Grid

SUFFIX = ".gif"
SHOWN = 40  # frames of one
LONGEST = 500  # frames of one that is read: to reach a frame all before it are decoded
MAX_PIXELS = 16_000_000  # of a frame
MAX_FILE = 64 * 2**20  # bytes
LOOKED_AT = 20  # animations of a folder
_COURSE = re.compile(
    r"train|progress|evol|epoch|iter|gan|diffusion|ddpm|vae|generat|sampl|fake|result|anim|movie", re.IGNORECASE
)
_OTHER = re.compile(r"interp|walk|traversal|lerp|rec(on|s)|denois|loss|curve|real", re.IGNORECASE)


def animation_in(folder: Path) -> tuple[Grid, ...]:
    """The frames of the folder's longest animation that is named as a training's; of many evenly some, the last always.

    Empty where there is none.
    """
    names = [name for name in names_in(folder) if name.lower().endswith(SUFFIX) and _is_course(Path(name).stem)]
    counts = {folder / name: frames_of(folder / name) for name in names[:LOOKED_AT]}
    best = max(counts, key=lambda path: counts[path], default=None)
    if best is None or not 1 < counts[best] <= LONGEST:
        return ()
    n = counts[best]
    shown = range(n) if n <= SHOWN else sorted({round(i * (n - 1) / (SHOWN - 1)) for i in range(SHOWN)})
    return tuple(Grid(frame, best, frame=frame) for frame in shown)


def frames_of(path: Path) -> int:
    """How many frames an animation has; 0 where it cannot be read or is too large."""
    from PIL import Image

    try:
        with Image.open(require_regular(path), formats=("GIF",)) as picture:
            small = picture.width * picture.height <= MAX_PIXELS and path.stat().st_size <= MAX_FILE
            return getattr(picture, "n_frames", 1) if small else 0
    except Exception:  # noqa: BLE001 - damaged pictures make Pillow raise a dozen kinds
        return 0


def _is_course(stem: str) -> bool:
    return _COURSE.search(stem) is not None and _OTHER.search(stem) is None and not says_real(stem)


def told_of(grids: tuple[Grid, ...]) -> str:
    """What a reader of the page should know of pictures that are frames; "" of others."""
    frames = [grid for grid in grids if grid.frame is not None]
    name = frames[0].path.name if frames else ""
    return f"pictures are the frames of {name}, which keeps 256 colours of each" if frames else ""
