"""Parquet files of images, as Hugging Face data sets are stored: a column of `{bytes, path}` and often one of classes.

Names of the classes come from the description that `datasets` keeps in the file. Rows are read group by group: of
each file at most one group of rows is in memory.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganeval.core.extras import require
from ganeval.core.files import MAX_RATIO, require_regular
from ganeval.errors import GanevalError, WrongInputError, printable
from ganeval.images.files import from_files
from ganeval.images.fitting import Fit
from ganeval.images.imageset import ImageSet
from ganeval.images.labels import checked_labels
from ganeval.images.leaves import noted
from ganeval.images.stamps import Stamps

MAX_BYTES = 256 * 2**20  # of one encoded image
MAX_GROUP = 64 * 2**30  # of all images of a group of rows together
MAX_ROWS = 5_000_000  # a column of nothing takes a few bytes for millions of them
LABELS = ("label", "labels", "fine_label", "class")


def from_parquet(paths: Sequence[Path], source: str, classes: str = "auto", fit: Fit | None = None) -> ImageSet:
    """The images of all files as one set, in the order of the files and of their rows."""
    if classes in ("folders", "names"):
        raise WrongInputError(
            f"classes={classes!r} is a question about folders; {printable(source)} has columns. Pass labels=."
        )
    stamps = Stamps(source, map(str, paths), Path)
    files = [_File(require_regular(path), stamps) for path in paths]
    total = sum(file.length for file in files)
    if total > MAX_ROWS:
        raise WrongInputError(f"{printable(source)} must hold at most {MAX_ROWS:,} rows; it holds {total:,}.")
    rows = {f"{file.path.name}#{row}": (file, row) for file in files for row in range(file.length)}
    if not rows:
        raise WrongInputError(f"{printable(source)} must hold at least one image; it holds no rows.")
    found = [file.labels() for file in files] if classes == "auto" else []
    columns = [labels for labels in found if labels is not None]
    labelled = bool(columns) and len(columns) == len(files)
    labels = checked_labels(np.concatenate(columns), len(rows), source) if labelled else None
    if labelled:
        _require_one_order(files, printable(source))
    why = "The image set was opened with classes='none'." if classes == "none" else _unlabelled(files, columns)
    return from_files(
        list(rows),
        lambda name: rows[name][0].image(rows[name][1]),
        fit=fit,
        source=source,
        require_unchanged=stamps.require_all,
        outline=lambda names: noted([*names, stamps.outline(list(map(str, paths)))]),
        clocks=stamps.clocks_inside,
        labels=labels,
        class_names=files[0].class_names if labelled else (),
        unlabelled=why,
    )


def _require_one_order(files: Sequence[_File], where: str) -> None:
    """A number means the same class in every file."""
    meant = {(file.label, file.class_names) for file in files}
    if len(meant) > 1:
        (one, first), (two, second) = sorted(meant)[:2]
        raise WrongInputError(
            f"The files of {where} number their classes differently: {printable(one)} of {list(first[:6])}, "
            f"{printable(two)} of {list(second[:6])}. Write them anew with one numbering, or pass classes='none'."
        )


def _unlabelled(files: Sequence[_File], columns: Sequence[Any]) -> str:
    """Why there are no labels where some might be expected."""
    if 0 < len(columns) < len(files):
        return f"Only {len(columns)} of the {len(files)} files have a column of labels."
    odd = files[0].odd_labels
    return f"Its column {odd} is no column of whole numbers, which alone number classes." if odd and not columns else ""


class _File:
    """One parquet file: its columns of images and classes, and the group of rows that was read last."""

    def __init__(self, path: Path, stamps: Stamps) -> None:
        self.path, self._stamps, self._lock = path, stamps, threading.Lock()
        with _reading(path):
            self._file = _parquet().ParquetFile(path)
            self._schema = self._file.schema_arrow
            groups = range(self._file.num_row_groups)
            sizes = [self._file.metadata.row_group(group).num_rows for group in groups]
        self._starts = np.cumsum([0, *sizes])
        self._image, self._label = _image_column(self._schema, path), _label_column(self._schema)
        with _reading(path):  # an image that many rows repeat is held once
            self._file = _parquet().ParquetFile(path, read_dictionary=_leaves(self._schema, self._image))
        self._held: tuple[int, Any] = (-1, None)

    @property
    def length(self) -> int:
        return int(self._starts[-1])

    @property
    def class_names(self) -> tuple[str, ...]:
        """As the column of classes is described; () where it is not."""
        try:
            described = json.loads((self._schema.metadata or {}).get(b"huggingface", b"{}"))
            names = described["info"]["features"][self._label]["names"]
        except (ValueError, KeyError, TypeError):
            return ()
        return tuple(map(str, names)) if isinstance(names, list) else ()

    @property
    def label(self) -> str:
        """The name of the column of classes; "" without one."""
        return self._label or ""

    @property
    def odd_labels(self) -> str:
        """A column with the name of labels that holds something else."""
        return next((name for name in LABELS if name in self._schema.names), "")

    def labels(self) -> NDArray[np.int64] | None:
        """(n,) where there is a column of whole numbers with a usual name."""
        if self._label is None:
            return None
        with _reading(self.path):
            column = self._file.read(columns=[self._label]).column(0)
        if column.null_count:
            raise WrongInputError(
                f"{column.null_count} of {self.length} rows of {printable(self.path)} have no {self._label}. Fill them "
                "in, or open the set with classes='none'."
            )
        return column.to_numpy().astype(np.int64)

    def _group(self, group: int) -> Any:
        """The images of a group of rows, once it is known that they are no bomb."""
        column = self._file.read_row_group(group, columns=[self._image]).column(0)
        total, stored = sum(map(_expanded, column.chunks)), self.path.stat().st_size
        if total > MAX_GROUP or total > max(MAX_BYTES, MAX_RATIO * stored):
            raise WrongInputError(
                f"The images in a group of rows of {printable(self.path)} have {total:,} bytes together, and the file "
                f"{stored:,}; at most {MAX_GROUP:,} and {MAX_RATIO} times what is stored can be images. Do not trust "
                "that file."
            )
        return column

    def image(self, row: int) -> bytes:
        """The encoded bytes of one image."""
        self._stamps.require(str(self.path))
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        with self._lock:
            if self._held[0] != group:
                with _reading(self.path):
                    self._held = group, self._group(group)
            cell = self._held[1][row - int(self._starts[group])].as_py()
        data = cell.get("bytes") if isinstance(cell, dict) else cell
        if not isinstance(data, bytes) or not data:
            raise WrongInputError(
                f"Row {row} of {printable(self.path)} must hold the bytes of an image; it holds "
                f"{'only a path' if isinstance(cell, dict) and cell.get('path') else 'nothing'}. Embed the files in "
                "the data set."
            )
        if len(data) > MAX_BYTES:
            raise WrongInputError(
                f"Row {row} of {printable(self.path)} has {len(data):,} bytes; no image is that large."
            )
        return data


def _parquet() -> Any:
    require("pyarrow", what="Reading parquet files")
    import pyarrow.parquet

    return pyarrow.parquet


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """What pyarrow raises becomes a sentence about this file."""
    try:
        yield
    except GanevalError:
        raise
    except Exception as error:
        raise WrongInputError(
            f"{printable(path)} cannot be read as a parquet file: it is truncated, damaged or something else. Write it "
            "again."
        ) from error


def _image_column(schema: Any, path: Path) -> str:
    from pyarrow import types

    def holds_images(kind: Any) -> bool:
        inner = [(field.name, field.type) for field in kind] if types.is_struct(kind) else [("bytes", kind)]
        fitting = (types.is_binary, types.is_large_binary, types.is_null)  # null: no row has any bytes
        return any(name == "bytes" and any(fits(k) for fits in fitting) for name, k in inner)

    found = [field.name for field in schema if holds_images(field.type)]
    if len(found) == 1:
        return found[0]
    held = ", ".join(printable(name, 40) for name in (found or schema.names)[:20])
    raise WrongInputError(
        f"{printable(path)} must have one column of images, as bytes or as {{bytes, path}}; "
        f"{f'it has several: {held}. Keep one of them.' if found else f'it has {held}.'}"
    )


def _leaves(schema: Any, image: str) -> list[str]:
    """The column of bytes by its whole name; none where no row has any bytes."""
    from pyarrow import types

    kind = schema.field(image).type
    inner = kind.field("bytes").type if types.is_struct(kind) else kind
    name = f"{image}.bytes" if types.is_struct(kind) else image
    return [] if types.is_null(inner) else [name]


def _expanded(cells: Any) -> int:
    """Bytes of these cells, an image that is repeated counted as often as it is."""
    from pyarrow import compute, types

    cells = cells.field("bytes") if types.is_struct(cells.type) else cells
    if not types.is_dictionary(cells.type):
        return cells.nbytes
    lengths = compute.call_function("binary_length", [cells.dictionary]).fill_null(0).to_numpy().astype(np.int64)
    return int(lengths[cells.indices.drop_null().to_numpy()].sum())


def _label_column(schema: Any) -> str | None:
    from pyarrow import types

    whole = {field.name for field in schema if types.is_integer(field.type)}
    return next((name for name in LABELS if name in whole), None)
