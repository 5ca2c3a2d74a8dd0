"""Our whole step alone, without PyTorch: batches of 4096 tokens and of 512, where the optimizer's share is larger."""

import os

import common

DENSE, TREE = "crammedbert-3072", "ultrafastbert-1x11"
# case: configuration, overrides, sequences of 128
CASES = {
    "1x11, 4096 tokens": (TREE, [], 32),
    "1x11, straight-through, 4096 tokens": (TREE, ["routing.mode=straight_through"], 32),
    "dense 3072, 4096 tokens": (DENSE, [], 32),
    "1x11, 512 tokens": (TREE, [], 4),
    "1x11, straight-through, 512 tokens": (TREE, ["routing.mode=straight_through"], 4),
    "dense 3072, 512 tokens": (DENSE, [], 4),
}
if common.QUICK:
    CASES = {case: size for case, size in CASES.items() if size[2] == 4}
FIELDS = ("train_tokens_per_s", "spread", "mfu", "forward_tokens_per_s", "sequence_ms", "peak_rss_gb", "optimizer_ms",
          "optimizer_share", "pool_allocations")


def measure(case):
    config, overrides, sequences = CASES[case]
    path = os.path.join(common.ROOT, "configs/pretrain", config + ".yaml")
    document = common.bench("step", path, *overrides, "--sequences", sequences, "--rounds", common.ROUNDS)[0]
    found = document["rows"][0]
    common.say(f"{case}: {found['train_tokens_per_s']:.0f} tokens/s, optimizer and norm "
               f"{100 * found['optimizer_share']:.1f} %")
    return {"sequences": sequences} | {field: found[field] for field in FIELDS}, document["machine"]


def main():
    rows = common.measure_cases("model", CASES, measure)
    columns = [("model", "case"), ("training, tokens/s", "train_tokens_per_s"), ("spread", "spread"),
               ("of GEMM peak", "mfu"), ("optimizer and norm, ms", "optimizer_ms"),
               ("share of the step", "optimizer_share"),
               ("forward, tokens/s", "forward_tokens_per_s"), ("one sequence, ms", "sequence_ms"),
               ("memory, GB", "peak_rss_gb")]
    common.table("The whole step, ours", columns, rows)


if __name__ == "__main__":
    main()
