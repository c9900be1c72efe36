"""
A gate in ten minutes
=====================

A gate answers one question in CI: is the generator of this commit worse than the one that we accepted? It fails only on
a difference that is larger than the noise. This page writes one, passes it, and breaks the generator to see it fail.
"""

# %%
# A generator that can be asked for images
# ----------------------------------------
#
# The gate calls a function of your package: a number of images, the labels to make, and a random generator, so that
# both sides of a comparison get the same random numbers. Here it is a mean image of each class with some variation
# around it.

import importlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import torch

project = Path(tempfile.mkdtemp())
(project / "sampling.py").write_text("""
import torch
import ganeval

TRAIN = ganeval.image_set("digits:train")
PIXELS = torch.as_tensor(TRAIN.array()).float().flatten(1)
LABELS = torch.as_tensor(TRAIN.labels)
MEANS = torch.stack([PIXELS[LABELS == k].mean(0) for k in range(10)])
PARTS = [torch.linalg.svd(PIXELS[LABELS == k] - MEANS[k], full_matrices=False) for k in range(10)]
USED = 12


def sample(n, labels, generator):
    images = torch.empty(n, 64)
    for k in range(10):
        rows = labels == k
        _, scale, directions = PARTS[k]
        spread = scale[:USED] / (LABELS == k).sum() ** 0.5
        z = torch.randn(n, USED, generator=generator)[rows]
        images[rows] = MEANS[k] + z * spread @ directions[:USED]
    return images.clamp(0, 255).round().to(torch.uint8).reshape(n, 1, 8, 8)
""")

# %%
# The rules
# ---------
#
# Each rule names a metric and the loss that you can live with. Without a margin nothing could ever be called unchanged:
# with enough images every difference is certain.

(project / "ganeval.toml").write_text("""
[gate]
name = "digits"
baseline = "baselines/digits.json"
real = "digits:test"
train = "digits:train"
classifier = "digits"
generator = "sampling:sample"
n = 1000
looks = 1

[[gate.rule]]
metric = "fid"
margin_rel = 0.10

[[gate.rule]]
metric = "classifier_score"
margin_abs = 0.02
""")


def shell(command: str) -> None:
    """Run a command in the project, as you would, and show what it says."""
    print(f"$ {command}")
    program = [sys.executable, "-m", "ganeval", *command.split()[1:]]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(project), *sys.path]), "COLUMNS": "110"}
    done = subprocess.run(program, cwd=project, env=environment, capture_output=True, text=True, check=False)
    print(done.stdout + done.stderr + f"exit code {done.returncode}")


# %%
# The promise
# -----------
#
# A baseline holds the numbers that were accepted, and why. It is made by a person, so in CI it is refused; the last
# option is here only because this page is built there.

shell("ganeval gate --update-baseline --reason first --allow-ci-update")

# %%
# Commit ``ganeval.toml`` and ``baselines/``. From now on, in CI:

shell("ganeval gate")

# %%
# The fault
# ---------
#
# Somebody uses 4 directions of variation in place of 12, to be faster.

sys.path.insert(0, str(project))
code = importlib.import_module("sampling")
figure, rows = plt.subplots(2, 10, figsize=(9, 2), layout="constrained")
for cells, code.USED in zip(rows, (12, 4), strict=True):
    images = code.sample(10, torch.arange(10), torch.Generator().manual_seed(1))
    for cell, image in zip(cells, images, strict=True):
        cell.imshow(image[0], cmap="gray")
        cell.set(xticks=[], yticks=[])
    cells[0].set_ylabel(f"{code.USED} used")

sampling = project / "sampling.py"
sampling.write_text(sampling.read_text().replace("USED = 12", "USED = 4"))
shell("ganeval gate")

# %%
# Exit code 1 stops the merge. The table says by how much, how certain that is, and of which metric. Look at the other
# line,
# too: with less variation the classifier recognises *more* images. A gate on that one number would have let the fault
# in.
#
# - `In CI <../ci.html>`_ has the workflow files for GitHub and GitLab, and the pytest plugin.
# - `How the gate decides <../gate.html>`_ explains the six verdicts, and how alarms stay rare with many rules.
