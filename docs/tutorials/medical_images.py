"""
Medical images: what a metric can and cannot say
================================================

Breast ultrasound images of BreastMNIST, 28x28: 546 for training, 156 for the test, two classes. Few images, and a
question on which much depends: three things to know before any number is quoted.
"""

# %%
# The data
# --------
#
# ``GANEVAL_DATA`` names the folder of data sets. Without it the images are fetched from their public address, once.

import matplotlib.pyplot as plt
import numpy as np

import ganeval

train, test = ganeval.image_set("breastmnist:train"), ganeval.image_set("breastmnist:test")
for name, images in (("train", train), ("test", test)):
    print(name, len(images), dict(zip(images.class_names, np.bincount(images.labels).tolist(), strict=True)))

# %%
# 1. How many images are there?
# -----------------------------
#
# Nothing is generated yet: real training images are compared with real test images. Whatever they score, no generator
# can be expected to score better. FID depends on n, so with 156 reference images it is far from zero. KID does not.


def measured(images: np.ndarray) -> ganeval.Evaluation:
    return ganeval.evaluate(
        "breastmnist:test",
        (images, train.labels),
        classifier="breastmnist",
        train="breastmnist:train",
        floor=False,
        metrics=["fid", "kid", "precision", "recall", "classifier_score", "copies"],
    )


def show(result: ganeval.Evaluation) -> None:
    for name, record in result.scores.items():
        print(f"{name:17} {record!s:18} 95 %: {record.interval[0]:.3g} to {record.interval[1]:.3g}")


show(measured(train.array()))

# %%
# These are the training images themselves, the worst generator there is: a photocopier. Every question but the last one
# is answered well. The classifier even recognises all of them, since it was trained on them. **Ask about copies
# first.**
#
# 2. Does the metric see what matters?
# ------------------------------------
#
# A metric sees what its network sees. Mirror each image from left to right, then turn it upside down. For a
# radiologist, a mirrored lesion is on the wrong side, and an image that is upside down has its acoustic shadow above
# the lesion.

mirrored = np.ascontiguousarray(train.array()[..., ::-1])
upside_down = np.ascontiguousarray(train.array()[..., ::-1, :])
figure, rows = plt.subplots(3, 8, figsize=(8, 3.4), layout="constrained")
for cells, images, name in zip(
    rows, (train.array(), mirrored, upside_down), ("original", "mirrored", "upside\ndown"), strict=True
):
    for cell, image in zip(cells, images, strict=False):
        cell.imshow(image[0], cmap="gray")
        cell.set(xticks=[], yticks=[])
    cells[0].set_ylabel(name)

print("mirrored")
show(measured(mirrored))
print("upside down")
show(measured(upside_down))

# %%
# The mirrored copies get exactly the scores of the originals, and are found to be copies: the shipped classifier was
# trained to ignore left and right. It is no defect of FID, it is a choice made by whoever trained the network. The
# images that are upside down are noticed, because the network was never told to ignore that.
#
# To learn what your metrics notice on your data, plant faults on purpose: ``ganeval doctor --real ... --classifier
# ...``.
#
# 3. How small a difference can be seen?
# --------------------------------------
#
# The classifier on the real test images: its rate has an interval of several points on either side, because the images
# are few. More generated images do not help here, it is the real ones that are missing. Smaller differences cannot be
# claimed.

score = ganeval.classifier_score("breastmnist:test", classifier="breastmnist")
print(f"{float(score):.1%} of {score.n}, 95 %: {score.interval[0]:.1%} to {score.interval[1]:.1%}")

# %%
# What no score on this page says
# -------------------------------
#
# - That an image is medically right. No network here knows anatomy; a radiologist has to look.
# - That a patient cannot be recognised. ``copies`` finds near copies of training images, not every leak.
# - That a classifier trained on these images helps patients. ``gan_train`` measures the first step of that question:
#   does a classifier trained on generated images read real ones? :doc:`own_judge` shows how to bring your own.
