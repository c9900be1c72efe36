"""
Measure while you train
=======================

A small GAN learns scikit-learn's digits in a plain PyTorch loop. Every 200 steps its images are measured against real
ones that
it has not seen: the real side goes through the network once, every number has its error, and a checkpoint is kept only
when it is better beyond noise.
"""

# %%
# The generator, the critic, and the images. Nothing here knows of ganeval.

import tempfile
from pathlib import Path

import torch
from torch import nn

from ganeval import Protocol, image_set
from ganeval.integrations.loggers.csv import CSVLogger
from ganeval.integrations.watch import Watch

torch.manual_seed(0)
images = torch.from_numpy(image_set("digits:train").array()).float().flatten(1) / 127.5 - 1
G = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 64), nn.Tanh())
D = nn.Sequential(nn.Linear(64, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1))
opt_g, opt_d = (torch.optim.Adam(net.parameters(), 1e-3, betas=(0.5, 0.9)) for net in (G, D))


# %%
# What ganeval asks for: n images as uint8, drawn from the ``rng`` that it hands over, so that every step is asked the
# same.


def sample(n, labels, rng):
    return ((G(torch.randn(n, 32, generator=rng)) + 1) * 127.5).round().to(torch.uint8).view(n, 1, 8, 8)


# %%
# The loop: three lines measure, log, and keep the best. What each measurement costs: :doc:`/results/loop`.

folder = Path(tempfile.mkdtemp())
watch = Watch(
    Protocol(real="digits:test", classifier="digits", labels="none", n=500, metrics=("fid", "precision", "recall")),
    every=200,
)
log = CSVLogger(folder / "scores.csv")
for step in range(1, 801):
    real = images[torch.randint(len(images), (64,))]
    fake = G(torch.randn(64, 32))
    loss_d = nn.functional.softplus(-D(real)).mean() + nn.functional.softplus(D(fake.detach())).mean()
    opt_d.zero_grad(), loss_d.backward(), opt_d.step()
    loss_g = nn.functional.softplus(-D(fake)).mean()
    opt_g.zero_grad(), loss_g.backward(), opt_g.step()

    if evaluation := watch(step, sample):
        log.log(evaluation)
        print(step, evaluation["fid"], "kept" if watch.improved else "not better beyond noise")
        if watch.improved:
            torch.save(G.state_dict(), folder / "best.pt")

# %%
# The best step as a table; in a notebook the last line of a cell is enough.

watch.best
