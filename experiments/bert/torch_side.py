"""What others take for the work of speed.py, each case in a process of its own; prints one JSON object.

    torch_side.py finetune MODEL TABLE STEPS BATCH eager|compiled
    torch_side.py embed MODEL TEXTS sentence-transformers|onnxruntime
    torch_side.py sentence MODEL TEXT COUNT
    torch_side.py load MODEL
    torch_side.py recipe MODEL TRAIN DEV SEED

Settings are the best that were found on two cores: as many threads as cores, fused AdamW, batches of like length.
"""

import json
import os
import sys
import time
from importlib.metadata import version

THREADS = int(os.environ.get("SPEED_THREADS", "2"))


def grouped(order, lengths, batch, chunk=50):
    """Batches of like length out of a random order, as transformers' LengthGroupedSampler and ours make them."""
    result = []
    for begin in range(0, len(order), chunk * batch):
        part = sorted(order[begin : begin + chunk * batch], key=lambda i: -lengths[i])
        result += [part[i : i + batch] for i in range(0, len(part), batch)]
    return result


def adamw(network, rate):
    """The groups of transformers' Trainer: no decay of biases and LayerNorms."""
    import torch

    parameters = list(network.named_parameters())
    plain = [p for n, p in parameters if n.endswith("bias") or "LayerNorm" in n]
    decayed = [p for n, p in parameters if not (n.endswith("bias") or "LayerNorm" in n)]
    groups = [{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.999), eps=1e-8, fused=True)


def encoded(tokenizer, rows):
    """One batch as run_glue.py encodes it, at most 128 tokens."""
    pairs = [r["pair"] for r in rows] if "pair" in rows[0] else None
    return tokenizer([r["text"] for r in rows], pairs, padding=True, truncation=True, max_length=128,
                     return_tensors="pt")


def finetune(model, table, steps, batch, mode):
    import random

    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.set_num_threads(THREADS)
    torch.set_flush_denormal(True)
    rows = [json.loads(line) for line in open(table, encoding="utf-8")]
    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForSequenceClassification.from_pretrained(model, num_labels=2).train()
    optimizer = adamw(network, 2e-5)
    run = torch.compile(network, dynamic=True) if mode == "compiled" else network
    order = list(range(len(rows)))
    random.Random(1).shuffle(order)
    lengths = [len(r["text"]) + len(r.get("pair", "")) for r in rows]
    batches = grouped(order, lengths, batch)
    random.Random(2).shuffle(batches)

    def step(indices):
        part = [rows[i] for i in indices]
        loss = run(**encoded(tokenizer, part), labels=torch.tensor([r["label"] for r in part])).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()

    for indices in batches[:5]:
        step(indices)
    begin = time.perf_counter()
    for indices in batches[5 : 5 + steps]:
        step(indices)
    return {"seconds": time.perf_counter() - begin, "steps": steps}


def recipe(model, train, dev, seed):
    """All of configs/glue/bert.yaml, seeded; label, prediction and its probability of each row of the dev set."""
    import random

    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, set_seed
    from transformers import get_linear_schedule_with_warmup

    torch.set_num_threads(THREADS)
    set_seed(int(seed))
    rows, scored = ([json.loads(line) for line in open(path, encoding="utf-8")] for path in (train, dev))
    tokenizer = AutoTokenizer.from_pretrained(model)
    network = AutoModelForSequenceClassification.from_pretrained(model, num_labels=2).train()
    optimizer, batch, epochs = adamw(network, 5e-5), 16, 3
    steps = epochs * -(-len(rows) // batch)
    schedule = get_linear_schedule_with_warmup(optimizer, 0, steps)
    lengths = [len(r["text"]) + len(r.get("pair", "")) for r in rows]
    for _ in range(epochs):
        order = list(range(len(rows)))
        random.shuffle(order)
        batches = grouped(order, lengths, batch)
        random.shuffle(batches)
        for indices in batches:
            part = [rows[i] for i in indices]
            network(**encoded(tokenizer, part), labels=torch.tensor([r["label"] for r in part])).loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    network.eval()
    predictions = []
    with torch.no_grad():
        for begin in range(0, len(scored), batch):
            part = scored[begin : begin + batch]
            found = network(**encoded(tokenizer, part)).logits.softmax(1).max(1)
            predictions += [[r["label"], int(k), float(p)] for r, k, p in zip(part, found.indices, found.values)]
    return {"predictions": predictions}


class OnnxEncoder:
    """The model by ONNX Runtime in float32, exported by torch.onnx once; mean and normalised."""

    def __init__(self, model):
        import onnxruntime
        import torch
        from tokenizers import Tokenizer
        from transformers import AutoModel

        path = os.path.join(os.environ["BERT_SCRATCH"], f"model-torch-{version('torch')}.onnx")
        if not os.path.exists(path):
            class Positional(torch.nn.Module):
                """Exporting passes tensors by position; the model in transformers 5 takes them by name."""

                def __init__(self):
                    super().__init__()
                    self.model = AutoModel.from_pretrained(model, attn_implementation="eager").eval()

                def forward(self, ids, mask, types):
                    return self.model(input_ids=ids, attention_mask=mask, token_type_ids=types).last_hidden_state

            example = {k: torch.ones((2, 8), dtype=torch.int64) for k in ("input_ids", "attention_mask", "token_type_ids")}
            axes = {k: {0: "batch", 1: "length"} for k in [*example, "last_hidden_state"]}
            torch.onnx.export(Positional(), (example["input_ids"], example["attention_mask"], example["token_type_ids"]),
                              path, input_names=list(example), output_names=["last_hidden_state"], dynamic_axes=axes,
                              dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.tokenizer = Tokenizer.from_file(os.path.join(model, "tokenizer.json"))
        self.tokenizer.enable_truncation(256)
        self.tokenizer.no_padding()

    def encode(self, texts, batch=32):
        import numpy

        encoded = self.tokenizer.encode_batch(texts)
        order = sorted(range(len(texts)), key=lambda i: len(encoded[i].ids))
        result = numpy.zeros((len(texts), 384), numpy.float32)
        for begin in range(0, len(order), batch):
            part = order[begin : begin + batch]
            longest = max(len(encoded[i].ids) for i in part)
            ids = numpy.zeros((len(part), longest), numpy.int64)
            mask = numpy.zeros((len(part), longest), numpy.int64)
            for row, i in enumerate(part):
                ids[row, : len(encoded[i].ids)] = encoded[i].ids
                mask[row, : len(encoded[i].ids)] = 1
            hidden = self.session.run(None, {"input_ids": ids, "attention_mask": mask,
                                             "token_type_ids": numpy.zeros_like(ids)})[0]
            pooled = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
            result[part] = pooled / numpy.linalg.norm(pooled, axis=1, keepdims=True)
        return result


def encoder(model, kind):
    if kind == "onnxruntime":
        return OnnxEncoder(model)
    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(THREADS)
    return SentenceTransformer(model, device="cpu")


def embed(model, texts, kind):
    import numpy

    lines = open(texts, encoding="utf-8").read().splitlines()
    encode = encoder(model, kind).encode
    encode(lines[:64])
    begin = time.perf_counter()
    vectors = encode(lines)
    seconds = time.perf_counter() - begin
    numpy.save(os.path.join(os.environ["BERT_SCRATCH"], kind + ".npy"), vectors)
    return {"seconds": seconds, "texts": len(lines)}


def sentence(model, text, count):
    encode = encoder(model, "onnxruntime").encode
    encode([text] * 64)
    begin = time.perf_counter()
    for _ in range(int(count)):
        encode([text])
    return {"seconds": (time.perf_counter() - begin) / int(count)}


def load(model):
    encoder(model, "sentence-transformers").encode(["a small tree"])
    return {}


def main():
    case, arguments = sys.argv[1], sys.argv[2:]
    if case == "finetune":
        model, table, steps, batch, mode = arguments
        result = finetune(model, table, int(steps), int(batch), mode)
    else:
        result = {"embed": embed, "sentence": sentence, "load": load, "recipe": recipe}[case](*arguments)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
