"""A small Hugging Face training, for test_hf.py and for what it starts under mpirun; nothing is downloaded."""
import inspect
import os
import sys
import warnings

os.environ["HF_HUB_OFFLINE"] = "1"
warnings.filterwarnings("ignore")
from hottune.hf import HotTuneCallback         # before TrainingArguments are made

import torch
import transformers
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
ARGUMENTS = inspect.signature(TrainingArguments).parameters
EVAL = "eval_strategy" if "eval_strategy" in ARGUMENTS else "evaluation_strategy"
__all__ = ["Counted", "HotTuneCallback", "model", "say", "torch", "trainer", "transformers"]


def data(seed, n):
    """Sequences of which each number follows from the first."""
    g = torch.Generator().manual_seed(seed)
    rows = [torch.tensor([(a * k + k * k) % 16 for k in range(12)])
            for a in torch.randint(0, 8, (n,), generator=g).tolist()]
    return [{"input_ids": row, "labels": row} for row in rows]


def model():
    torch.manual_seed(1)
    return GPT2LMHeadModel(GPT2Config(vocab_size=16, n_positions=12, n_embd=16, n_layer=1, n_head=2, resid_pdrop=0,
                                      embd_pdrop=0, attn_pdrop=0))


class Counted(Trainer):
    """Counts its validations, and remembers the rates it trained with."""

    validated, rates = 0, ()

    def evaluation_loop(self, *arguments, **named):
        self.validated += 1
        return super().evaluation_loop(*arguments, **named)

    def training_step(self, *arguments, **named):
        self.rates += (self.optimizer.param_groups[0]["lr"],)
        return super().training_step(*arguments, **named)


def trainer(tune, folder, *callbacks, epochs=3, kind=Counted, **options):
    options = {EVAL: "epoch", "save_strategy": "no", "lr_scheduler_type": "constant", **options}
    if "use_cpu" in ARGUMENTS:
        options["use_cpu"] = True
    arguments = TrainingArguments(output_dir=folder, num_train_epochs=epochs, per_device_train_batch_size=16,
                                  learning_rate=3e-3, report_to=[], disable_tqdm=True, logging_steps=4, **options)
    t = kind(model=model(), args=arguments, train_dataset=data(1, 128), eval_dataset=data(2, 64),
             callbacks=[tune, *callbacks])
    t.remove_callback(transformers.PrinterCallback)
    return t


def say(*words):
    """A whole line at once: mpirun mixes what ranks write in pieces."""
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()
