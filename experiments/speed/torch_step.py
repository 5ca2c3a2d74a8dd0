"""Training steps, forward passes and single sequences of a model in PyTorch; checks first that it equals ours on the
same weights and batch (a folder that `espalier bench step --export` wrote). Prints JSON."""

import argparse
import json
import math
import resource
import time

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

import torch_model

# Of a hidden state's difference from ours to its size, for the median token; of the loss;
# and of a sequence that counts as equal.
TOKEN_TOLERANCE, LOSS_TOLERANCE, TOLERANCE = 1e-3, 2e-3, 2e-3
# Share of the decisions that may be ties within rounding (3e-7 was seen), and of the sequences that may differ in any
# case.
TIES, DIFFERING = 1e-6, 0.1


def allowed_share(model, length):
    """Of the sequences that may hold a tie: one decision in 1e6, and 1536 trees in 16 layers make three million a
    sequence."""
    decisions = length * sum(m.trees * m.depth for m in model.modules() if isinstance(m, torch_model.MaskedTree))
    return max(DIFFERING, 1 - math.exp(-TIES * decisions))


def check(model, batch):
    """A decision within rounding of a tie may fall the other way, and then what follows in its sequence differs, most
    of all that token. A model that is not ours differs everywhere."""
    ids, ours = batch["ids"], batch["hidden"]
    with torch.no_grad():
        hidden = model.encoder(ids)
        loss = F.cross_entropy(model.decoder(hidden.flatten(0, 1)[batch["positions"]]), batch["targets"])
    tokens = ((hidden - ours).norm(dim=-1) / ours.norm(dim=-1)).median().item()
    differing = ((hidden - ours).abs().amax((1, 2)) > TOLERANCE).float().mean().item()
    loss_difference = (loss - batch["loss"][0]).abs().item()
    if tokens > TOKEN_TOLERANCE or differing > allowed_share(model, ids.shape[1]) or loss_difference > LOSS_TOLERANCE:
        raise SystemExit(f"torch_step: PyTorch's model is not ours: {100 * differing:.0f} % of the sequences differ, "
                         f"the median token's hidden state by {tokens:.2g} of its size, "
                         f"the loss by {loss_difference:.2g}")
    return {"token_difference": tokens, "sequences_differing": differing, "loss_difference": loss_difference}


def decayed(model):
    decays, rest = [], []
    for name, parameter in model.named_parameters():
        (rest if "bias" in name or "norm" in name else decays).append(parameter)
    return [{"params": decays, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}]


def seconds(call, least, rounds):
    times = []
    for _ in range(rounds):
        calls, begin = 0, time.perf_counter()
        while calls == 0 or time.perf_counter() - begin < least:
            call()
            calls += 1
        times.append((time.perf_counter() - begin) / calls)
    return sorted(times)[len(times) // 2]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--form", choices=["eager", "compiled"], default="eager")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--autocast", action="store_true", help="products in bf16")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.set_flush_denormal(True)
    compiled = arguments.form == "compiled"
    model = torch_model.load(arguments.folder + "/model", fused=compiled)
    batch = load_file(arguments.folder + "/batch.safetensors")
    equality = check(model, batch)
    ids, positions, targets = batch["ids"], batch["positions"], batch["targets"]
    optimizer = torch.optim.AdamW(decayed(model), lr=1e-4, betas=(0.9, 0.98), eps=1e-12, fused=True)

    narrow = torch.autocast("cpu", torch.bfloat16, enabled=arguments.autocast)

    def loss_of(ids, positions, targets):
        with narrow:
            hidden = model.encoder(ids).flatten(0, 1)
            logits = model.decoder(hidden[positions])
        return F.cross_entropy(logits.float(), targets)

    def encode_all(ids):
        with narrow:
            return model.encoder(ids)

    step_loss = torch.compile(loss_of) if compiled else loss_of
    encode = torch.compile(encode_all) if compiled else encode_all

    def train():
        optimizer.zero_grad(set_to_none=True)
        step_loss(ids, positions, targets).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()

    train()
    train_seconds = seconds(train, 2, arguments.rounds)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    with torch.inference_mode():
        encode(ids), encode(ids[:1])
        forward_seconds = seconds(lambda: encode(ids), 0.1, arguments.rounds)
        sequence_seconds = seconds(lambda: encode(ids[:1]), 0.3, arguments.rounds)
    print(json.dumps({"torch": torch.__version__, "form": arguments.form,
                      "train_tokens_per_s": ids.numel() / train_seconds,
                      "forward_tokens_per_s": ids.numel() / forward_seconds, "sequence_ms": 1e3 * sequence_seconds,
                      "peak_rss_gb": peak, **equality}))


if __name__ == "__main__":
    main()
