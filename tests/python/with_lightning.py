"""A small Lightning training, for test_lightning.py and for what it starts under mpirun."""
import logging
import os
import sys
import warnings

import torch

torch.set_num_threads(1)
warnings.filterwarnings("ignore")
if os.environ.get("HT_LIGHTNING") == "pytorch_lightning":
    import pytorch_lightning as pl
else:
    import lightning.pytorch as pl
for name in ("pytorch_lightning", "lightning.pytorch"):
    logging.getLogger(name).setLevel(logging.ERROR)


def data(seed, n, shuffle=False):
    x = torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))
    y = (x[:, :1] * x[:, 1:2]).sin()
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=16, shuffle=shuffle)


class Model(pl.LightningModule):
    def __init__(self, lr=0.003, schedule=False):
        super().__init__()
        self.lr, self.schedule = lr, schedule
        self.net = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.BatchNorm1d(16), torch.nn.ReLU(),
                                       torch.nn.Linear(16, 1))
        self.validated, self.rates = 0, []

    def loss(self, batch):
        return torch.nn.functional.mse_loss(self.net(batch[0]), batch[1])

    def training_step(self, batch, index):
        self.rates.append(self.trainer.optimizers[0].param_groups[0]["lr"])
        loss = self.loss(batch)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, index):
        assert not self.training
        self.validated += 1
        self.log("val_loss", self.loss(batch))

    def configure_optimizers(self):
        optimizer = torch.optim.Adam(self.parameters(), lr=self.lr)
        if not self.schedule:
            return optimizer
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)]


def trainer(tune, *callbacks, epochs=4, **options):
    options.setdefault("enable_checkpointing", False)
    return pl.Trainer(max_epochs=epochs, callbacks=[tune, *callbacks], accelerator="cpu", default_root_dir=tune.dir,
                      enable_progress_bar=False, enable_model_summary=False, num_sanity_val_steps=0,
                      log_every_n_steps=1, **{"logger": False, **options})


def fit(t, model):
    t.fit(model, data(1, 128, True), data(2, 64))
    return model


def say(*words):
    """A whole line at once: mpirun mixes what ranks write in pieces."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()
