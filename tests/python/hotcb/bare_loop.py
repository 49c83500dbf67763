"""A bare PyTorch loop as users of hotcb write it: Adam, a scheduler, two losses whose weights may be tuned."""
import sys

import torch
from hotcb import HotKernel
from hotcb.actuators import loss_actuators, mutable_state, optimizer_actuators

EPOCHS, STEPS = 10, 6


def main(run_dir, recipe):
    torch.manual_seed(7)
    x, held = torch.randn(192, 8), torch.randn(256, 8)

    def target(inputs):
        return torch.sin(inputs[:, :1]) + 0.5 * inputs[:, 1:2]

    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.5)
    weights = {"mse": 1.0, "l1": 0.1}
    kernel = HotKernel(
        run_dir=run_dir,
        debounce_steps=1,
        tune_recipe_path=recipe,
        mutable_state=mutable_state(optimizer_actuators(optimizer) + loss_actuators(weights)),
    )
    step, latest = 0, {}
    for epoch in range(EPOCHS):
        model.train()
        for batch in torch.randperm(len(x)).chunk(STEPS):
            step += 1
            optimizer.zero_grad()
            pred = model(x[batch])
            loss = weights["mse"] * torch.nn.functional.mse_loss(pred, target(x[batch]))
            loss = loss + weights["l1"] * torch.nn.functional.l1_loss(pred, target(x[batch]))
            loss.backward()
            optimizer.step()
            kernel.apply(
                env={"framework": "torch", "phase": "train", "step": step, "epoch": epoch, "model": model,
                     "optimizer": optimizer, "loss": loss, "log": print},
                events=["train_step_end"],
            )
        scheduler.step()
        model.eval()
        with torch.no_grad():
            latest["val/loss"] = torch.nn.functional.mse_loss(model(held), target(held))
        kernel.apply(
            env={"phase": "val", "step": step, "epoch": epoch, "optimizer": optimizer, "scheduler": scheduler,
                 "max_steps": EPOCHS * STEPS, "metric": lambda name, default=None: latest.get(name, default)},
            events=["val_epoch_end"],
        )
    kernel.close(env={"step": step, "epoch": EPOCHS})
    sys.stdout.write(f"done {float(latest['val/loss']):.4f} lr {optimizer.param_groups[0]['lr']:.6f} {weights}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
