"""Whole models of the original: logits, loss, every gradient and ten AdamW steps, in float32 and in double."""

import copy
import os
import types

import torch

from store import error, pair, worst

VOCAB, LENGTH, SEQUENCES, BATCHES = 48, 16, 3, 3
STEPS = int(os.environ.get("GOLDEN_STEPS", 10))
PAD, MASK = 0, 4

PRETRAINING = dict(type="AdamW", lr=1e-3, betas=[0.9, 0.98], eps=1e-12, weight_decay=0.01,
                   no_decay=["bias", "LayerNorm.bias", "LayerNorm.weight", "norm"], clip=0.5, steps=STEPS)
FINETUNING = dict(PRETRAINING, eps=1e-6, weight_decay=0.0, clip=None)


def architecture(**changes):
    """The original's `arch` mapping of crammed-bert-fff.yaml, tiny and with dropout 0;
    keys like attention__rotary_embedding reach inside."""
    arch = {
        "architectures": ["ScriptableCrammedBERT"],
        "num_transformer_layers": 2, "hidden_size": 16,
        "intermed_type": "fff", "intermed_size": 1, "intermed_depth": 3, "hidden_dropout_prob": 0.0,
        "norm": "LayerNorm", "norm_eps": 1e-12, "norm_scheme": "pre", "nonlin": "GELU",
        "tie_weights": True, "decoder_bias": False, "sparse_prediction": 0.25,
        "loss": "cross-entropy", "objective_layout": "MLM",
        "embedding": {"vocab_size": VOCAB, "pos_embedding": "scaled-sinusoidal", "dropout_prob": 0.0,
                      "pad_token_id": PAD, "max_seq_length": LENGTH, "embedding_dim": 16, "normalization": True,
                      "stable_low_precision": False},
        "attention": {"type": "self-attention", "causal_attention": False, "num_attention_heads": 2,
                      "dropout_prob": 0.0, "skip_output_projection": False, "qkv_bias": False,
                      "rotary_embedding": False, "seq_op_in_fp32": False, "sequence_op": "torch-softmax"},
        "init": {"type": "normal", "std": 0.2},
        "ffn_layer_frequency": 1, "skip_head_transform": True, "use_bias": False, "final_norm": True,
        "num_labels": None,
        "classification_head": {"pooler": "avg", "include_ff_layer": True, "head_dim": 24, "nonlin": "Tanh",
                                "classifier_dropout": 0.0},
    }
    for key, value in changes.items():
        outer, _, inner = key.partition("__")
        if inner:
            arch[outer][inner] = value
        else:
            arch[outer] = value
    return arch


def build(original, arch, seed, num_labels=None):
    """The original's model with its own initialisation;
    norms and biases are then moved off 1 and 0 so that they matter."""
    torch.manual_seed(seed)
    config = original.model.crammedBertConfig(copy.deepcopy(arch))
    if num_labels is None:
        model = original.model.ScriptableLMForPreTraining(config)
    else:
        config.num_labels = num_labels
        model = original.model.ScriptableLMForSequenceClassification(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name or name.endswith(".bias"):
                parameter.add_(0.2 * torch.randn_like(parameter))
    return model.eval()


def masked_batch(generator, mask_rate=0.25):
    """Ids and labels with exactly a quarter of each sequence labelled:
    of four labels three are masked, one random or kept."""
    ids = torch.randint(0, VOCAB, (SEQUENCES, LENGTH), generator=generator)
    labels = torch.full_like(ids, -100)
    for row in range(SEQUENCES):
        chosen = torch.randperm(LENGTH, generator=generator)[: round(mask_rate * LENGTH)]
        labels[row, chosen] = ids[row, chosen]
        ids[row, chosen[:3]] = MASK
        if row == 1:
            ids[row, chosen[3]] = torch.randint(0, VOCAB, (), generator=generator)
    return {"ids": ids, "labels": labels}


def double_twin(model):
    """The model in double precision: the same float32 weights and tables, exactly converted."""
    twin = copy.deepcopy(model).double()
    for module in twin.modules():
        if type(module).__name__ == "RotaryLLAMA":  # rounds to float32 inside: compute without that
            module.freqs_cis = module.freqs_cis.to(torch.complex128)
            module.apply_rotary_emb = types.MethodType(_rotate_in_double, module)
    return twin


def _rotate_in_double(self, q, k, freqs_cis):
    rotated = []
    for x in (q, k):
        pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2).contiguous())
        rotated.append(torch.view_as_real(pairs * self.reshape_for_broadcast(freqs_cis, pairs)).flatten(3))
    return rotated


def watch_margins(model, original, margins):
    """Hooks that collect the smallest |logit| of any node of any tree and the decisions themselves."""

    def hook(module, args, kwargs=None):
        logits = torch.nn.functional.linear(args[0].detach(), module.linear_in.weight, module.linear_in.bias)
        margins.append((logits.abs().min().item(), (logits > 0)))

    return [m.register_forward_pre_hook(hook) for m in model.modules() if isinstance(m, original.fff)]


def _optimizer(original, model, settings):
    cfg = types.SimpleNamespace(limited_decay_keys=settings["no_decay"],
                                optim=types.SimpleNamespace(weight_decay=settings["weight_decay"]))
    groups = original.utils.group_parameters(model, cfg)
    return torch.optim.AdamW(groups, lr=settings["lr"], betas=tuple(settings["betas"]), eps=settings["eps"])


def _forward(model, batch, labels=True):
    arguments = {"attention_mask": batch["mask"]} if "mask" in batch else {}
    target = batch["labels"]
    if target.is_floating_point():
        target = target.to(next(model.parameters()).dtype)
    return model(batch["ids"], labels=target if labels else None, **arguments)


def _outputs(model, batch):
    """Loss (with gradients left in the parameters), hidden states after the final norm, and logits."""
    model.zero_grad(set_to_none=True)
    result = _forward(model, batch)
    result["loss"].backward()
    with torch.no_grad():
        hidden = model.encoder(batch["ids"], batch.get("mask"))
        free = _forward(model, batch, labels=False)
    return {"loss": result["loss"].detach(), "hidden": hidden,
            "logits": free["logits" if "logits" in free else "outputs"]}


def _train(original, model, batches, settings):
    """Ten steps as the original's engine takes them: backward, clip by global norm, AdamW.
    The learning rate is constant."""
    optimizer = _optimizer(original, model, settings)
    losses, norms = [], []
    for step in range(settings["steps"]):
        loss = _forward(model, batches[step % len(batches)])["loss"]
        loss.backward()
        limit = settings["clip"] if settings["clip"] is not None else float("inf")
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), limit, norm_type=2.0))
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.detach())
    return losses, norms


def run(original, model, batches, settings):
    """Everything that a case holds, as (tensors, document)."""
    tensors, errors = {}, {}
    margins, twin_margins = [], []
    twin = double_twin(model)
    watch_margins(model, original, margins), watch_margins(twin, original, twin_margins)
    for name, parameter in model.named_parameters():
        tensors["param/" + name] = parameter.detach().clone()
    for index, batch in enumerate(batches):
        tensors.update({f"batch{index}/{key}": value for key, value in batch.items()})
    tensors.update({f"input/{key}": value for key, value in batches[0].items()})

    single, double = _outputs(model, batches[0]), _outputs(twin, batches[0])
    initial = min((m for m, _ in margins), default=None)
    for key in single:
        errors[key] = pair(tensors, "output/" + key, single[key], double[key])
    twins = dict(twin.named_parameters())
    errors["grad"] = worst({name: pair(tensors, "grad/" + name, p.grad.clone(), twins[name].grad.clone())
                            for name, p in model.named_parameters()})
    model.zero_grad(set_to_none=True), twin.zero_grad(set_to_none=True)

    runs = [_train(original, m, batches, settings) for m in (model, twin)]
    step_errors = {}
    for step in range(settings["steps"]):
        for key, values in (("loss", 0), ("grad_norm", 1)):
            name = f"step{step + 1}/{key}"
            step_errors[name] = pair(tensors, name, runs[0][values][step], runs[1][values][step])
    errors["steps"] = worst(step_errors)
    final = {}
    for name, parameter in model.named_parameters():
        tensors["final/" + name] = parameter.detach().clone()
        final[name] = error(parameter, twins[name])
    errors["final"] = max(({"tensor": n, **e} for n, e in final.items()), key=lambda e: e["max_abs"])

    document = {"errors": errors}
    if margins:
        same = all(torch.equal(a, b) for (_, a), (_, b) in zip(margins, twin_margins, strict=True))
        document["decisions"] = {"min_abs_logit": initial, "min_abs_logit_of_ten_steps": min(m for m, _ in margins),
                                 "equal_in_double": same}
    return tensors, document


def conditions(document):
    """Whether the seed gave a case that pins something: no near-tie, no element whose gradient is rounding noise."""
    decisions = document.get("decisions")
    if decisions and not (decisions["equal_in_double"] and decisions["min_abs_logit"] > 1e-4 and
                          decisions["min_abs_logit_of_ten_steps"] > 1e-5):
        return False
    return document["errors"]["final"]["max_abs"] < 2e-6


def search(make_case, first_seed, tries=200):
    """The first seed from `first_seed` on whose case meets `conditions`."""
    first_seed += int(os.environ.get("GOLDEN_SEED", 0))
    for seed in range(first_seed, first_seed + tries):
        tensors, document = make_case(seed)
        if conditions(document):
            return seed, tensors, document
    raise AssertionError("no seed gave a well-conditioned case")
