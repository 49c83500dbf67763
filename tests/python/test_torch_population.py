"""PyTorch trainings as a population: batches of their own, states that travel through memory."""
import os
import subprocess
import sys
import unittest

try:
    import torch
except ImportError:
    print(f"skipped: {sys.executable} has no torch; scripts/setup test installs python3-torch")
    sys.exit(77)

from case import MPIRUN, Case

PROGRAM = """
import hashlib, sys
import torch
import hottune.torch
from torch import nn
torch.set_num_threads(1)
torch.manual_seed(0)            # as in many programs: the same on every rank
model = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
g = torch.Generator().manual_seed(1)
x = torch.randn(64, 2, generator=g)
y = (x[:, 0] * x[:, 1]).sign()
def digest():
    moments = [v for p in model.parameters() for v in optimizer.state[p].values()]
    h = hashlib.sha256()
    for t in (*model.state_dict().values(), *moments):
        h.update(t.detach().numpy().tobytes())
    return h.hexdigest()[:12]
recipe = {"population": {"mode": "pooled", "sync": "barrier", "policy": "pbt"}, "objective": {"ema": 0},
          "actuators": {"opt": {"mutations": {"lr_mult": {"bounds": [0.7, 1.2], "range": [0.001, 1.0]},
                                              "wd_mult": {"bounds": [0.5, 2.0], "range": [0.001, 1.0]}}}}}
with hottune.open(sys.argv[1], recipe=recipe, max_epochs=15, seed=1) as k:
    tuned = hottune.torch.attach(k, model, optimizer, _staged=k.replica % 2 == 1)    # as on a GPU
    tuned.on_validate(lambda: ((model(x)[:, 0] - y) ** 2).mean())
    print("layout", k.replica, len(tuned._parts) if k.is_replica else "")
    while k.running():
        order = torch.randperm(64)
        if tuned.steps == 0:
            print("order", k.replica, int(order[:8].sum()), int(order[0]))
        for i in order.split(16):
            optimizer.zero_grad()
            ((model(x[i])[:, 0] - y[i]) ** 2).mean().backward()
            optimizer.step()
            tuned.batch_end()
        before = digest()
        tuned.epoch_end()
        print("epoch", k.replica, before, digest())
    if k.is_champion and k.show_best():
        print("champion", k.replica)
"""


class Population(Case):
    def test_a_state_that_is_taken_over_is_the_other_ones_to_the_bit(self):
        done = self.run_python(PROGRAM, self.dir, ranks=5, OMP_NUM_THREADS="1")
        self.assertEqual(done.returncode, 0, done.stderr)
        lines = [line.split() for line in done.stdout.splitlines() if line]

        def said(word):
            return [line[1:] for line in lines if line[0] == word]

        self.assertEqual(len({s[1] for s in said("layout") if s[0] != "-1"}), 1)
        self.assertEqual(len({tuple(s[1:]) for s in said("order")}), 4)     # batches of their own
        taken = [(r, after) for r, before, after in said("epoch") if before != after]
        self.assertGreater(len(taken), 0)
        had = {(r, before) for r, before, _ in said("epoch")}
        for replica, after in taken:
            self.assertTrue(any(d == after and r != replica for r, d in had), (replica, after))
        self.assertEqual(len(said("champion")), 1)
        self.assertTrue([e for e in self.lines("hotcb.population.jsonl") if e["event"] == "exploit"])

    @unittest.skipIf("LD_PRELOAD" in os.environ, "under sanitizers the population above is enough")
    @unittest.skipUnless(os.path.isdir("/usr/share/datasets/fashion-mnist"), "no dataset-fashion-mnist here")
    def test_the_example_runs_plain_and_as_a_population(self):
        program = os.path.join(os.environ["HT_SOURCE"], "examples", "python", "torch_fashion.py")
        for start, word in (([*MPIRUN, "3", sys.executable, program, self.dir], "champion"),
                            ([sys.executable, program, "--static"], "static")):
            done = subprocess.run([*start, "--epochs", "3"], capture_output=True, text=True, timeout=200, check=False)
            self.assertEqual(done.returncode, 0, done.stderr)
            said = [line for line in done.stdout.splitlines() if line.startswith(word + ":")]
            self.assertEqual(len(said), 1, done.stdout)
            self.assertLess(float(said[0].split("test loss ")[1].split(" ")[0]), 1.0)     # 2.3 is a guess


if __name__ == "__main__":
    unittest.main()
