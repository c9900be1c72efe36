"""
Measure while you train, with Lightning
=======================================

The same small GAN in a ``LightningModule``. ``GenerativeEvaluation`` samples every 100 batches, logs every number with
its error to the trainer's logger, and writes a checkpoint only when the generator is better beyond noise.
"""

import tempfile
from pathlib import Path

import lightning.pytorch as pl
import torch
from torch import nn

from ganeval import Protocol, image_set
from ganeval.integrations.lightning import GenerativeEvaluation

# %%
# A module with a method ``sample``; the rest is any GAN.


class GAN(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.automatic_optimization = False
        self.G = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 64), nn.Tanh())
        self.D = nn.Sequential(nn.Linear(64, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1))

    def configure_optimizers(self):
        return [torch.optim.Adam(net.parameters(), 1e-3, betas=(0.5, 0.9)) for net in (self.G, self.D)]

    def training_step(self, batch, index):
        opt_g, opt_d = self.optimizers()
        fake = self.G(torch.randn(len(batch), 32))
        loss = nn.functional.softplus(-self.D(batch)).mean() + nn.functional.softplus(self.D(fake.detach())).mean()
        opt_d.zero_grad(), self.manual_backward(loss), opt_d.step()
        loss = nn.functional.softplus(-self.D(fake)).mean()
        opt_g.zero_grad(), self.manual_backward(loss), opt_g.step()

    def sample(self, n, labels, rng):
        return ((self.G(torch.randn(n, 32, generator=rng)) + 1) * 127.5).round().to(torch.uint8).view(n, 1, 8, 8)


# %%
# The callback.

pl.seed_everything(0, verbose=False)
folder = Path(tempfile.mkdtemp())
protocol = Protocol(real="digits:test", classifier="digits", labels="none", n=500, metrics=("fid", "recall"))
callback = GenerativeEvaluation(protocol, every=100, checkpoint=folder / "best.ckpt")
trainer = pl.Trainer(
    max_steps=600,
    callbacks=[callback],
    logger=pl.loggers.CSVLogger(folder),
    accelerator="cpu",
    log_every_n_steps=10,
    enable_progress_bar=False,
    enable_model_summary=False,
    enable_checkpointing=False,
)
images = torch.from_numpy(image_set("digits:train").array()).float().flatten(1) / 127.5 - 1
trainer.fit(GAN(), torch.utils.data.DataLoader(images, batch_size=64, shuffle=True, drop_last=True))

# %%
# What the last measurement found, and which step was best.

print(callback.watch.best)
callback.last
