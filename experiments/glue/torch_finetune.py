"""Fine-tunes in PyTorch over the batches that one of our runs logged (`log.lines`), from the weights of a Hugging Face
folder; prints loss, seconds and tokens of every step as JSON. The model is that of experiments/speed, with the
classifier's head."""

import argparse
import json
import os
import sys
import time

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../speed"), os.path.join(HERE, "../lib")]
import glue_rows  # noqa: E402
import torch_model  # noqa: E402

MAX_LENGTH = 128


def batches(metrics, rows, tokenizer, steps):
    """(ids, mask, labels), padded to the longest, of the first steps."""
    with open(metrics, encoding="utf-8") as file:
        logged = [line["lines"] for line in map(json.loads, file) if "lines" in line][:steps]
    for lines in logged:
        texts = tokenizer.encode_batch([rows[line][:2] for line in lines])
        ids, mask = (torch.tensor([getattr(text, field) for text in texts]) for field in ("ids", "attention_mask"))
        yield ids, mask.float(), torch.tensor([int(rows[line][2]) for line in lines])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("metrics")
    parser.add_argument("train")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--form", choices=["eager", "compiled"], default="eager")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    compiled = arguments.form == "compiled"
    model = torch_model.load(arguments.folder, fused=compiled)
    tokenizer = Tokenizer.from_file(os.path.join(arguments.folder, "tokenizer.json"))
    tokenizer.enable_truncation(MAX_LENGTH)
    tokenizer.enable_padding(pad_id=tokenizer.token_to_id("<pad>"), pad_token="<pad>")
    optimizer = torch.optim.AdamW(model.parameters(), lr=4e-5, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.0,
                                  fused=True)

    def loss_of(ids, mask, labels):
        return F.cross_entropy(model(ids, mask), labels)

    # Batches differ in length: one compilation for all.
    step_loss = torch.compile(loss_of, dynamic=True) if compiled else loss_of
    steps = []
    rows = glue_rows.read(arguments.train, ["#1 String", "#2 String", "Quality"])
    for ids, mask, labels in batches(arguments.metrics, rows, tokenizer, arguments.steps):
        begin = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = step_loss(ids, mask, labels)
        loss.backward()
        optimizer.step()
        steps.append({"loss": loss.item(), "seconds": time.perf_counter() - begin, "tokens": int(mask.sum()),
                      "positions": mask.numel()})
    print(json.dumps({"torch": torch.__version__, "form": arguments.form, "steps": steps}))


if __name__ == "__main__":
    main()
