"""What check_remote_code.py runs in each version of transformers, in the folder of an exported model."""

import json

import torch
from torch.utils.data import default_collate
from transformers import (AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoTokenizer, Trainer,
                          TrainingArguments)

torch.set_num_threads(1)
NO_DROPOUT = {"dropout": 0.0, "embedding_dropout": 0.0, "attention_dropout": 0.0, "head_dropout": 0.0}


def _load(auto, **settings):
    """The model, of whose tensors none may be missing or left over."""
    model, info = auto.from_pretrained(".", trust_remote_code=True, output_loading_info=True, **settings)
    wrong = {key: value for key, value in info.items() if value}
    if wrong:
        raise ValueError(f"loading {auto.__name__}: {wrong}")
    return model.eval()


def _tokenizer():
    return AutoTokenizer.from_pretrained(".", trust_remote_code=True)


def masked(texts):
    """Log-probabilities at the first mask of each text, of a padded batch: along paths and, for the gradient, over all
    nodes; and the mean of each text's states."""
    tokenizer, model, encoder = _tokenizer(), _load(AutoModelForMaskedLM), AutoModel.from_pretrained(
        ".", trust_remote_code=True).eval()
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    place = (inputs["input_ids"] == tokenizer.mask_token_id).int().argmax(1)
    found = []
    for gradient in (False, True):
        with torch.set_grad_enabled(gradient):
            logits = model(**inputs).logits
        found.append(logits[torch.arange(len(texts)), place].log_softmax(-1).tolist())
    with torch.no_grad():
        means = [encoder(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0).tolist() for text in texts]
    labels = torch.where(inputs["input_ids"] == tokenizer.mask_token_id, 5, -100)
    loss = model(**inputs, labels=labels).loss.item()
    print(json.dumps({"paths": found[0], "nodes": found[1], "means": means, "loss": loss}))


def train(pairs, labels, settings, out):
    """Probabilities of each pair alone, then 20 steps of Trainer on all of them."""
    tokenizer = _tokenizer()
    model = _load(AutoModelForSequenceClassification, **NO_DROPOUT)
    inputs = tokenizer(*map(list, zip(*pairs)), padding=True, return_tensors="pt")
    with torch.no_grad():
        each = [model(**tokenizer([a], [b], return_tensors="pt")).logits[0].softmax(-1).tolist() for a, b in pairs]
    model.config.update(settings)
    ids = torch.tensor([model.config.label2id[label] for label in labels])
    rows = [{**{key: value[i] for key, value in inputs.items()}, "labels": ids[i]} for i in range(len(pairs))]
    arguments = TrainingArguments(
        output_dir=out, num_train_epochs=20, per_device_train_batch_size=len(pairs), learning_rate=1e-3, weight_decay=0.01,
        adam_beta1=0.9, adam_beta2=0.98, adam_epsilon=1e-6, max_grad_norm=1.0, lr_scheduler_type="constant", report_to="none",
        use_cpu=True, save_strategy="no", disable_tqdm=True)
    trainer = Trainer(model=model, args=arguments, train_dataset=rows, data_collator=default_collate)
    trainer.train()
    trainer.save_model(out)
    print("\n" + json.dumps(each))
