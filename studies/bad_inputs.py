"""docs/bad-inputs.md: every bad input below is really made and opened, and the page shows the message it gets.

Each case also lists what its message must contain: the item that is wrong, and the remedy.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset

from ganeval import fid, kid
from ganeval.core.files import write_atomic
from ganeval.errors import GanevalError
from ganeval.images import image_set
from studies.bad_files import (
    COLOUR,
    GREY,
    HALF,
    INDEFINITE,
    LABELS,
    LOPSIDED,
    MU,
    SIGMA,
    UNIT,
    against,
    animation,
    archive,
    beside,
    damaged_member,
    dangling,
    deep_png,
    drawing,
    folder,
    holes,
    labelled,
    large_png,
    npz_bomb,
    only,
    ours,
    palette_with_a_hole,
    pipe,
    png,
    published,
    saved,
    splits,
    transparent,
    twice,
    web_of_links,
    with_nan,
    written,
)
from studies.page import DOCS, markdown_table, render_document


@dataclass(frozen=True)
class Case:
    what: str  # the bad input, in the page's first column
    open: Callable[[], Any]  # in an empty working directory
    says: tuple[str, ...]  # what the message must contain: the item, the remedy


CASES: dict[str, list[Case]] = {
    "Arrays and tensors": [
        Case("floats in [0, 1]", lambda: image_set(UNIT), ("float32 from 0 to 1", "(x * 255).round().astype('uint8')")),
        Case(
            "a float tensor in [-1, 1]",
            lambda: image_set(torch.from_numpy(UNIT) * 2 - 1),
            ("from -1 to 1", "((x + 1) * 127.5).round().clip(0, 255).to(torch.uint8)"),
        ),
        Case("floats in [0, 255]", lambda: image_set(GREY / 1.5), ("float64", "x.round()")),
        Case("normalised floats", lambda: image_set(UNIT * 4 - 2), ("from -2 to 2", "Undo your own normalisation")),
        Case("a NaN", lambda: image_set(with_nan()), ("nan at index (2, 0, 5)", "diverged")),
        Case("int64", lambda: image_set(GREY.astype(np.int64)), ("got int64", "x.astype('uint8')")),
        Case("16-bit values", lambda: image_set(GREY.astype(np.uint16) * 257), ("got uint16", "(x // 257)")),
        Case("booleans", lambda: image_set(GREY > 99), ("got bool", "x.astype('uint8') * 255")),
        Case("text", lambda: image_set(np.array(["a.png"])), ("<U5", "array of numbers")),
        Case("all pixels equal", lambda: image_set(np.zeros((6, 8, 8), np.uint8)), ("are 0", "(x * 255).round()")),
        Case("one grey image", lambda: image_set(GREY[0]), ("shape (8, 8)", "images[None]")),
        Case("one colour image", lambda: image_set(COLOUR[0]), ("Shape (8, 8, 3)", "images[None]")),
        Case("NCHW or NHWC?", lambda: image_set(COLOUR[:, :3]), ("(6, 3, 8, 3)", "ImageSet.from_array")),
        Case("four channels", lambda: image_set(np.zeros((6, 8, 8, 4), np.uint8)), ("(6, 8, 8, 4)", "images[..., :3]")),
        Case("no image", lambda: image_set(GREY[:0]), ("shape (0, 8, 8)", "at least one image")),
        Case("flattened images", lambda: image_set(GREY.reshape(6, 64)), ("(6, 64)", "images.reshape(-1, 1, 8, 8)")),
        Case("images and one-hot rows", lambda: image_set((GREY, np.eye(6))), ("(6, 6)", "argmax(axis=1)")),
        Case(
            "a sparse tensor", lambda: image_set(torch.from_numpy(GREY).to_sparse()), ("Tensor", "Pass a dense array")
        ),
    ],
    "Labels": [
        Case("too few", lambda: image_set(GREY, labels=LABELS[:4]), ("6 images", "4 labels")),
        Case("one-hot rows", lambda: image_set(GREY, labels=np.eye(6)), ("shape (6, 6)", "labels.argmax(axis=1)")),
        Case("whole floats", lambda: image_set(GREY, labels=LABELS * 1.0), ("float64", "labels.astype(int)")),
        Case("fractions", lambda: image_set(GREY, labels=LABELS / 2), ("float64", "number no class")),
        Case("booleans", lambda: image_set(GREY, labels=LABELS > 0), ("bool", "labels.astype(int)")),
        Case("names", lambda: image_set(GREY, labels=list("abcabc")), ("<U1", "np.unique", "class_names=")),
        Case(
            "classes of folders, asked of an array", lambda: image_set(GREY, classes="folders"), ("folders", "labels=")
        ),
        Case("negative", lambda: image_set(GREY, labels=LABELS - 1), ("label 0 is -1", "Number classes from 0")),
        Case(
            "more classes than names",
            lambda: image_set(GREY, labels=LABELS, class_names=("a", "b")),
            ("label 2 needs 3 class names", "got 2"),
        ),
    ],
    "Folders": [
        Case("no such folder", lambda: image_set("sampels"), ("sampels", "name:split")),
        Case("a text file", lambda: image_set(written("samples.txt", b"x")), ("samples.txt", "must be a folder")),
        Case("an empty folder", lambda: image_set(only()), ("samples", "right level")),
        Case("a stranger", lambda: image_set(folder(log__txt=b"x")), ("log.txt is none", "Move it")),
        Case(
            "a name that a terminal would obey",
            lambda: image_set(beside(lambda path: path.with_name("a\n\x1b[31m.txt").touch())),
            (r"a\n\x1b[31m.txt is none",),
        ),
        Case("an empty name", lambda: image_set(""), ("empty text", "pass '.'")),
        Case("a pipe among the images", lambda: image_set(beside(os.mkfifo)), ("samples/x.png", "a pipe", "Remove it")),
        Case(
            "a link to nothing among the images",
            lambda: image_set(beside(lambda path: path.symlink_to("gone"))),
            ("samples/x.png is a link to gone", "Fix the link"),
        ),
        Case(
            "a link to nothing", lambda: image_set(dangling("samples")), ("samples is a link to gone", "Fix the link")
        ),
        Case("a web of links", lambda: image_set(web_of_links()), ("d0", "too many links to one folder")),
        Case("a list of folders", lambda: image_set(["train", "test"]), ("train is none", "one by one")),
        Case("an iterator of paths", lambda: image_set(folder().glob("0*")), ("samples/0.png", "list(paths)")),
        Case(
            "mixed sizes",
            lambda: image_set(folder(big__png=png(GREY[0].repeat(2, 0)))),
            ("0.png is 8 x 8", "big.png is 16 x 8", "Resize"),
        ),
        Case(
            "grey and colour",
            lambda: image_set(folder(c__png=png(COLOUR[0]))),
            (
                "0.png is 8 x 8 with 1 channel",
                "c.png is 8 x 8 with 3 channels",
                "all of them in grey, or all in colour",
            ),
        ),
        Case("all images blank", lambda: image_set(only(a__png=png(GREY[0] * 0))), ("samples are 0",)),
        Case("a truncated PNG", lambda: image_set(folder(x__png=png(GREY[0])[:60])), ("samples/x.png", "truncated")),
        Case("a text named .png", lambda: image_set(folder(x__png=b"hello")), ("samples/x.png", "no image")),
        Case("an empty file", lambda: image_set(folder(x__png=b"")), ("samples/x.png", "truncated")),
        Case("transparency", lambda: image_set(only(x__png=transparent())), ("samples/x.png", "Flatten")),
        Case("a transparent palette", lambda: image_set(only(x__png=palette_with_a_hole())), ("x.png", "Flatten")),
        Case("16-bit PNG", lambda: image_set(only(x__png=png(GREY[0].astype(np.uint16)))), ("x.png", "16 bits")),
        Case("16-bit colour PNG", lambda: image_set(only(x__png=deep_png(2, 3))), ("x.png", "16 bits")),
        Case("16-bit grey PNG with alpha", lambda: image_set(only(x__png=deep_png(4, 2))), ("x.png", "16 bits")),
        Case("16-bit PPM", lambda: image_set(only(x__ppm=b"P6 8 8 65535\n" + bytes(384))), ("x.ppm", "16 bits")),
        Case(
            "a PGM with a long comment",
            lambda: image_set(only(x__pgm=b"P5\n#" + b"x" * 10_000_000 + b"\n8 8 255\n" + GREY[0].tobytes())),
            ("x.pgm", "4,096 bytes", "Drop its comments"),
        ),
        Case(
            "CMYK JPEG",
            lambda: image_set(only(x__jpg=png(Image.fromarray(COLOUR[0]).convert("CMYK"), "JPEG"))),
            ("x.jpg", "'CMYK'"),
        ),
        Case("an animated GIF", lambda: image_set(only(x__gif=animation())), ("x.gif", "animation", "frames")),
        Case("a giant image", lambda: image_set(only(x__png=large_png())), ("x.png", "9000 x 9000", "at most")),
        Case(
            "class folders and loose images",
            lambda: image_set(folder(cat___1__png=png(GREY[0]))),
            ("loose images (0.png)", "class's folder"),
        ),
        Case("classes on two levels", lambda: image_set(splits()), ("side by side", "test/cat", "train/cat")),
        Case(
            "half of the names labelled",
            lambda: image_set(only(a__png=png(GREY[0]), **{"3_0__png": png(GREY[1])})),
            ("a.png is not", "all of them"),
        ),
    ],
    "Zip files": [
        Case("no zip", lambda: image_set(written("samples.zip", b"hello")), ("samples.zip", "Pack the images again")),
        Case("a missing zip", lambda: image_set("samples.zip"), ("no file", "samples.zip")),
        Case("a pipe", lambda: image_set(pipe("samples.zip")), ("samples.zip", "a pipe")),
        Case("a damaged member", lambda: image_set(damaged_member()), ("0.png in samples.zip", "Pack")),
        Case(
            "path traversal",
            lambda: image_set(archive({"../evil.png": png(GREY[0])})),
            ("'../evil.png'", "Do not trust"),
        ),
        Case(
            "a bomb",
            lambda: image_set(archive({"0.png": bytes(40_000_000)})),
            ("0.png in samples.zip", "to 40,000,000 bytes", "Do not trust"),
        ),
        Case("no image", lambda: image_set(archive({})), ("samples.zip", "holds none")),
        Case(
            "dataset.json: one image unlabelled", lambda: image_set(labelled([["0.png", 1]])), ("1.png has no label",)
        ),
        Case(
            "dataset.json: one-hot",
            lambda: image_set(labelled([["0.png", [0, 1]], ["1.png", 1]])),
            ("number of its class", "0.png has [0, 1]"),
        ),
        Case(
            "dataset.json: an image too many",
            lambda: image_set(labelled([["0.png", 1], ["1.png", 1], ["2.png", 0]])),
            ("labels 2.png", "complete"),
        ),
        Case("dataset.json: other JSON", lambda: image_set(labelled([3])), ('{"labels": [[name, class], ...]}',)),
        Case(
            "dataset.json: a key twice",
            lambda: image_set(archive({"0.png": png(GREY[0]), "dataset.json": b'{"labels": null, "labels": []}'})),
            ("the key labels twice", "Keep one"),
        ),
        Case(
            "dataset.json: an image twice",
            lambda: image_set(labelled([["0.png", 1], ["1.png", 1], ["./0.png", 0]])),
            ("labels 0.png twice", "Keep one"),
        ),
    ],
    "npz and npy files": [
        Case("no npz", lambda: image_set(written("fake.npz", b"hello")), ("fake.npz", "np.savez")),
        Case(
            "Python objects",
            lambda: image_set(saved(np.save, "fake.npy", np.array([{"a": 1}]))),
            ("fake.npy", "without pickle", "plain arrays"),
        ),
        Case(
            "a truncated npy",
            lambda: image_set(written("fake.npy", saved(np.save, "fake.npy", GREY).read_bytes()[:200])),
            ("fake.npy", "truncated"),
        ),
        Case(
            "statistics instead of images",
            lambda: image_set(saved(np.savez, "fake.npz", mu=UNIT[0], sigma=UNIT[1])),
            ("it holds mu, sigma", "arr_0", "real="),
        ),
        Case(
            "labels of another length",
            lambda: image_set(saved(np.savez, "fake.npz", COLOUR, LABELS[:5])),
            ("fake.npz", "6 images", "5 labels"),
        ),
        Case("a bomb", lambda: image_set(npz_bomb()), ("bomb.npz", "to 30,000,1", "Do not trust")),
        Case("a file of holes", lambda: image_set(holes()), ("fake.npy", "to 210,", "Do not trust")),
        Case("a pipe", lambda: image_set(pipe("fake.npz")), ("fake.npz", "a pipe")),
        Case("one array twice", lambda: image_set(twice()), ("fake.npz", "two arrays named arr_0")),
        Case(
            "two arrays that may be the images",
            lambda: image_set(saved(np.savez, "fake.npz", GREY, images=GREY)),
            ("both arr_0 and images", "Store one"),
        ),
    ],
    "Statistics and features that others publish": [
        Case("no network named", lambda: against(mu=MU, sigma=SIGMA, extractor=None), ("which network", "extractor=")),
        Case(
            "mean and covariance of two widths", lambda: against(mu=MU[:3], sigma=SIGMA), ("one width", "two networks")
        ),
        Case("a covariance that is not symmetric", lambda: against(mu=MU, sigma=LOPSIDED), ("symmetric", "damaged")),
        Case("one with a negative variance", lambda: against(mu=MU, sigma=INDEFINITE), ("semi-definite", "eigenvalue")),
        Case("NaN", lambda: against(mu=MU * np.nan, sigma=SIGMA), ("NaN or infinity in mu",)),
        Case(
            "float16",
            lambda: against(mu=MU.astype("f2"), sigma=SIGMA.astype("f2")),
            ("float16", "Make the statistics"),
        ),
        Case(
            "of another network's width",
            lambda: against(mu=MU[:9], sigma=SIGMA[:9, :9]),
            ("9 numbers", "pixels makes 64"),
        ),
        Case(
            "no n where it is needed",
            lambda: against(mu=MU, sigma=SIGMA, convention="stylegan3"),
            ("divided by n needs n", "Use a convention"),
        ),
        Case(
            "a mean where rows are needed",
            lambda: kid(published(mu=MU, sigma=SIGMA), GREY, extractor="pixels"),
            ("mean and a covariance alone", "Pass the images"),
        ),
        Case("a pickle", lambda: fid(written("ref.pkl", b"N."), GREY, extractor="pixels"), ("pickle", "numpy.savez")),
        Case("statistics of ours by another network", ours, ("statistics by pixels", "another-network")),
    ],
    "Data sets and loaders": [
        Case(
            "floats from ToTensor",
            lambda: image_set(TensorDataset(torch.from_numpy(UNIT[:, None]), torch.from_numpy(LABELS))),
            ("item 0 of TensorDataset", ".to(torch.uint8)"),
        ),
        Case(
            "items of other shapes",
            lambda: image_set([GREY[0], GREY[1], GREY[2][:4]]),
            ("item 0 has (1, 8, 8)", "item 2 has (1, 4, 8)"),
        ),
        Case(
            "three parts an item",
            lambda: image_set(DataLoader(TensorDataset(*[torch.from_numpy(GREY)] * 3))),
            ("DataLoader", "list of 3"),
        ),
        Case("dicts", lambda: image_set([{"image": GREY[0]}]), ("dict", "(image, label)")),
        Case("nothing in it", lambda: image_set([]), ("list", "empty")),
        Case("some labels", lambda: image_set([(GREY[0], 1), GREY[1]]), ("1 of 2 items",)),
    ],
    "Generators": [
        Case("how many?", lambda: image_set(drawing(GREY)), ("n=", "labels=")),
        Case("too few images", lambda: image_set(drawing(GREY[:5]), n=6), ("asked for 6 images", "returned 5")),
        Case("floats", lambda: image_set(drawing(torch.from_numpy(UNIT) * 2 - 1), n=6), ("float32", "127.5")),
    ],
    "Names and numbers": [
        Case("a data set's name, misspelt", lambda: image_set("hoad:test"), ("'hoad'", "'hoda'", "Known: ")),
        Case("a split's name, misspelt", lambda: image_set("digits:tets"), ("'tets'", "'test'")),
        Case(
            "a data set whose file is absent", lambda: image_set("hoda:train"), ("hoda/Train 60000.cdb", "GANEVAL_DATA")
        ),
        Case("more images than there are", lambda: image_set(GREY, n=7), ("7 images", "holds 6")),
        Case("no images", lambda: image_set(GREY, n=0), ("n must be a whole number of at least 1", "got 0")),
        Case("fewer than no images", lambda: image_set(GREY, n=-5), ("n must be", "got -5")),
        Case("half an image", lambda: image_set(GREY, n=HALF), ("n must be", "got 2.5")),
        Case("a negative seed", lambda: image_set(GREY, n=2, seed=-1), ("seed must be", "at least 0", "got -1")),
        Case("something else", lambda: image_set(3.5), ("folder, zip, npz", "got float")),
    ],
}


@contextlib.contextmanager
def empty_place() -> Iterator[None]:
    """An empty working directory without data sets, so that messages show the same paths everywhere."""
    before = {name: os.environ.get(name) for name in ("GANEVAL_DATA", "XDG_CACHE_HOME")}
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        os.environ |= {"GANEVAL_DATA": "data", "XDG_CACHE_HOME": "cache"}
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name, None) if value is None else os.environ.update({name: value})


def message_of(case: Case) -> tuple[str, str]:
    """The class and the text of the error that the case raises."""
    with empty_place():
        try:
            case.open().array()
        except GanevalError as error:
            kind, text = type(error).__name__, str(error)
        else:
            raise AssertionError(f"{case.what}: no error")
    lost = [part for part in case.says if part not in text]
    if lost:
        raise AssertionError(f"{case.what}: the message does not contain {lost}: {text}")
    return kind, text


def render_page() -> str:
    parts = [part for title, cases in CASES.items() for part in (f"## {title}", messages_table(cases))]
    said = (
        "It makes each of these inputs and opens it; a test keeps the page up to date. All errors are `GanevalError`s, "
        "and so `ValueError`s: the command line prints their one line."
    )
    return render_document("Bad inputs and what they get", "bad_inputs", parts, said=said)


def messages_table(cases: Sequence[Case]) -> str:
    rows = []
    for case in cases:
        kind, text = message_of(case)
        rows.append((case.what, f"`{kind}`", f"`{text.replace('|', chr(92) + '|')}`"))
    return markdown_table(("input", "error", "message"), rows)


def main(*, out: Path = DOCS) -> Path:
    """Write `out/bad-inputs.md`."""
    return write_atomic(out / "bad-inputs.md", render_page())
