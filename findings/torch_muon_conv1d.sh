#!/usr/bin/env bash
# PyTorch's Muon and the layers of GPT-2 in transformers: the same linear map, given the same gradient, is updated half
# or twice as far as a torch.nn.Linear. Muon's learning rate goes by the parameter's shape, sqrt(max(1, rows /
# columns)), which takes rows for outputs. transformers keeps GPT-2's weights in Conv1D, [inputs, outputs], an ordinary
# matrix that Muon accepts: what widens (768 to 3072) gets 1 for 2, what narrows gets 2 for 1, and no one is told. A
# model that is moved between the two forms trains at other rates.
# Seen with torch 2.13.0 and transformers 5.23.0.
#   Way out: adjust_lr_fn="match_rms_adamw", whose factor is the same for a matrix and its transpose, and which this
#   program uses.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

cat >program.py <<'TEXT'
import torch
from transformers.pytorch_utils import Conv1D

def moved(weight, gradient, **options):
    weight = torch.nn.Parameter(weight.detach().clone())
    weight.grad = gradient.contiguous()
    before = weight.detach().clone()
    torch.optim.Muon([weight], lr=0.02, weight_decay=0.0, **options).step()
    return (weight.detach() - before).norm().item()

torch.manual_seed(1)
for inputs, outputs in ((768, 3072), (3072, 768)):
    linear, conv = torch.nn.Linear(inputs, outputs), Conv1D(outputs, inputs)
    with torch.no_grad():
        conv.weight.copy_(linear.weight.T)
        conv.bias.copy_(linear.bias)
    x, gradient = torch.randn(2, inputs), torch.randn(outputs, inputs)
    print(f"{inputs} to {outputs}: Linear {tuple(linear.weight.shape)}, Conv1D {tuple(conv.weight.shape)},",
          "same outputs:", torch.allclose(linear(x), conv(x), atol=1e-5))
    for name in ("original", "match_rms_adamw"):
        ratio = (moved(conv.weight, gradient.T, adjust_lr_fn=name) /
                 moved(linear.weight, gradient, adjust_lr_fn=name))
        print(f"{inputs} to {outputs}, {name}: Conv1D moves {ratio:.2f} times as far as Linear")
TEXT
python_packages venv torch==2.13.0 numpy==2.4.6 transformers==5.23.0
venv/bin/python program.py >printed 2>&1
for line in '768 to 3072: Linear (3072, 768), Conv1D (768, 3072), same outputs: True' \
  '768 to 3072, original: Conv1D moves 0.50 times as far as Linear' \
  '768 to 3072, match_rms_adamw: Conv1D moves 1.00 times as far as Linear' \
  '3072 to 768, original: Conv1D moves 2.00 times as far as Linear'; do
  expect "torch 2.13.0, transformers 5.23.0" printed "$line"
done
