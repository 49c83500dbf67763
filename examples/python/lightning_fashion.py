"""A small convolutional network in Lightning, trained on 3000 pictures of Fashion-MNIST, tuned by one callback.

    mpirun -n 5 python3 lightning_fashion.py        # one coordinator and four replicas, one core each
    python3 lightning_fashion.py                    # one training
    python3 lightning_fashion.py --static           # without the callback

The last line says what the best weights by validation are worth; test data are read once, for that line.
docs/lightning.md tells what the callback does.
"""
import argparse
import gzip
import logging
import os
import warnings

os.environ.setdefault("OMP_NUM_THREADS", "1")       # a rank is one core; before torch is loaded
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

try:
    import lightning.pytorch as pl
except ImportError:
    import pytorch_lightning as pl

from hottune.lightning import HotTuneCallback

TRAIN, VALIDATION, BATCH = 3000, 2000, 50
RECIPE = {
    "population": {"mode": "pooled"},
    "acceptance": {"epsilon": 0},
    "actuators": {"opt": {"mutations": {"lr_mult": {"bounds": [0.5, 1.3], "range": [1e-4, 3e-2]},
                                        "wd_mult": {"bounds": [0.5, 2.0], "range": [1e-4, 1.0]}}}},
}


def pictures(folder, part, count=None):
    """`count` pictures [n, 1, 28, 28] and their classes; the Debian package dataset-fashion-mnist has the files."""
    def read(name, header):
        with gzip.open(os.path.join(folder, f"{part}-{name}-ubyte.gz")) as f:
            return torch.frombuffer(bytearray(f.read()[header:]), dtype=torch.uint8)
    x = read("images-idx3", 16).view(-1, 1, 28, 28)[:count].float()
    return TensorDataset((x / 255 - 0.286) / 0.353, read("labels-idx1", 8)[:count].long())


class Network(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(1, 8, 5, stride=2), nn.BatchNorm2d(8), nn.ReLU(),
                                    nn.Conv2d(8, 16, 3, stride=2), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(),
                                    nn.Dropout(0.2), nn.Linear(16 * 25, 64), nn.ReLU(), nn.Linear(64, 10))

    def training_step(self, batch, index):
        return cross_entropy(self.layers(batch[0]), batch[1])

    def score(self, batch, stage):
        said = self.layers(batch[0])
        self.log(f"{stage}_loss", cross_entropy(said, batch[1]))
        self.log(f"{stage}_wrong", 100 * (said.argmax(1) != batch[1]).float().mean())

    def validation_step(self, batch, index):
        self.score(batch, "val")

    def test_step(self, batch, index):
        self.score(batch, "test")

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-3, weight_decay=1e-2)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("dir", nargs="?", default="runs/lightning-fashion")
    parser.add_argument("--static", action="store_true", help="without the callback")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    for name in ("lightning.pytorch", "pytorch_lightning"):
        logging.getLogger(name).setLevel(logging.ERROR)

    torch.manual_seed(args.seed)
    known = pictures(args.data, "train", TRAIN + VALIDATION)
    train = DataLoader(TensorDataset(*known[:TRAIN]), batch_size=BATCH, shuffle=True)
    validation = DataLoader(TensorDataset(*known[TRAIN:]), batch_size=500)

    tune = None if args.static else HotTuneCallback(args.dir, RECIPE, seed=args.seed, init=True, plan=print)
    trainer = pl.Trainer(max_epochs=args.epochs, callbacks=[tune] if tune else None, accelerator="cpu", devices=1,
                         default_root_dir=tune.dir if tune else args.dir, logger=False, enable_checkpointing=False,
                         enable_progress_bar=False, enable_model_summary=False)
    model = Network()
    trainer.fit(model, train, validation)

    if args.static or tune.is_champion:     # the model has the best weights of the whole run
        found = {**trainer.validate(model, validation, verbose=False)[0],
                 **trainer.test(model, DataLoader(pictures(args.data, "t10k"), batch_size=500), verbose=False)[0]}
        print(f"{'static' if args.static else 'champion'}: validation loss {found['val_loss']:.4f} "
              f"({found['val_wrong']:.2f} % wrong), test loss {found['test_loss']:.4f} "
              f"({found['test_wrong']:.2f} % wrong)")


if __name__ == "__main__":
    main()
