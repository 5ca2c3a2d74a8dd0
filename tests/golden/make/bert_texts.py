"""What transformers' tokenizers and pipelines make of texts, for the BERT folders that have a tokenizer."""

import copy

import torch
from transformers import AutoTokenizer, FillMaskPipeline, TextClassificationPipeline

TEXTS = ["The gardener pruned a tall tree.", "THE Gärdener's trees, an old pear!", "apple", "",
         "was it not very hard? is it unwired", "tree " * 40]
PAIRS = [("The old wall is flat.", "a soft apple"), ("winter", ""), ("old " * 20, "wall " * 8),
         ("it was the pear tree on the wall", "the tallest branch of the old tree")]
MASKED = ["The [MASK] grows on the wall.", "[MASK]", "an old [MASK] is [MASK] and red"]


def _encoded(tokenizer, text, pair=None):
    if pair is None:
        encoding = tokenizer(text, truncation=True)
    else:  # as lists: an empty second text is kept only there
        encoding = {key: value[0] for key, value in tokenizer([text], [pair], truncation=True).items()}
    types = encoding.get("token_type_ids")
    return {"text": text, "pair": pair, "ids": encoding["input_ids"], "types": types,
            "tokens": tokenizer.convert_ids_to_tokens(encoding["input_ids"])}


def _embedded(tokenizer, model):
    """Of TEXTS, one row each, in double: the mean over the real positions, and the first position's state."""
    base, means, firsts = copy.deepcopy(model.base_model).double(), [], []
    for text in TEXTS:
        with torch.no_grad():
            result = base(**tokenizer(text, truncation=True, return_tensors="pt"))
        means.append(result.last_hidden_state[0].mean(0))
        firsts.append(result.last_hidden_state[0, 0])
    return {"texts/mean": torch.stack(means).float(), "texts/first": torch.stack(firsts).float()}


def _classified(tokenizer, model):
    pipeline = TextClassificationPipeline(model=model, tokenizer=tokenizer, device=torch.device("cpu"))
    rows = [{"text": text, "text_pair": None} for text in TEXTS]
    rows += [{"text": text, "text_pair": pair} for text, pair in PAIRS if pair]
    results = []
    for row in rows:
        given = {key: value for key, value in row.items() if value is not None}
        scores = pipeline(given, top_k=None, truncation=True)
        results.append({**row, "scores": {score["label"]: score["score"] for score in scores}})
    return results


def expected(folder, model):
    """(tensors, lists of rows) of the folder's tokenizer and, where its class has one, pipeline."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tables = {"texts": [_encoded(tokenizer, text) for text in TEXTS] + [_encoded(tokenizer, *pair) for pair in PAIRS]}
    if type(model).__name__.endswith("ForMaskedLM"):
        pipeline = FillMaskPipeline(model=model, tokenizer=tokenizer, device=torch.device("cpu"))
        tables["fill_mask"] = [{"text": text, "predictions": pipeline(text, top_k=3)} for text in MASKED]
    if type(model).__name__.endswith("ForSequenceClassification"):
        tables["classify"] = _classified(tokenizer, model)
    return _embedded(tokenizer, model), tables
