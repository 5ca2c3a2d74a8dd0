"""One layer on its own: value and all gradients for a random upstream gradient, in float32 and in double."""

import copy

import torch

from store import pair, worst


def leaves_of(module, x, dtype):
    """A copy of the module in `dtype` and x as a leaf: parameters by name, x among them."""
    module = copy.deepcopy(module).to(dtype)
    x = x.detach().to(dtype).clone().requires_grad_(True)
    named = {name: p for name, p in module.named_parameters() if p.requires_grad}
    return module, x, {**named, "x": x}


def gradients(value, named):
    """d value / d each of `named`; zeros where it does not depend on one."""
    grads = torch.autograd.grad(value, list(named.values()), allow_unused=True, retain_graph=True)
    return {name: torch.zeros_like(p) if g is None else g for (name, p), g in zip(named.items(), grads)}


def run(module, x, dy, compute):
    """`compute(module, x)` gives {"y": ..., more scalars};
    stores y with the gradients of <y, dy> and each scalar with its own gradients."""
    tensors = {"input/x": x, "input/dy": dy}
    results = []
    for dtype in (torch.float32, torch.float64):
        copy_, leaf, named = leaves_of(module, x, dtype)
        found = compute(copy_, leaf)
        y = found.pop("y")
        values = {"output/y": y}
        values.update({"grad/" + n: g for n, g in gradients((y * dy.to(dtype)).sum(), named).items()})
        for key, value in found.items():
            if value.dim() == 0:
                values[f"{key}/value"] = value
                values.update({f"{key}/grad/" + n: g for n, g in gradients(value, named).items()})
            else:
                values["output/" + key] = value
        results.append({key: value.detach().clone() for key, value in values.items()})
    errors = {key: pair(tensors, key, results[0][key], results[1][key]) for key in results[0]}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            tensors["param/" + name] = parameter
    return tensors, _summary(errors)


def _summary(errors):
    """The worst error of each group of tensors: output/y alone, all of grad/, all of entropy/ ..."""
    groups = {}
    for key, value in errors.items():
        group = key if key.startswith("output/") else key.rpartition("grad/")[0] + "grad" if "grad/" in key else key
        groups.setdefault(group, {})[key] = value
    return {group: worst(values) for group, values in groups.items()}


def search(make_case, seed, floor, tries=200):
    """The first seed whose smallest |logit| (for leaves also the distance from a ReLU's kink) is above `floor`."""
    for seed in range(seed, seed + tries):
        tensors, document, margin = make_case(seed)
        if margin > floor:
            return tensors, {**document, "seed": seed, "decisions": {"min_distance_from_tie": margin}}
    raise AssertionError("no seed kept its distance from ties")
