"""A small GPT-2 that spells: trained with Hugging Face's Trainer on Debian's list of words, tuned by one callback.

    mpirun -n 5 python3 hf_tiny.py                  # one coordinator and four replicas, one core each
    python3 hf_tiny.py                              # one training
    python3 hf_tiny.py --static                     # without the callback

Nothing is downloaded: the model begins from a configuration, the words are those of the package wamerican. The last lines
say what the best weights are worth, and show words that they make up. docs/huggingface.md tells what the callback does.
"""
import argparse
import os
import random

os.environ.setdefault("OMP_NUM_THREADS", "1")       # a rank is one core; before torch is loaded
os.environ["HF_HUB_OFFLINE"] = "1"
from hottune.hf import HotTuneCallback              # before TrainingArguments are made

import torch
import transformers
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

TRAIN, VALIDATION, BATCH, LONGEST = 6000, 1500, 50, 12
LETTERS = "_abcdefghijklmnopqrstuvwxyz"             # _ begins and ends a word
RECIPE = {
    "population": {"mode": "pooled"},
    "acceptance": {"epsilon": 0},
    "actuators": {"opt": {"mutations": {"lr_mult": {"bounds": [0.5, 1.3], "range": [1e-4, 3e-2]},
                                        "wd_mult": {"bounds": [0.5, 2.0], "range": [1e-4, 1.0]}}}},
}


def words(path):
    """Words of the training and of the validation, as rows of numbers; what follows the end does not count."""
    with open(path, encoding="utf-8") as f:
        found = sorted({w for w in f.read().split() if w.isascii() and w.isalpha() and w.islower()
                        and 3 <= len(w) <= LONGEST})
    random.Random(1).shuffle(found)

    def row(word):
        ids = [LETTERS.index(c) for c in f"_{word}_"]
        rest = LONGEST + 2 - len(ids)
        return {"input_ids": torch.tensor(ids + [0] * rest), "labels": torch.tensor(ids + [-100] * rest)}
    rows = [row(w) for w in found[:TRAIN + VALIDATION]]
    return rows[:TRAIN], rows[TRAIN:]


def make_up(model, n):
    """Words that the model spells."""
    model.eval()
    torch.manual_seed(1)
    made = torch.zeros(n, 1, dtype=torch.long)
    with torch.no_grad():
        for _ in range(LONGEST):
            chance = model(made).logits[:, -1].softmax(-1)
            made = torch.cat([made, torch.multinomial(chance, 1)], 1)
    return ["".join(LETTERS[i] for i in row[1:]).split("_")[0] for row in made.tolist()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("dir", nargs="?", default="runs/hf-tiny")
    parser.add_argument("--static", action="store_true", help="without the callback")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--words", default="/usr/share/dict/words")
    args = parser.parse_args()
    transformers.logging.set_verbosity_error()

    train, validation = words(args.words)
    torch.manual_seed(args.seed)
    model = GPT2LMHeadModel(GPT2Config(vocab_size=len(LETTERS), n_positions=LONGEST + 2, n_embd=32, n_layer=2, n_head=4,
                                       resid_pdrop=0, embd_pdrop=0, attn_pdrop=0))
    tune = None if args.static else HotTuneCallback(args.dir, RECIPE, seed=args.seed, plan=print)
    trainer = Trainer(
        model=model, train_dataset=train, eval_dataset=validation, callbacks=[tune] if tune else None,
        args=TrainingArguments(
            output_dir=tune.dir if tune else args.dir, num_train_epochs=args.epochs, eval_strategy="epoch",
            per_device_train_batch_size=BATCH, per_device_eval_batch_size=500, learning_rate=1e-3, weight_decay=1e-2,
            lr_scheduler_type="constant", save_strategy="no", report_to=[], disable_tqdm=True, use_cpu=True))
    trainer.remove_callback(transformers.PrinterCallback)
    trainer.train()

    if args.static or tune.is_champion:     # the model has the best weights of the whole run
        loss = trainer.evaluate()["eval_loss"]
        print(f"{'static' if args.static else 'champion'}: validation loss {loss:.4f}")
        print("it spells:", " ".join(make_up(model, 10)))


if __name__ == "__main__":
    main()
