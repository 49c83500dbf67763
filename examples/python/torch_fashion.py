"""A small convolutional network in PyTorch, trained on 3000 pictures of Fashion-MNIST, alone or as a population.

    mpirun -n 5 python3 torch_fashion.py            # one coordinator and four replicas, one core each
    python3 torch_fashion.py                        # one training
    python3 torch_fashion.py --static               # the same epochs without hottune: four plain trainings

The last line says what the best weights by validation are worth; test data are read once, for that line.
What `attach` registers stands in docs/pytorch.md, what the population does in docs/population.md.
"""
import argparse
import gzip
import os
import signal
import sys

os.environ.setdefault("OMP_NUM_THREADS", "1")       # a rank is one core; before torch is loaded
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import hottune.torch

TRAIN, VALIDATION, BATCH = 3000, 2000, 50
RECIPE = {
    "population": {"mode": "pooled"},
    "acceptance": {"epsilon": 0},
    "actuators": {
        "opt": {"mutations": {"lr_mult": {"bounds": [0.5, 1.3], "range": [1e-4, 3e-2]},
                              "wd_mult": {"bounds": [0.5, 2.0], "range": [1e-4, 1.0]}}},
        "loss": {"mutations": {"smoothing_mult": {"bounds": [0.5, 2.0], "range": [1e-3, 0.3]}}}},
}


def pictures(folder, part, count):
    """`count` pictures [n, 1, 28, 28] and their classes; the Debian package dataset-fashion-mnist has the files."""
    def read(name, header):
        with gzip.open(os.path.join(folder, f"{part}-{name}-ubyte.gz")) as f:
            return torch.frombuffer(bytearray(f.read()[header:]), dtype=torch.uint8)
    x = read("images-idx3", 16).view(-1, 1, 28, 28)[:count].float()
    return (x / 255 - 0.286) / 0.353, read("labels-idx1", 8)[:count].long()


def network():
    return nn.Sequential(nn.Conv2d(1, 8, 5, stride=2), nn.BatchNorm2d(8), nn.ReLU(),
                         nn.Conv2d(8, 16, 3, stride=2), nn.BatchNorm2d(16), nn.ReLU(), nn.Flatten(),
                         nn.Dropout(0.2), nn.Linear(16 * 25, 64), nn.ReLU(), nn.Linear(64, 10))


def train_epoch(model, optimizer, x, y, smoothing, batch_end=lambda loss: None):
    model.train()
    for i in torch.randperm(len(x)).split(BATCH):
        optimizer.zero_grad()
        loss = cross_entropy(model(x[i]), y[i], label_smoothing=smoothing())
        loss.backward()
        optimizer.step()
        batch_end(loss)


@torch.no_grad()
def score(model, x, y):
    """Mean cross entropy, and the share of wrong answers in percent."""
    model.eval()
    said = model(x)
    return float(cross_entropy(said, y)), 100 * float((said.argmax(1) != y).float().mean())


def static(args, train, validation):
    """Four trainings with fixed values; the weights that were best by validation at the end of any epoch."""
    best, kept = float("inf"), network()
    for replica in range(4):
        torch.manual_seed(4 * args.seed + replica)
        model = network()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
        for _ in range(args.epochs):
            train_epoch(model, optimizer, *train, smoothing=lambda: 0.01)
            loss, _ = score(model, *validation)
            if loss < best:
                best = loss
                kept.load_state_dict(model.state_dict())
    return kept


def tuned(args, train, validation):
    """The same as a population; the champion's weights, on the rank that has them."""
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    with hottune.open(args.dir, recipe=RECIPE, seed=args.seed, max_epochs=args.epochs, resume=True,
                      leave=(signal.SIGTERM,), plan=print, set=args.set) as k:
        t = hottune.torch.attach(k, model, optimizer)
        smoothing = k.knob("loss", "smoothing", 0.01, lo=1e-4, hi=0.5, log=True)
        t.on_validate(lambda: score(model, *validation)[0])
        while k.running():
            train_epoch(model, optimizer, *train, lambda: smoothing.value, t.batch_end)
            t.epoch_end()       # validates; weights, moments and knobs may be others afterwards
        found = k.is_champion and k.show_best()
    if k.has_left:
        sys.exit(75)            # start me again
    return model if found else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("dir", nargs="?", default="runs/torch-fashion")
    parser.add_argument("--static", action="store_true", help="four plain trainings, without hottune")
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--set", help="fields of the recipe to change, as in population.policy=static")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    args = parser.parse_args()
    torch.set_num_threads(1)
    x, y = pictures(args.data, "train", TRAIN + VALIDATION)
    train, validation = (x[:TRAIN], y[:TRAIN]), (x[TRAIN:], y[TRAIN:])
    model = (static if args.static else tuned)(args, train, validation)
    if model is not None:
        name, test = "static" if args.static else "champion", pictures(args.data, "t10k", None)
        (loss, wrong), (test_loss, test_wrong) = score(model, *validation), score(model, *test)
        print(f"{name}: validation loss {loss:.4f} ({wrong:.2f} % wrong), "
              f"test loss {test_loss:.4f} ({test_wrong:.2f} % wrong)")


if __name__ == "__main__":
    main()
