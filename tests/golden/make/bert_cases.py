"""Ordinary BERT models by transformers: whole folders with what it computes of them. See ../README.md."""

import os

import torch
import transformers

import bert_batches
import bert_folders
import bert_results
import bert_texts
import store

HALF, BFLOAT = torch.float16, torch.bfloat16
TRAINER = dict(type="AdamW", lr=1e-3, betas=[0.9, 0.999], eps=1e-8, weight_decay=0.01, clip=None,
               steps=bert_results.STEPS)
CLIPPED = dict(TRAINER, clip=1.0)
LABELS = {"id2label": {0: "fruit", 1: "wood", 2: "wall"}, "label2id": {"fruit": 0, "wood": 1, "wall": 2}}
ONE = {"num_labels": 1}

# name: class, (width, heads, activation), more of the configuration, form of the folder, batch, optimizer settings.
# Every value of every column meets the others in as few models as do.
CASES = {
    "bert_model": ("BertModel", (16, 4, "gelu"), {}, dict(position_ids=True, tokenizer=("BertTokenizer", True)),
                   dict(pairs=True, padded=True, labels=0), None),
    "bert_model_prefixed": ("BertModel", (16, 1, "relu"), {"layer_norm_eps": 1e-5},
                            dict(prefix=("", "bert."), old_norms=True, dtype=BFLOAT, shards=True),
                            dict(pairs=False, padded=False, labels=0), None),
    "bert_masked_lm": ("BertForMaskedLM", (32, 4, "gelu"), {}, dict(tokenizer=("BertTokenizer", True)),
                       dict(pairs=True, padded=True, labels="words"), TRAINER),
    "bert_masked_lm_bare": ("BertForMaskedLM", (16, 2, "gelu_new"), {"layer_norm_eps": 1e-5},
                            dict(prefix=("bert.", ""), old_norms=True, decoder=True, position_ids=True),
                            dict(pairs=False, padded=False, labels="words"), TRAINER),
    "bert_pretraining": ("BertForPreTraining", (16, 1, "gelu_new"), {},
                         dict(dtype=HALF, decoder=True, old_norms=True),
                         dict(pairs=True, padded=True, labels="words"), None),
    "bert_classifier": ("BertForSequenceClassification", (24, 2, "relu"), LABELS,
                        dict(tokenizer=("BertTokenizer", False)),
                        dict(pairs=True, padded=True, labels=3), CLIPPED),
    "bert_regression": ("BertForSequenceClassification", (16, 1, "gelu_new"), ONE,
                        dict(dtype=BFLOAT, shards=True, position_ids=True),
                        dict(pairs=False, padded=False, labels=1), TRAINER),
    "distilbert_model": ("DistilBertModel", (16, 2, "gelu"), {}, dict(dtype=HALF, shards=True),
                         dict(pairs=False, padded=True, labels=0), None),
    "distilbert_masked_lm": ("DistilBertForMaskedLM", (16, 4, "gelu"), {},
                             dict(tokenizer=("DistilBertTokenizer", False)),
                             dict(pairs=False, padded=True, labels="words"), TRAINER),
    "distilbert_classifier": ("DistilBertForSequenceClassification", (24, 1, "relu"), LABELS,
                              dict(dtype=BFLOAT, tokenizer=("DistilBertTokenizer", True)),
                              dict(pairs=False, padded=True, labels=3), CLIPPED),
    "distilbert_regression": ("DistilBertForSequenceClassification", (16, 2, "gelu"), ONE,
                              dict(prefix=("distilbert.", "")),
                              dict(pairs=False, padded=False, labels=1), TRAINER),
}


def _attention_group(name):
    """Query, key and value have one scale: the gradient of a key's bias is zero but for rounding."""
    for part in ("self.query", "self.key", "self.value", "q_lin", "k_lin", "v_lin"):
        name = name.replace(f".{part}.", ".qkv.")
    return name


def _is_key_bias(name):
    """It changes no result, so its gradient is rounding noise, of which AdamW makes whole steps."""
    return name.endswith((".key.bias", ".k_lin.bias"))


def _errors(single, double):
    """PyTorch's own float32 errors as rows {tensor, max_abs, scale}: `scale` is the greatest entry, of query, key and
    value together."""
    scales = {}
    for name, value in double.items():
        group = _attention_group(name)
        scales[group] = max(scales.get(group, 0.0), value.abs().max().item())
    return [{"tensor": name, "max_abs": float(f"{store.error(single[name], double[name])['max_abs']:.3g}"),
             "scale": float(f"{scales[_attention_group(name)]:.3g}")} for name in double]


def _worst(errors):
    """The greatest relative error of each kind of result; in `final` without the biases of keys."""
    kinds = {}
    for row in errors:
        name = row["tensor"]
        kind = name if name.startswith("output/") else name.split("/")[0]
        if row["scale"] > 0 and not (kind == "final" and _is_key_bias(name)):
            kinds[kind] = max(kinds.get(kind, 0.0), float(f"{row['max_abs'] / row['scale']:.3g}"))
    return kinds


def _well_conditioned(errors):
    """No weight that matters is moved by rounding noise."""
    return all(row["max_abs"] < 2e-6 for row in errors
               if row["tensor"].startswith("final/") and not _is_key_bias(row["tensor"]))


def _stored_names(model, renamed):
    """{name of a parameter: name in the folder's files}."""
    names = [name for name, _ in model.named_parameters()]
    return dict(zip(names, bert_folders.renamed(dict.fromkeys(names), *renamed)))


def _run(folder, case, seed):
    """Writes the folder; returns its batches, results in float32 and in double, and texts."""
    class_name, shape, more, form, batch, settings = case
    family = "distilbert" if class_name.startswith("Distil") else "bert"
    model = bert_folders.build(class_name, bert_folders.configuration(family, *shape, **more), seed)
    model = bert_folders.write(folder, model, **form)
    texts = bert_texts.expected(folder, model) if "tokenizer" in form else ({}, {})
    batches = bert_batches.make(seed, **batch)
    single, double = bert_results.in_both_precisions(model, batches, settings)
    stored = _stored_names(model, (form.get("old_norms"), form.get("prefix", ("", ""))))
    return batches, _in_files(single, stored), _in_files(double, stored), texts


def _in_files(results, stored):
    """Gradients and weights under the names that the folder's files use."""
    renamed = {}
    for name, value in results.items():
        kind, _, parameter = name.partition("/")
        renamed[f"{kind}/{stored[parameter]}" if parameter in stored else name] = value
    return renamed


def _write(name, case, first_seed):
    folder = os.path.join(store.OUT, "bert", name)
    os.makedirs(os.path.dirname(folder), exist_ok=True)
    for seed in range(first_seed, first_seed + 200):
        batches, single, double, (embeddings, tables) = _run(folder, case, seed)
        errors = _errors(single, double)
        if _well_conditioned(errors):
            break
    else:
        raise AssertionError(f"{name}: no seed gave a well-conditioned case")
    class_name, settings = case[0], case[-1]
    tensors = {f"batch{i}/{key}": value for i, batch in enumerate(batches) for key, value in batch.items()
               if i == 0 or settings}
    tensors.update({key: value.float() for key, value in double.items()}, **embeddings)
    document = {"class": class_name, "seed": seed, "optimizer": settings, "worst": _worst(errors), "errors": errors,
                **tables}
    store.write_case(os.path.join("bert", name, "expected"), tensors, document, "errors", *tables)


def make(shift=0):
    """`shift` is added to every seed."""
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    for index, (name, case) in enumerate(CASES.items()):
        _write(name, case, 100 * (index + 1) + shift)
