"""Single operations of PyTorch: value and gradients on small grids, with a double-precision twin."""

import math

import torch
import torch.nn.functional as F

from store import pair, write_case


def _both(tensors, errors, name, function, inputs, seed):
    """Runs `function` on float32 inputs and on their doubles;
    stores inputs, output y, upstream gradient dy and input gradients."""
    results = []
    generator = torch.Generator().manual_seed(seed)
    upstream = None
    for dtype in (torch.float32, torch.float64):
        leaves = {key: value.detach().to(dtype).clone().requires_grad_(True) for key, value in inputs.items()}
        y = function(**leaves)
        if upstream is None:
            upstream = torch.randn(y.shape, generator=generator) if y.dim() else torch.ones(())
        y.backward(upstream.to(dtype))
        results.append((y.detach(), {key: leaf.grad for key, leaf in leaves.items()}))
    for key, value in inputs.items():
        tensors[f"{name}/{key}"] = value.detach()
    tensors[f"{name}/dy"] = upstream
    errors[f"{name}/y"] = pair(tensors, f"{name}/y", results[0][0], results[1][0])
    for key in inputs:
        errors[f"{name}/d{key}"] = pair(tensors, f"{name}/d{key}", results[0][1][key], results[1][1][key])


def _gelu_grid():
    grid = torch.arange(-192, 193, dtype=torch.float32) / 16
    special = [1e-30, 1e-20, 1e-10, 1e-6, 1e-3, 5.4142135, 13.5, 20.0, 100.0, 1e4, 1e30]
    return torch.cat([grid, torch.tensor(special), -torch.tensor(special)])


def _exact_gelu(x):
    """x * Phi(x) by erfc, which keeps its relative accuracy far below zero where PyTorch's 1 + erf cancels even in
    double."""
    return x * 0.5 * torch.special.erfc(-x / math.sqrt(2.0))


def _gelu(tensors, errors):
    _both(tensors, errors, "gelu", lambda x: F.gelu(x), {"x": _gelu_grid()}, seed=1)
    x = _gelu_grid().double().requires_grad_(True)
    y = _exact_gelu(x)
    slope = 0.5 * torch.special.erfc(-x / math.sqrt(2.0)) + x * torch.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
    assert ((y - tensors["f64/gelu/y"]).abs() / (1 + x.abs())).max() < 1e-15
    errors["gelu/y"] = pair(tensors, "gelu/y", tensors["gelu/y"], y.detach())
    errors["gelu/dx"] = pair(tensors, "gelu/dx", tensors["gelu/dx"], (slope * tensors["gelu/dy"].double()).detach())


def _gated_gelu(tensors, errors, original):
    gate = original.model.GLU(torch.nn.GELU)
    x = torch.randn(5, 12, generator=torch.Generator().manual_seed(2)) * 2
    _both(tensors, errors, "gated_gelu", lambda x: gate(x), {"x": x}, seed=3)


def _layer_norm(tensors, errors):
    g = torch.Generator().manual_seed(4)
    x = torch.randn(6, 24, generator=g)
    x[2] *= 300.0
    inputs = {"x": x, "weight": 1 + 0.3 * torch.randn(24, generator=g), "bias": 0.3 * torch.randn(24, generator=g)}
    norm = lambda x, weight, bias: F.layer_norm(x, (24,), weight, bias, eps=1e-12)
    _both(tensors, errors, "layer_norm", norm, inputs, seed=5)
    _both(tensors, errors, "layer_norm_shifted", norm, {**inputs, "x": x * 0.1 + 5.0}, seed=19)
    flat = torch.tensor([0.5, 0.0, -2.0])[:, None].expand(3, 24).clone()
    _both(tensors, errors, "layer_norm_flat", norm, {**inputs, "x": flat}, seed=6)


def _softmax(tensors, errors):
    x = torch.randn(7, 20, generator=torch.Generator().manual_seed(7)) * 3
    x[1] += 500.0
    x[2, 5:] -= 10000.0
    x[3, 0] = 90.0
    x[4] = 0.25
    _both(tensors, errors, "softmax", lambda x: torch.softmax(x, dim=-1), {"x": x}, seed=8)


def _cross_entropy(tensors, errors):
    g = torch.Generator().manual_seed(9)
    x = torch.randn(10, 32, generator=g) * 2
    x[3] *= 20.0
    labels = torch.randint(0, 32, (10,), generator=g)
    labels[torch.tensor([1, 4, 9])] = -100
    tensors["cross_entropy/labels"] = labels
    loss = lambda x: F.cross_entropy(x, labels, ignore_index=-100)
    _both(tensors, errors, "cross_entropy", loss, {"x": x}, seed=10)


def _attention(tensors, errors, original):
    """The original's attention on packed projections x [S, B, 3H]; per head q, k, v; -10000 on masked keys."""
    from omegaconf import OmegaConf

    S, B, H, heads = 6, 2, 8, 2
    cfg = dict(num_attention_heads=heads, qkv_bias=False, rotary_embedding=False, sequence_op="torch-softmax",
               seq_op_in_fp32=False, dropout_prob=0.0)
    module = original.attention.SeqFirstSelfAttention(H, OmegaConf.create(cfg)).eval()
    module.query_key_value = torch.nn.Identity()
    x = torch.randn(S, B, 3 * H, generator=torch.Generator().manual_seed(11))
    mask = torch.ones(B, S, dtype=torch.long)
    mask[1, 4:] = 0
    extended = original.model.get_extended_attention_mask(mask, (B, S))
    tensors["attention_masked/mask"] = mask
    _both(tensors, errors, "attention", lambda x: module(x), {"x": x}, seed=12)
    _both(tensors, errors, "attention_masked", lambda x: module(x, extended), {"x": x}, seed=13)


def _simple(tensors, errors):
    g = torch.Generator().manual_seed(14)
    x = torch.cat([torch.randn(40, generator=g) * 3, torch.tensor([0.0, 20.0, -20.0, 100.0, -100.0, 1e-8])])
    _both(tensors, errors, "tanh", lambda x: torch.tanh(x), {"x": x}, seed=15)
    _both(tensors, errors, "sigmoid", lambda x: torch.sigmoid(x), {"x": x}, seed=16)
    a, b = torch.randn(9, generator=g), torch.randn(9, generator=g)
    _both(tensors, errors, "mse", lambda x, target: F.mse_loss(x, target), {"x": a, "target": b}, seed=17)


def _adamw(tensors, errors):
    """Five steps of AdamW on a decayed and an undecayed vector;
    some gradients are zero from the first step or from the third on."""
    g = torch.Generator().manual_seed(18)
    start = {"decayed": torch.randn(8, generator=g), "plain": torch.randn(8, generator=g)}
    grads = [{key: torch.randn(8, generator=g) for key in start} for _ in range(5)]
    for step, grad in enumerate(grads):
        for value in grad.values():
            value[0] = 0.0
            if step >= 2:
                value[1] = 0.0
    for dtype in (torch.float32, torch.float64):
        prefix = "" if dtype == torch.float32 else "f64/"
        leaves = {key: value.to(dtype).clone().requires_grad_(True) for key, value in start.items()}
        groups = [{"params": [leaves["decayed"]], "weight_decay": 0.01},
                  {"params": [leaves["plain"]], "weight_decay": 0.0}]
        optimizer = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.98), eps=1e-12)
        for step, grad in enumerate(grads):
            for key, leaf in leaves.items():
                leaf.grad = grad[key].to(dtype).clone()
                tensors[f"adamw/step{step + 1}/grad/{key}"] = grad[key]
            norm = torch.nn.utils.clip_grad_norm_(list(leaves.values()), 0.5)
            optimizer.step()
            tensors[f"{prefix}adamw/step{step + 1}/grad_norm"] = norm
            for key, leaf in leaves.items():
                tensors[f"{prefix}adamw/step{step + 1}/{key}"] = leaf.detach().clone()
    for key, value in start.items():
        tensors[f"adamw/param/{key}"] = value


ABOUT = (
    "Single operations of PyTorch on small inputs. <op>/x ... inputs, <op>/dy upstream gradient, <op>/y value, "
    "<op>/dx ... gradients; f64/... the same in double from the same float32 inputs. f64/gelu is "
    "x * erfc(-x / sqrt 2) / 2, accurate relative to each value; attention takes packed projections [S, B, 3H] "
    "(per head q, k, v) and gives [S, B, H]; adamw clips to 0.5 first (lr 0.01, betas 0.9/0.98, eps 1e-12, decay 0.01)."
)


def make(original):
    tensors, errors = {}, {}
    _gelu(tensors, errors)
    _gated_gelu(tensors, errors, original)
    _layer_norm(tensors, errors)
    _softmax(tensors, errors)
    _cross_entropy(tensors, errors)
    _attention(tensors, errors, original)
    _simple(tensors, errors)
    _adamw(tensors, errors)
    write_case("ops", tensors, {"about": ABOUT, "errors": errors})
