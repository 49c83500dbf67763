"""hottune.torch on a GPU, checked by hand: a line PASS or FAIL a check, and what moving a state costs.

    PYTHONPATH=bindings/python HOTTUNE_LIBRARY=.../libhottune.so python3 tests/python/gpu_check.py
    .. gpu_check.py cpu             # without a GPU: tensors of the CPU, as if they were elsewhere

No ranks, no data, no numpy. Exit code 1 if a check fails. Tests that need no GPU are in test_torch.py.
"""
import copy
import os
import signal
import sys
import tempfile
import time
import traceback

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")     # sums in one order
import torch
from torch import nn

import hottune
import hottune.torch
from hottune._torch_optimizer import Moments

DEVICE = torch.device(sys.argv[1] if len(sys.argv) > 1 else "cuda")
RECIPE = {"population": {"mode": "pooled", "sync": "barrier"}, "objective": {"ema": 0}, "acceptance": {"epsilon": 0},
          "actuators": {"opt": {"mutations": {"lr_mult": {"bounds": [0.7, 1.2], "range": [0.001, 3.0]}}}}}


def network(kind=torch.float32):
    torch.manual_seed(0)
    layers = nn.Linear(8, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 1)
    return nn.Sequential(*layers).to(DEVICE, kind)


def data(kind=torch.float32):
    g = torch.Generator().manual_seed(1)
    x = torch.randn(128, 8, generator=g)
    return x.to(DEVICE, kind), x[:, 0].sign().to(DEVICE, kind)


def tensors(model, optimizer):
    state = [v for p in model.parameters() for v in optimizer.state[p].values() if isinstance(v, torch.Tensor)]
    return [*model.state_dict().values(), *state]


def copy_of(model, optimizer):
    return [t.detach().clone() for t in tensors(model, optimizer)]


def same(a, b):
    return len(a) == len(b) and all(torch.equal(x, y) and x.device == y.device for x, y in zip(a, b))


def open_run(folder, model, optimizer, max_epochs=8, ema=False, **options):
    recipe = {**RECIPE, "objective": {"ema": "auto" if ema else 0}}
    more = {name: options.pop(name) for name in ("scaler", "scheduler") if name in options}
    k = hottune.open(folder, recipe=recipe, comm=False, seed=3, max_epochs=max_epochs, plan=lambda text: None,
                     **options)
    return k, hottune.torch.attach(k, model, optimizer, _staged=DEVICE.type == "cpu", **more)


def batches(tuned, scaler=None):
    x, y = data(next(tuned.model.parameters()).dtype)
    for i in torch.randperm(128).to(DEVICE).split(32):
        tuned.optimizer.zero_grad()
        with torch.autocast(DEVICE.type, enabled=scaler is not None):
            loss = ((tuned.model(x[i])[:, 0] - y[i]) ** 2).mean()
        if scaler is None:
            loss.backward()
            tuned.optimizer.step()
        else:
            scaler.scale(loss).backward()
            scaler.step(tuned.optimizer)
            scaler.update()
        tuned.batch_end()


def loss_of(model):
    x, y = data(next(model.parameters()).dtype)
    return ((model(x)[:, 0] - y) ** 2).float().mean()


def rollback(folder, make, kind=torch.float32, ema=False):
    """After NaN the root comes back to the bit, into the same memory; lr is halved in all groups."""
    model = network(kind)
    optimizer = make([{"params": model[:3].parameters()}, {"params": model[3:].parameters(), "lr": 0.002}])
    first = float(optimizer.param_groups[0]["lr"])
    k, tuned = open_run(folder, model, optimizer, ema=ema)
    tuned.on_validate(lambda: loss_of(model))
    k.running()
    places = [t.data_ptr() for t in tensors(model, optimizer)]
    for _ in range(4):
        batches(tuned)
        tuned.epoch_end()
    root = copy_of(model, optimizer)
    with torch.no_grad():
        model[0].weight.fill_(float("nan"))
    batches(tuned)
    tuned.epoch_end()
    assert same(root, tensors(model, optimizer)), "the state differs"
    assert places == [t.data_ptr() for t in tensors(model, optimizer)], "tensors were replaced"
    lr, other = (float(g["lr"]) for g in optimizer.param_groups)
    assert lr < first and abs(other / 0.002 - lr / first) < 1e-6, (lr, other)
    k.close()


def best(folder, ema):
    """What show_best brings is what was validated when the loss was lowest."""
    model = network()
    k, tuned = open_run(folder, model, torch.optim.AdamW(model.parameters()), max_epochs=5, ema=ema)
    shown, losses = [], iter((5.0, 4.0, 1.0, 3.0, 3.0))

    @tuned.on_validate
    def validate():
        shown.append(copy.deepcopy(model.state_dict()))
        return next(losses)
    k.running()
    for _ in range(5):
        batches(tuned)
        trained = copy.deepcopy(model.state_dict())
        tuned.epoch_end()
        averaged = not torch.equal(trained["0.weight"], shown[-1]["0.weight"])
        assert averaged == ema, "averages are validated, if there are any"
    assert k.show_best()
    for name, value in model.state_dict().items():
        assert "num_batches" in name or torch.equal(value, shown[2][name]), name
    k.close()


def begin_anew(folder):
    """init is a function of the seed, and leaves the random state of CPU and GPU."""
    model = network()
    optimizer = torch.optim.Adam(model.parameters())
    begin = []
    k = hottune.open(folder, recipe=RECIPE, comm=False, max_epochs=4, plan=lambda text: None)
    k.on_init = begin.append
    hottune.torch.attach(k, model, optimizer, _staged=DEVICE.type == "cpu")
    before = torch.get_rng_state(), torch.cuda.get_rng_state() if DEVICE.type == "cuda" else torch.zeros(1)
    begin[0](11)
    after = torch.get_rng_state(), torch.cuda.get_rng_state() if DEVICE.type == "cuda" else torch.zeros(1)
    one = copy_of(model, optimizer)
    assert all(torch.equal(a, b) for a, b in zip(before, after))
    loss_of(model).backward()
    optimizer.step()
    begin[0](11)
    assert same(one, tensors(model, optimizer))
    k.close()


def resumed(folder):
    """A run that left ends as one that did not: weights, moments, schedule, dropout on the device."""
    def run(where, leave_after):
        model = network()
        optimizer = torch.optim.RMSprop(model.parameters(), 0.01, momentum=0.9)
        scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 8)
        k, tuned = open_run(where, model, optimizer, resume=True, leave=(signal.SIGUSR1,), scheduler=scheduler)
        tuned.on_validate(lambda: loss_of(model))
        while k.running():
            if tuned.epochs == leave_after:
                os.kill(os.getpid(), signal.SIGUSR1)
            batches(tuned)
            scheduler.step()
            tuned.epoch_end()
        k.close()
        return k.has_left, tuned.epochs, copy_of(model, optimizer)
    whole = run(folder + "/a", -1)
    assert run(folder + "/b", 3)[0], "it did not leave"
    torch.rand(5, device=DEVICE)
    again = run(folder + "/b", -1)
    assert again[:2] == whole[:2] and same(again[2], whole[2]), "they differ"


def scaled(folder):
    """The scale of a GradScaler is part of the state."""
    make = getattr(torch.amp, "GradScaler", None) or torch.cuda.amp.GradScaler      # before torch 2.3
    scaler = make(init_scale=1024.0, growth_interval=4)
    model = network()
    k, tuned = open_run(folder, model, torch.optim.AdamW(model.parameters()), scaler=scaler)
    tuned.on_validate(lambda: loss_of(model))
    k.running()
    for _ in range(3):
        batches(tuned, scaler)
        tuned.epoch_end()
    scale = scaler.get_scale()
    assert scale > 1024
    with torch.no_grad():
        model[0].weight.fill_(float("nan"))
    batches(tuned, scaler)
    assert scaler.get_scale() < scale
    tuned.epoch_end()
    assert scaler.get_scale() == scale, (scaler.get_scale(), scale)
    k.close()


def first_steps(make):
    """Steps after the state was made are those of the optimizer alone."""
    model = network()
    alone = copy.deepcopy(model)
    optimizer, plain = make(model.parameters()), make(alone.parameters())
    Moments(optimizer, None)
    for _ in range(3):
        for m, o in ((model, optimizer), (alone, plain)):
            torch.manual_seed(5)
            o.zero_grad()
            loss_of(m).backward()
            o.step()
    assert same(tensors(model, optimizer), tensors(alone, plain))


def cost(folder):
    """Seconds that fetch and store of a state of 48 million parameters take (AdamW: three times that)."""
    model = nn.Sequential(*(nn.Linear(4000, 4000, bias=False) for _ in range(3))).to(DEVICE)
    k, tuned = open_run(folder, model, torch.optim.AdamW(model.parameters()))
    for name, call in (("fetch all", lambda: tuned._fetch(False)), ("fetch weights", lambda: tuned._fetch(True)),
                       ("store all", lambda: tuned._store(False))):
        call()
        begin = time.perf_counter()
        for _ in range(5):
            call()
        print(f"     {name}: {(time.perf_counter() - begin) / 5 * 1e3:.1f} ms")
    print(f"     state: {sum(p.row.numel() * p.row.element_size() for p in tuned._parts) / 2**20:.0f} MiB")
    k.close()


def checks():
    optim, cuda = torch.optim, DEVICE.type == "cuda"
    makers = {"SGD": lambda p: optim.SGD(p, 0.1), "momentum": lambda p: optim.SGD(p, 0.1, 0.9),
              "AdamW amsgrad": lambda p: optim.AdamW(p, 0.01, amsgrad=True), "RMSprop": lambda p: optim.RMSprop(p, 0.01)}
    if cuda:
        makers["Adam fused"] = lambda p: optim.Adam(p, 0.01, fused=True)
        makers["Adam capturable"] = lambda p: optim.Adam(p, 0.01, capturable=True)
    for name, make in makers.items():
        yield f"first steps, {name}", lambda folder, make=make: first_steps(make)
        yield f"rollback, {name}", lambda folder, make=make: rollback(folder, make)
    yield "rollback, averaged weights", lambda folder: rollback(folder, makers["momentum"], ema=True)
    yield "rollback, bfloat16", lambda folder: rollback(folder, makers["momentum"], torch.bfloat16)
    if cuda:
        yield "rollback, float16", lambda folder: rollback(folder, makers["momentum"], torch.float16)
        yield "GradScaler", scaled
    yield "best weights", lambda folder: best(folder, False)
    yield "best averaged weights", lambda folder: best(folder, True)
    yield "begun anew", begin_anew
    yield "resumed", resumed
    if cuda:
        yield "cost", cost


def main():
    torch.use_deterministic_algorithms(True, warn_only=True)
    print(f"torch {torch.__version__}, {torch.cuda.get_device_name() if DEVICE.type == 'cuda' else 'CPU'}")
    failed = 0
    for name, check in checks():
        with tempfile.TemporaryDirectory() as folder:
            try:
                check(folder)
                print(f"PASS {name}", flush=True)
            except Exception:
                failed += 1
                print(f"FAIL {name}\n{traceback.format_exc()}", flush=True)
    print(f"{failed} failed" if failed else "all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
