"""
A classifier for your own images
================================

Metrics compare what a network sees of images. For images that no shipped classifier knows, train one, or bring yours.
Here the images are 8x8 digits, as a stand-in for your own.
"""

# %%
# Train one
# ---------
#
# ``train_classifier`` takes labelled images and gives a small network. Keep some real images out of the training: they
# say how often the classifier itself errs.

import matplotlib.pyplot as plt
import numpy as np
import torch

import ganeval
from ganeval.classifiers import train_classifier, wrap

train, test = ganeval.image_set("digits:train"), ganeval.image_set("digits:test")
mine = train_classifier(train.array(), train.labels, 10, seed=0, epochs=10, name="mine")
own_errors = 1 - (mine.logits(torch.as_tensor(test.array())).argmax(1).numpy() == test.labels).mean()
print(f"{len(train)} images, wrong on {own_errors:.1%} of the {len(test)} that it never saw")

# %%
# It goes wherever a name of a classifier goes. Every score then says which network it came from.

noisy = (train.array() + np.random.default_rng(0).normal(0, 40, train.array().shape)).clip(0, 255).astype(np.uint8)
score = ganeval.classifier_score((noisy, train.labels), classifier=mine)
print(f"classes recognised: {score}")
print(score.signature)

wrong = np.flatnonzero(score.per_sample["correct"] == 0)[:10]
figure, cells = plt.subplots(1, len(wrong), figsize=(9, 1.4), layout="constrained")
for cell, index in zip(cells, wrong, strict=True):
    cell.imshow(noisy[index, 0], cmap="gray")
    cell.set(xticks=[], yticks=[], title=f"a {train.labels[index]}")
figure.suptitle("asked for, and not recognised under the noise")

# %%
# Bring yours
# -----------
#
# ``wrap`` takes any trained ``torch.nn.Module``. Say how your images become its input, in code and in words, and which
# layer is the embedding: the vector that distances such as FID are measured on. Take a layer before the last
# activation.

torch.manual_seed(0)
network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 48), torch.nn.ReLU(), torch.nn.Linear(48, 10))
optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
inputs, targets = torch.as_tensor(train.array()).float() / 255, torch.as_tensor(train.labels)
for _ in range(150):
    optimiser.zero_grad()
    torch.nn.functional.cross_entropy(network(inputs), targets).backward()
    optimiser.step()

yours = wrap(
    network,
    name="yours",
    preprocess=lambda images: images.float() / 255,
    preprocessing="x / 255",
    class_names=tuple("0123456789"),
    layer="1",
    train=train,
    held_out=(test.array()[:200], test.labels[:200]),
    test=(test.array()[200:], test.labels[200:]),
)

# %%
# ``train`` gives every direction of the embedding equal weight, ``held_out`` makes the probabilities honest, and
# ``test`` counts the confusions of the classifier, so that its own errors can be taken out of the score:

score = ganeval.classifier_score((noisy, train.labels), classifier=yours)
print(f"classes recognised: {score}, without the classifier's own errors: {score.details['corrected']:.3f}")

# %%
# Two classifiers, two answers
# ----------------------------
#
# Distances on other embeddings are other numbers, in other units. They cannot be compared, and ganeval refuses to.

for classifier in (mine, yours):
    print(f"{ganeval.fid(test, noisy, extractor=classifier)!r}")

# %%
# On the command line a classifier is named by where it lies: ``--classifier mypackage.networks:make``, an object or a
# function that makes one. Next: :doc:`gate_in_ten_minutes`.
