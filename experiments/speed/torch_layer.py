"""One feedforward layer in PyTorch: dense, masked (as published in training) and by batched products (as published for
inference). Our own code, from the formulas. Prints milliseconds a call, median of the rounds, as JSON."""

import argparse
import json
import math
import time

import torch
import torch.nn.functional as F


def make(width, depth):
    nodes = 2 ** (depth + 1) - 1
    scale = 1 / math.sqrt(width)
    return torch.randn(nodes, width) * scale, torch.randn(nodes) * 0.02, torch.randn(nodes, width) * scale


def dense(x, w_in, bias, w_out):
    return F.gelu(F.linear(x, w_in)) @ w_out


def masked(x, w_in, bias, w_out):
    """Every node is computed, and all but the path are multiplied by zero."""
    depth = int(math.log2(w_in.shape[0] + 1)) - 1
    logits = F.linear(x, w_in, bias)
    with torch.no_grad():
        node = torch.zeros(len(x), 1, dtype=torch.long)
        mask = torch.zeros_like(logits)
        mask.scatter_(1, node, 1.0)
        for _ in range(depth):
            node = 2 * node + 1 + (logits.gather(1, node) > 0).long()
            mask.scatter_(1, node, 1.0)
    return (F.gelu(logits) * mask) @ w_out


def batched(x, w_in, bias, w_out):
    """Each token's rows are gathered, and multiplied in batched products."""
    depth = int(math.log2(w_in.shape[0] + 1)) - 1
    node = torch.zeros(len(x), dtype=torch.long)
    nodes, logits = [], []
    for _ in range(depth + 1):
        logit = (torch.bmm(x.unsqueeze(1), w_in.index_select(0, node).unsqueeze(2)).flatten() +
                 bias.index_select(0, node))
        nodes.append(node)
        logits.append(logit)
        node = 2 * node + 1 + (logit > 0).long()
    rows = w_out.index_select(0, torch.stack(nodes, 1).flatten()).view(len(x), depth + 1, -1)
    return torch.bmm(F.gelu(torch.stack(logits, 1)).unsqueeze(1), rows).squeeze(1)


FORMS = {"dense": dense, "masked": masked, "batched": batched}
# A call whose largest intermediate would be bigger is left out.
MOST_BYTES = 6e9


def bytes_needed(form, tokens, width, depth):
    nodes = 2 ** (depth + 1) - 1
    return 4 * tokens * ((depth + 1) * width if form == "batched" else 3 * nodes)


# Further calls of a form whose first took longer are left out; that one is the result.
SLOW_SECONDS = 2.0


def milliseconds(call, rounds):
    begin = time.perf_counter()
    call()
    first = time.perf_counter() - begin
    if first > SLOW_SECONDS:
        return 1e3 * first
    times = []
    for _ in range(rounds):
        calls, begin = 0, time.perf_counter()
        while calls == 0 or time.perf_counter() - begin < 0.1:
            call()
            calls += 1
        times.append((time.perf_counter() - begin) / calls)
    return 1e3 * sorted(times)[len(times) // 2]


def check(forms):
    """The forms must agree before any of them is timed."""
    weights = make(64, 4)
    x = torch.randn(33, 64)
    difference = (masked(x, *weights) - batched(x, *weights)).abs().max().item()
    if difference > 1e-5:
        raise SystemExit(f"torch_layer: masked and batched differ by {difference}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--depth", type=int, required=True)
    parser.add_argument("--width", type=int, default=768)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(1)
    check(FORMS)
    weights = make(arguments.width, arguments.depth)
    x = torch.randn(arguments.tokens, arguments.width)
    times = {}
    with torch.inference_mode():
        for name, form in FORMS.items():
            fits = bytes_needed(name, arguments.tokens, arguments.width, arguments.depth) < MOST_BYTES
            times[name] = milliseconds(lambda form=form: form(x, *weights), arguments.rounds) if fits else None
    print(json.dumps({"torch": torch.__version__, **times}))


if __name__ == "__main__":
    main()
