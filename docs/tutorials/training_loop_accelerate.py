"""
Measure while you train, with accelerate
========================================

The plain loop under Hugging Face ``accelerate``: one process measures, the others wait for it.
"""

import torch
from accelerate import Accelerator
from torch import nn

from ganeval import Protocol, image_set
from ganeval.integrations.watch import Watch

torch.manual_seed(0)
accelerator = Accelerator(cpu=True)
images = torch.from_numpy(image_set("digits:train").array()).float().flatten(1) / 127.5 - 1
G = nn.Sequential(nn.Linear(32, 128), nn.ReLU(), nn.Linear(128, 64), nn.Tanh())
D = nn.Sequential(nn.Linear(64, 128), nn.LeakyReLU(0.2), nn.Linear(128, 1))
opt_g, opt_d = (torch.optim.Adam(net.parameters(), 1e-3, betas=(0.5, 0.9)) for net in (G, D))
loader = torch.utils.data.DataLoader(images, batch_size=64, shuffle=True, drop_last=True)
G, D, opt_g, opt_d, loader = accelerator.prepare(G, D, opt_g, opt_d, loader)

# %%
# The generator without accelerate's wrapping draws the images.


def sample(n, labels, rng):
    z = torch.randn(n, 32, generator=rng).to(accelerator.device)
    return ((accelerator.unwrap_model(G)(z) + 1) * 127.5).round().to(torch.uint8).view(n, 1, 8, 8)


# %%
# ``watch`` is called by the main process; ``wait_for_everyone`` holds the others.

watch = Watch(
    Protocol(real="digits:test", classifier="digits", labels="none", n=500, metrics=("fid", "recall")), every=100
)
step = 0
for _ in range(15):
    for real in loader:
        step += 1
        fake = G(torch.randn(len(real), 32, device=accelerator.device))
        loss_d = nn.functional.softplus(-D(real)).mean() + nn.functional.softplus(D(fake.detach())).mean()
        opt_d.zero_grad(), accelerator.backward(loss_d), opt_d.step()
        loss_g = nn.functional.softplus(-D(fake)).mean()
        opt_g.zero_grad(), accelerator.backward(loss_g), opt_g.step()

        if accelerator.is_main_process and (evaluation := watch(step, sample)):
            print(step, evaluation["fid"], "better" if watch.improved else "not better beyond noise")
        accelerator.wait_for_everyone()

watch.best
