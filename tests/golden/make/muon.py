"""PyTorch's Muon, and the same with its iteration in double instead of bfloat16."""

from unittest import mock

import torch

from store import error, worst, write_case

SHAPES = {"square": (24, 24), "wide": (12, 40), "tall": (40, 12), "row": (1, 8)}
STEPS = 5
SETTINGS = {"lr": 0.02, "momentum": 0.9, "weight_decay": 0.25}
WITHOUT = 3  # the step in which every gradient is zero


def _train(start, grads, dtype):
    """The weights after each step, and the momentum after the last."""
    leaves = {key: value.to(dtype).clone().requires_grad_(True) for key, value in start.items()}
    optimizer = torch.optim.Muon(leaves.values(), adjust_lr_fn="match_rms_adamw", **SETTINGS)
    results = {}
    for step, grad in enumerate(grads, 1):
        for key, leaf in leaves.items():
            leaf.grad = grad[key].to(dtype).clone()
        optimizer.step()
        results |= {f"step{step}/{key}": leaf.detach().clone() for key, leaf in leaves.items()}
    for key, leaf in leaves.items():
        results[f"momentum/{key}"] = optimizer.state[leaf]["momentum_buffer"].clone()
    return results


ABOUT = (
    "torch.optim.Muon with match_rms_adamw on four matrices: param/<name> at first, step<k>/grad/<name>, "
    "step<k>/<name> after it, momentum/<name> after the last step; f64/... the same in double, the iteration "
    "included, which PyTorch computes in bfloat16. `errors`: how far the first is from the second."
)


def make():
    generator = torch.Generator().manual_seed(31)
    start = {key: torch.randn(shape, generator=generator) for key, shape in SHAPES.items()}
    grads = [{key: torch.randn(shape, generator=generator) * (step != WITHOUT) for key, shape in SHAPES.items()}
             for step in range(1, STEPS + 1)]
    single = _train(start, grads, torch.float32)
    with mock.patch.object(torch.Tensor, "bfloat16", torch.Tensor.clone):
        double = _train(start, grads, torch.float64)
    tensors = {f"param/{key}": value for key, value in start.items()}
    tensors |= {f"step{step}/grad/{key}": value for step, grad in enumerate(grads, 1) for key, value in grad.items()}
    tensors |= single | {f"f64/{key}": value for key, value in double.items()}
    errors = {key: error(single[key], double[key]) for key in single}
    write_case("muon", tensors, {
        "about": ABOUT, "settings": {**SETTINGS, "steps": STEPS}, "shapes": SHAPES,
        "errors": {part: worst({key: value for key, value in errors.items() if key.startswith(part)})
                   for part in ("step", "momentum")}})
