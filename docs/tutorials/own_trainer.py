"""
A trainer of your own
=====================

The library knows no trainer: it reads a folder. This page trains a plain GAN in PyTorch, writes that folder with
`ganeval.runs` alone, and gets curves, samples, an evaluation and a report for it. Every field is explained on the page
"The run directory, field by field".
"""

# %%
# The folder
# ----------
#
# `protocol` says how this run wants to be judged; everything that measures it later reads it from there.

import tempfile
from pathlib import Path

import torch
from torch import nn

import ganeval
from ganeval.cli.main import main
from ganeval.runs.directory import create_run

runs = Path(tempfile.mkdtemp()) / "runs"
config = {"steps": 600, "batch": 64, "latent": 16, "lr": 1e-3}
run = create_run(
    runs,
    "my gan",
    config=config,
    seeds={"seed": 0},
    protocol={"real": "digits:test", "train": "digits:train", "classifier": "digits"},
)

# %%
# The training
# ------------
#
# Nothing of it is ours but the three lines that begin with `run.`: a value for the curves, a picture of the same
# latents from time to time, and at the end the images that are to be measured.

rng = torch.Generator().manual_seed(0)
torch.manual_seed(0)
real = torch.tensor(ganeval.image_set("digits:train").array()).flatten(1) / 127.5 - 1
generator = nn.Sequential(nn.Linear(16, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 64), nn.Tanh())
critic = nn.Sequential(nn.Linear(64, 128), nn.LeakyReLU(0.2), nn.Linear(128, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1))
g_adam = torch.optim.Adam(generator.parameters(), 1e-3, betas=(0.5, 0.99))
d_adam = torch.optim.Adam(critic.parameters(), 1e-3, betas=(0.5, 0.99))
fixed = torch.randn(32, 16, generator=rng)


@torch.no_grad()
def images(z):
    return ((generator(z) + 1) * 127.5).round().to(torch.uint8).reshape(-1, 1, 8, 8).numpy()


for step in range(1, 601):
    x = real[torch.randint(len(real), (64,), generator=rng)]
    fake = generator(torch.randn(64, 16, generator=rng))
    loss_d = nn.functional.softplus(-critic(x)).mean() + nn.functional.softplus(critic(fake.detach())).mean()
    d_adam.zero_grad()
    loss_d.backward()
    d_adam.step()
    loss_g = nn.functional.softplus(-critic(fake)).mean()
    g_adam.zero_grad()
    loss_g.backward()
    g_adam.step()
    run.log(step, {"loss/d": loss_d.item(), "loss/g": loss_g.item()})
    if step % 200 == 0:
        run.write_grid(step, images(fixed), rows=4)

run.write_samples(600, images(torch.randn(1000, 16, generator=rng)))
run.update(status="done")

# %%
# What it gets for it
# -------------------
#
# The run is an image set of its newest samples, and `evaluate` takes the rest from its run.json.

main(["evaluate", "--fake", str(run.path), "--metrics", "fid", "precision", "recall", "copies"])

# %%
# The losses looked well all the time; `recall` near 0 says that this small network draws few of the digits that there
# are.
#
# The report is a page with the curves, the pictures, the numbers and what they say.

main(["report", str(runs), "--out", str(runs / "report.html")])
