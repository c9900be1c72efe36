"""What is known of a set's images without decoding one: whether two are the same, and which content was seen before.

Image files are told by their bytes. Which pixels those bytes are is written down when they are decoded, so that rows in
the cache, which is addressed by pixels, are found again by reading files alone. Of many files to which nobody has
written since, their clocks are enough: not even their bytes are read (decision 062).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import PIL
import torch
from numpy.typing import NDArray

from ganeval.core.notes import content_key, note, recall
from ganeval.errors import WrongInputError
from ganeval.features.ranks import Ranks, local_rank
from ganeval.images.encoded import Encoded
from ganeval.images.files import MANY
from ganeval.images.imageset import ImageSet
from ganeval.images.leaves import joined, leaves, root, with_labels

FORMAT = 2
COMPARED = 64  # files whose bytes are read to see whether two processes have the same


def outline(images: ImageSet) -> str:
    """A line that is equal for equal sets, found without decoding: content in memory, names, sizes and some of the
    bytes of files, a trial of a generator.
    """
    if images.encoded is not None:
        n = len(images)
        some = np.unique(np.linspace(0, n - 1, min(n, COMPARED)).astype(np.int64))
        found = images.encoded.outline(images.encoded.names) + _text(images.encoded.digests(some.tolist()))
    elif images.trial is not None:
        found = root(leaves(images.trial()), images.shape)
    else:
        return images.fingerprint
    return f"{len(images)} {images.shape} {with_labels(hashlib.sha256(found.encode()).hexdigest(), images.labels)}"


def known_content(images: ImageSet, note: Note | None) -> str:
    """The fingerprint of the images, where it can be had without decoding one; else ""."""
    if note is not None and not images.seen.root:
        images.seen.root = note.content()
    return images.fingerprint if note is None or images.seen.root else ""


class Note:
    """The note about the bytes of image files: `content` where they were seen before, `write` once they were."""

    def __init__(self, encoded: Encoded, ranks: Ranks) -> None:
        self.encoded, self.ranks = encoded, ranks
        self.digests: NDArray[np.uint8] | None = None  # (n, 32), of the bytes, where they had to be read for the answer

    def content(self) -> str:
        """The fingerprint of the pixels; "" where nobody has decoded these files,
        which is found without reading them.
        """
        if not self.ranks.agree(yes=recall(self._key(None)) is not None):
            return ""
        told = self._told_by_clocks()
        if told:
            return told
        first, last = self.ranks.span(len(self.encoded.names))
        mine = self.ranks.together(lambda: joined(self.encoded.digests(range(first, last))))
        self.digests = self.ranks.gather(torch.tensor(mine)).numpy()
        found = recall(self._key(self.digests))
        if not self.ranks.agree(yes=found is not None):
            return ""
        self._note_clocks(str(found))
        return str(found)

    def write(self, content: str) -> None:
        """The bytes that were decoded last were those of pixels of this fingerprint."""
        seen = self.encoded.bytes_seen
        if self.digests is not None and not np.array_equal(self.digests, seen):
            raise WrongInputError(changed(self.encoded.source))
        for key in (self._key(seen), self._key(None)) if local_rank() == 0 else ():
            note(key, content)
        self._note_clocks(content)

    def _note_clocks(self, content: str) -> None:
        """The bytes that were read since the files were opened were those of pixels of this fingerprint."""
        written = self._written()
        if written and local_rank() == 0:
            note(self._key(None, written), content)

    def _written(self) -> str:
        """What the clocks say of many files; of a few the bytes are read at once."""
        return self.encoded.clocks(self.encoded.names) if len(self.encoded.names) >= MANY else ""

    def _told_by_clocks(self) -> str:
        """The fingerprint of files to which nobody has written since they were decoded, by all ranks; else ""."""
        written = self._written()
        found = recall(self._key(None, written)) if written else None
        if not self.ranks.agree(yes=found is not None):
            return ""
        everybody = self.ranks.gather(torch.tensor([list(bytes.fromhex(str(found)))], dtype=torch.uint8))
        return str(found) if bool((everybody == everybody[0]).all()) else ""

    def _key(self, digests: NDArray[np.uint8] | None, written: str = "") -> str:
        return content_key(
            {
                "outline": self.encoded.outline(self.encoded.names),
                "bytes": "" if digests is None else _text(digests.tobytes()),
                "written": written,
                "shape": list(self.encoded.shape),
                "decoder": PIL.__version__,
                "format": FORMAT,
            }
        )


def changed(source: str) -> str:
    return f"{source} changed while it was being measured. Copy the images first, or wait until they are written."


def _text(content: bytes | Sequence[bytes]) -> str:
    return hashlib.sha256(content if isinstance(content, bytes) else b"".join(content)).hexdigest()
