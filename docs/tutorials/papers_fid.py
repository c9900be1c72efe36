"""
Comparing with the FID of a paper
=================================

A paper says 3.2, your generator gets 4.1. Before that is a loss, four things have to be the same. This page changes one
at a time, with one and the same generator, and looks how far FID moves.
"""

# %%
# One generator
# -------------
#
# A Gaussian with the mean and the main directions of variation of each class of 8x8 digits. It never changes below.

import matplotlib.pyplot as plt
import torch

import ganeval

train = ganeval.image_set("digits:train")
pixels, labels = torch.as_tensor(train.array()).float().flatten(1), torch.as_tensor(train.labels)
random = torch.Generator().manual_seed(0)
parts = []
for label in range(10):
    rows = pixels[labels == label]
    _, scale, directions = torch.linalg.svd(rows - rows.mean(0), full_matrices=False)
    z = torch.randn(400, 12, generator=random) * scale[:12] / len(rows) ** 0.5
    parts.append(rows.mean(0) + z @ directions[:12])
fake = torch.stack(parts, dim=1).flatten(0, 1).clamp(0, 255).round().to(torch.uint8).reshape(-1, 1, 8, 8)
print(len(fake), "images, the classes in turn")

# %%
# 1. How many images
# ------------------
#
# FID is biased: fewer images, higher FID. Many papers use 50,000, and with fewer the number is not theirs.
# ``fid_debiased`` takes most of the bias away, at the price of a larger error; it needs ten images for each feature.
# KID has no bias.

figure, axes = plt.subplots(figsize=(6, 3), layout="constrained")
for metric, sizes in ((ganeval.fid, (100, 300, 1000, 4000)), (ganeval.fid_debiased, (700, 1000, 2000, 4000))):
    scores = [metric("digits:test", fake[:n], extractor="digits") for n in sizes]
    axes.errorbar(sizes, scores, yerr=[1.96 * score.se for score in scores], label=metric.__name__, capsize=3)
    for n, score in zip(sizes, scores, strict=True):
        print(f"{metric.__name__:13} n = {n:4}: {score}")
axes.set(xscale="log", xlabel="generated images", ylabel="score, 95 % interval", ylim=(0, None))
axes.legend()

# %%
# 2. Compared with which images
# -----------------------------
#
# Some papers compare with the training images, some with the test images, and not all say so. Where the authors publish
# a file of statistics, compare with that: :doc:`/statistics`.

for reference in ("digits:test", "digits:train"):
    print(f"{reference:13} {ganeval.fid(reference, fake, extractor='digits')}")

# %%
# 3. Seen by which network, after which resizing
# ----------------------------------------------
#
# Other features are another number in another unit. For FID proper it has to be Inception with the weights of 2015, and
# the same resizing to 299 x 299: :doc:`/conventions` says which library does what. On small images this matters most.

for network in ("digits", "pixels"):
    score = ganeval.fid("digits:test", fake, extractor=network)
    print(f"{network:7} {score:.4g}")

# %%
# 4. The formula
# --------------
#
# The smallest of the four. StyleGAN3 divides the covariance by n, the others by n - 1.

for convention in ("pytorch-fid", "stylegan3"):
    print(f"{convention:12} {ganeval.fid('digits:test', fake, extractor='digits', convention=convention):.4f}")

# %%
# And then the noise
# ------------------
#
# With all four equal, the difference still has an error. For two independent sets of images it is the root of the sum
# of the squared errors. A paper that gives one number without an error gives no interval: say so, or measure its images
# yourself.

ours = ganeval.fid("digits:test", fake[:2000], extractor="digits")
theirs = ganeval.fid("digits:test", fake[2000:], extractor="digits")
difference, error = ours - theirs, (ours.se**2 + theirs.se**2) ** 0.5
print(f"two halves of the same images: {ours} and {theirs}, difference {difference:.3f} +- {error:.3f}")

# %%
# The signature of a score holds the first three and the fourth where it is not the default. Publish it with the number:

print(ours.signature)

# %%
# To compare two generators that you both have, do not use papers at all: ``ganeval compare`` measures both alike, and
# says which differences are more than chance (:doc:`/compare`).
