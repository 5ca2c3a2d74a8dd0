"""(a) One layer, forward: speed-up over our dense layer against depth and against tokens; PyTorch's masked and batched
forms beside it. The published 78x is no measurement of routing: every token of its batch has the same input row."""

import statistics

import common

DEPTHS = [0, 3, 7, 11] if common.QUICK else [0, 3, 5, 7, 9, 11, 13, 15]
TOKENS = [1, 256, 2048] if common.QUICK else [1, 16, 256, 2048, 16384, 65536]
AT_DEPTH, AT_TOKENS = 11, 2048 if common.QUICK else 16384
SIZES = [(depth, AT_TOKENS) for depth in DEPTHS] + [(AT_DEPTH, tokens) for tokens in TOKENS if tokens != AT_TOKENS]
CASES = {f"1x{depth}, {tokens} tokens": (depth, tokens) for depth, tokens in SIZES}


def measure(case):
    depth, tokens = CASES[case]
    ours, torch = [], []
    for _ in range(common.ROUNDS):
        ours.append(common.bench("fff", "--depth", depth, "--tokens", tokens, "--rounds", 3)[0])
        torch.append(common.torch_script("torch_layer.py", "--depth", depth, "--tokens", tokens)[0])
    rows = [document["rows"][0] for document in ours]
    row = {"depth": depth, "tokens": tokens, "torch": torch[-1]["torch"]}
    row["dense_ms"] = statistics.median(r["dense_ms"] for r in rows)
    row["ms"] = statistics.median(r["ms"] for r in rows)
    ratios = [r["ratio"] for r in rows if r["ratio"]]
    row["ratio"] = statistics.median(ratios) if ratios else None
    row["bound"] = (2 ** (depth + 1) - 1) / (depth + 1)
    row["max_error"] = max(r["max_error"] for r in rows)
    row["leaves_hit"] = min(r["leaves_hit"] for r in rows)
    for form in ("dense", "masked", "batched"):
        times = [t[form] for t in torch]
        known = None not in times
        row[f"torch_{form}_ms"] = statistics.median(times) if known else None
        row[f"torch_{form}_speedup"] = common.median_ratio([r["dense_ms"] for r in rows], times) if known else None
    common.say(f"{case}: ratio {row['ratio']}, {row['ms']:.4g} ms")
    return row, ours[-1]["machine"]


def main():
    rows = common.measure_cases("layer", CASES, measure)
    columns = [("case", "case"), ("our dense, ms", "dense_ms"), ("ours, ms", "ms"), ("speed-up over dense", "ratio"),
               ("arithmetic bound", "bound"), ("PyTorch batched", "torch_batched_speedup"),
               ("PyTorch masked", "torch_masked_speedup"), ("PyTorch dense", "torch_dense_speedup"),
               ("largest error", "max_error")]
    common.table("One layer, forward, speed-up over our dense layer", columns, rows)


if __name__ == "__main__":
    main()
