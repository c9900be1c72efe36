"""
A folder of images, an honest number
====================================

You have a folder of generated images and want to know how good they are. This page makes such a folder, measures it,
and reads the numbers. It needs no network and no GPU.
"""

# %%
# A small generator, to have some images
# --------------------------------------
#
# Any program that leaves images will do. Here it is a mixture of Gaussians, fitted to the 8x8 digits that ship inside
# scikit-learn, one mixture for each class. The folder has one folder for each class, so the labels are known.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image
from sklearn.mixture import GaussianMixture

import ganeval

samples = Path(tempfile.mkdtemp()) / "samples"
train = ganeval.image_set("digits:train")
pixels = train.array().reshape(len(train), -1).astype(float)
for label in range(10):
    mixture = GaussianMixture(5, reg_covar=30, random_state=0).fit(pixels[train.labels == label])
    drawn = mixture.sample(40)[0].reshape(-1, 8, 8).clip(0, 255).round().astype(np.uint8)
    folder = samples / str(label)
    folder.mkdir(parents=True)
    for number, image in enumerate(drawn):
        Image.fromarray(image).save(folder / f"{number:03d}.png")

figure, cells = plt.subplots(2, 10, figsize=(10, 2.2), layout="constrained")
for column in range(10):
    cells[0, column].imshow(pixels[train.labels == column][0].reshape(8, 8), cmap="gray")
    cells[1, column].imshow(Image.open(samples / str(column) / "000.png"), cmap="gray")
for cell, name in zip(cells[:, 0], ("real", "generated"), strict=True):
    cell.set_ylabel(name)
for cell in cells.flat:
    cell.set(xticks=[], yticks=[])

# %%
# One number with its error
# -------------------------
#
# ``fid`` compares the folder with real images that the generator never saw, ``digits:test``. The second number is the
# standard error: how much the score would vary if the images were drawn again.

score = ganeval.fid("digits:test", samples, extractor="digits")
print(f"{score}")
print("95 % interval:", score.interval)

# %%
# The signature holds everything that changes this number. Two scores can be compared when their signatures are equal.

print(score.signature)

# %%
# More than one question
# ----------------------
#
# One number cannot say what is wrong. ``evaluate`` measures all quick metrics at once; these are some of them. The last
# column is the floor: the same metric with real images in the generator's place, so you know what a perfect generator
# would get. Half of the test images are fewer than the samples, so that as many training images stand in for them;
# without `train=` half of the test images would, and the floor would be one at a smaller n.

result = ganeval.evaluate("digits:test", samples, classifier="digits", train="digits:train")
for name in ("fid", "precision", "recall", "coverage", "classifier_score", "copies"):
    record = result[name]
    print(f"{name:17} {record!s:20} real images: {record.floor.value:.3f} (n = {record.floor.n})")

# %%
# Precision asks whether each image looks real, recall and coverage whether everything is there, ``classifier_score``
# whether a classifier sees the class that was asked for, ``copies`` whether training images come out again.
#
# What a fault looks like
# -----------------------
#
# Take the eights and nines away. The other images are as good as before, so precision does not notice. Recall and
# coverage fall, FID rises, and ``missing_classes`` says how many classes are gone.

fewer = ganeval.image_set(samples)
fewer = fewer.take(np.flatnonzero(fewer.labels < 8))
broken = ganeval.evaluate("digits:test", fewer, classifier="digits", train="digits:train")
for name in ("fid", "precision", "recall", "coverage", "missing_classes"):
    print(f"{name:17} {result[name]!s:20} -> {broken[name]!s}")

# %%
# From the shell
# --------------
#
# The same in one line, and a page with pictures for your colleagues::
#
#     ganeval evaluate --real digits:test --fake samples/ --classifier digits --train digits:train
#     ganeval-report samples/ --real digits:test --classifier digits --open
#
# Next: :doc:`own_judge`, for images that no shipped classifier knows.
