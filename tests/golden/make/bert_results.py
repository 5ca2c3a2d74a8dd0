"""What transformers computes of a BERT folder, in float32 and double: states, logits, loss, gradients, AdamW steps."""

import copy

import torch
from torch.nn.functional import cross_entropy, mse_loss

STEPS = 20


def _inputs(batch):
    names = {"ids": "input_ids", "mask": "attention_mask", "types": "token_type_ids"}
    return {names[key]: value for key, value in batch.items() if key in names}


def _logits(result):
    return getattr(result, "logits", getattr(result, "prediction_logits", None))


def loss_of(model, batch):
    """The loss of transformers' own classes, written out so that it stays in the model's precision."""
    logits, labels = _logits(model(**_inputs(batch))), batch["labels"]
    if labels.is_floating_point():
        return mse_loss(logits.squeeze(-1), labels.to(logits.dtype))
    return cross_entropy(logits.flatten(0, -2), labels.flatten())


def _check_loss(model, batch, loss):
    if type(model).__name__ != "BertForPreTraining":  # which adds the loss of the next sentence
        own = model(**_inputs(batch), labels=batch["labels"]).loss
        assert abs(own.item() - loss.item()) < 1e-6 * abs(loss.item()), (own, loss)


def _gradients(model):
    return {name: torch.zeros_like(p) if p.grad is None else p.grad.clone() for name, p in model.named_parameters()}


def outputs(model, batch):
    """All results of one batch by name, gradients as grad/NAME of the parameter."""
    base = model.base_model
    with torch.no_grad():
        states = base(**_inputs(batch))
        result = {"output/hidden": states.last_hidden_state}
        if getattr(states, "pooler_output", None) is not None:
            result["output/pooled"] = states.pooler_output
        if base is not model:
            result["output/logits"] = _logits(model(**_inputs(batch)))
    if base is not model:
        model.zero_grad(set_to_none=True)
        loss = loss_of(model, batch)
        _check_loss(model, batch, loss)
        loss.backward()
        result["output/loss"] = loss.detach()
        result.update({"grad/" + name: value for name, value in _gradients(model).items()})
    return result


def train(model, batches, settings):
    """Steps as transformers' Trainer takes them, at a constant rate: backward, clipping by the global norm, and AdamW
    without decay of biases and LayerNorms."""
    decayed, kept = [], []
    for name, parameter in model.named_parameters():
        (kept if name.endswith("bias") or "norm" in name.lower() else decayed).append(parameter)
    optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": settings["weight_decay"]},
                                   {"params": kept, "weight_decay": 0.0}],
                                  lr=settings["lr"], betas=tuple(settings["betas"]), eps=settings["eps"])
    losses, norms = [], []
    for step in range(settings["steps"]):
        optimizer.zero_grad()
        loss = loss_of(model, batches[step % len(batches)])
        loss.backward()
        limit = settings["clip"] if settings["clip"] is not None else float("inf")
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), limit))
        optimizer.step()
        losses.append(loss.detach())
    result = {"final/" + name: p.detach().clone() for name, p in model.named_parameters()}
    return {"steps/loss": torch.stack(losses), "steps/grad_norm": torch.stack(norms), **result}


def in_both_precisions(model, batches, settings):
    """(float32, float64) results by name; the double twin has exactly the float32 weights."""
    results = []
    for run in (model, copy.deepcopy(model).double()):
        found = outputs(run, batches[0])
        if settings:
            run.zero_grad(set_to_none=True)
            found.update(train(run, batches, settings))
        results.append(found)
    return results
