"""Ordinary BERT models, live: fresh random models of every class of transformers, and the real MiniLM.

Three seeds of the golden folders (tests/golden/make/bert_cases.py): the C++ test of those compares states, logits,
loss, gradients and 20 AdamW steps. Then the program imports a random model of each class, and `tokenize`, `embed`,
`classify` and `fill-mask` are compared with transformers on random texts and pairs.
"""

import contextlib
import io
import os
import random
import subprocess

import torch
import transformers
from transformers import AutoTokenizer, FillMaskPipeline

import fill_mask
import minilm
import tools

# Of tests/golden/make, which tools puts on the path.
import bert_cases
import bert_folders
import store

SEEDS = (20_000, 30_000, 40_000)
WORDS = [word.removeprefix("##") for word in bert_folders.VOCABULARY[5:]]
WORDS += ["Gärdener", "unknown", "TREES", "pruned", "wallflower"]
LABELS = {"id2label": {0: "fruit", 1: "wood", 2: "wall"}, "label2id": {"fruit": 0, "wood": 1, "wall": 2}}
MODELS = {"BertModel": {}, "BertForMaskedLM": {}, "BertForPreTraining": {}, "BertForSequenceClassification": LABELS,
          "DistilBertModel": {}, "DistilBertForMaskedLM": {}, "DistilBertForSequenceClassification": LABELS}


def _against_goldens(program, scratch):
    """The C++ test of tests/golden/bert on folders of other seeds."""
    test = os.path.join(os.path.dirname(program.binary), "tests", "test_train")
    tools.expect(os.path.isfile(test), f"{test} is missing; tests/run.sh builds it")
    for seed in SEEDS:
        store.OUT = os.path.join(scratch, str(seed))
        with contextlib.redirect_stdout(io.StringIO()):
            bert_cases.make(seed)
        done = subprocess.run([test, "--source-file=*bert_golden_test.cc"], capture_output=True, text=True, check=False,
                              env=dict(os.environ, ESPALIER_GOLDEN_DIR=store.OUT))
        tools.expect(done.returncode == 0, f"seed {seed}:\n{done.stdout}")
    return f"{len(bert_cases.CASES)} models x {len(SEEDS)} seeds with gradients and 20 steps"


def random_model(folder, class_name, draw):
    family = "distilbert" if class_name.startswith("Distil") else "bert"
    heads = draw.choice((1, 2, 4))
    config = bert_folders.configuration(family, 8 * heads, heads, draw.choice(("gelu", "gelu_new", "relu")),
                                        **MODELS[class_name])
    model = bert_folders.build(class_name, config, draw.randrange(1 << 30))
    tokenizer = ("DistilBertTokenizer" if family == "distilbert" else "BertTokenizer", draw.random() < 0.5)
    dtype = draw.choice((torch.float32, torch.float16, torch.bfloat16))
    return bert_folders.write(folder, model, dtype=dtype, shards=draw.random() < 0.3, tokenizer=tokenizer)


def _text(draw, most=30):
    return " ".join(draw.choice(WORDS) for _ in range(draw.randrange(1, most)))


def _expect_tokens(program, file, tokenizer, pairs, scratch):
    rows = os.path.join(scratch, "rows.jsonl")
    tools.write_jsonl(rows, [{"text": a} if b is None else {"text": a, "pair": b} for a, b in pairs])
    found = program.json_lines("tokenize", file, "--file", rows, "--json")
    for (a, b), row in zip(pairs, found, strict=True):
        encoding = tokenizer(a) if b is None else tokenizer(a, b)
        expected = {"ids": encoding["input_ids"], "tokens": tokenizer.convert_ids_to_tokens(encoding["input_ids"])}
        if "token_type_ids" in encoding:
            expected["types"] = encoding["token_type_ids"]
        for key, value in expected.items():
            tools.expect(row.get(key) == value, f"tokenize {a!r}, {b!r}: {key} {row.get(key)}, expected {value}")


def relative_error(found, expected):
    """max |found - expected| / max |expected|."""
    found, expected = torch.as_tensor(found, dtype=torch.float64), torch.as_tensor(expected, dtype=torch.float64)
    return ((found - expected).abs().max() / expected.abs().max()).item()


def _expect_embed(program, file, model, tokenizer, texts):
    with torch.no_grad():
        states = [model.base_model(**tokenizer(text, truncation=True, return_tensors="pt")).last_hidden_state[0]
                  for text in texts]
    worst = 0.0
    for pooling, pooled in (("mean", [s.mean(0) for s in states]), ("first", [s[0] for s in states])):
        found = program.json_lines("embed", file, *texts, "--pooling", pooling)
        for row, expected in zip(found, pooled, strict=True):
            worst = max(worst, relative_error(row["embedding"], expected))
    tools.expect(worst < 5e-6, f"embed: relative error {worst}")
    return worst


def _expect_classify(program, file, model, tokenizer, pairs, scratch):
    rows, worst = os.path.join(scratch, "pairs.jsonl"), 0.0
    tools.write_jsonl(rows, [{"text": a, "other": b} for a, b in pairs])
    singles = program.json_document("classify", file, *[a for a, _ in pairs], "--json")
    both = program.json_document("classify", file, "--file", rows, "--text-column", "text", "--pair-column", "other",
                                 "--json")
    for (a, b), single, pair in zip(pairs, singles, both, strict=True):
        for given, row in (((a,), single), ((a, b), pair)):
            with torch.no_grad():
                logits = model(**tokenizer(*given, truncation=True, return_tensors="pt")).logits[0]
            names = [model.config.id2label[i] for i in range(len(logits))]
            tools.expect(row["label"] == names[int(logits.argmax())], f"classify {given}: {row}, logits {logits}")
            worst = max(worst, relative_error([row["probabilities"][name] for name in names], logits.softmax(-1)))
    tools.expect(worst < 5e-6, f"classify: relative error {worst}")
    return worst


def _expect_fill_mask(program, file, model, tokenizer, texts):
    pipeline = FillMaskPipeline(model=model, tokenizer=tokenizer, device=torch.device("cpu"))
    found = program.json_document("fill-mask", file, *texts, "--top", 5, "--json")
    fill_mask.expect_same(found, pipeline(texts, top_k=5), f"fill-mask {file}")


def _check_model(program, scratch, class_name, seed):
    """Returns (relative error of embeddings, of probabilities)."""
    draw = random.Random(f"{class_name} {seed}")
    folder, file = os.path.join(scratch, f"{class_name}-{seed}"), os.path.join(scratch, f"{class_name}-{seed}.h5")
    model = random_model(folder, class_name, draw)
    program.run("import", folder, file)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [_text(draw) for _ in range(12)] + ["", "tree"]
    pairs = [(text, _text(draw)) for text in texts if text]
    _expect_tokens(program, file, tokenizer, [(text, None) for text in texts] + pairs, scratch)
    embed = _expect_embed(program, file, model, tokenizer, texts)
    classify = 0.0
    if class_name.endswith("Classification"):
        classify = _expect_classify(program, file, model, tokenizer, pairs, scratch)
    if class_name.endswith("MaskedLM"):
        masked = [f"{_text(draw, 9)} [MASK] {_text(draw, 9)}", "[MASK]", "the [MASK] and a [MASK] of trees"]
        _expect_fill_mask(program, file, model, tokenizer, masked)
    return embed, classify


def check(program, scratch):
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    told = [_against_goldens(program, scratch)]
    errors = [_check_model(program, scratch, class_name, seed) for class_name in MODELS for seed in SEEDS]
    told.append(f"{len(errors)} random models: embed {max(e for e, _ in errors):.1e}, "
                f"classify {max(c for _, c in errors):.1e} relative, fill-mask and tokenize equal")
    told.append(minilm.check(program, scratch))
    return "; ".join(told)


if __name__ == "__main__":
    tools.main("bert", check)
