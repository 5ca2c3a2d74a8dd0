"""Which tokens and components carry the length of MiniLM's feedforward outputs (transformers, 300 real sentences).

    ESPALIER_DATA=DIR BERT_MODEL=MODEL python experiments/bert/distill_norms.py
"""

import gzip
import os

import torch
from transformers import AutoModel, AutoTokenizer

MODEL = os.environ["BERT_MODEL"]
tokenizer, model = AutoTokenizer.from_pretrained(MODEL), AutoModel.from_pretrained(MODEL).eval()
with gzip.open(os.path.join(os.environ["ESPALIER_DATA"], "corpus", "movie_reviews.txt.gz"), "rt", encoding="utf-8") as file:
    lines = [line.strip() for line in file if 5 < len(line.split()) < 30][:300]
batch = tokenizer(lines, padding=True, return_tensors="pt")
seen = batch["attention_mask"].bool()
ids = batch["input_ids"][seen]
special = (ids == tokenizer.cls_token_id) | (ids == tokenizer.sep_token_id)
outputs = []
for layer in model.encoder.layer:
    layer.output.dense.register_forward_hook(lambda module, inputs, output: outputs.append(output[seen]))
with torch.no_grad():
    model(**batch)
print(f"[CLS] and [SEP] are {special.float().mean():.2f} of the tokens")
for index, y in enumerate(outputs):
    squares = y.pow(2)
    print(f"layer {index}: of |y|^2 they have {squares[special].sum() / squares.sum():.2f}, four components of "
          f"{y.shape[1]} {squares.sum(0).topk(4).values.sum() / squares.sum():.2f}, "
          f"the mean {y.mean(0).pow(2).sum() / squares.mean(0).sum():.2f}")
