"""The goals of the layer of trees against our dense layer, each checked in its own run, and short forms of them (2048
tokens) that SPEED_QUICK=1 takes alone: a run that ends with status 1 computed something wrong. Needs no PyTorch."""

import common

BACKWARD = ["--backward"]
STRAIGHT = [*BACKWARD, "--routing", "straight_through"]
LEAVES = ["--trees", 1, "--depth", 8, "--leaf-width", 16]
PRUNED = [*LEAVES, "--routing", "soft", "--survivors", 2, *BACKWARD]

# case: tokens, threads (None: all), arguments, goal
LAYERS = {"1x11": [], "4x9": ["--trees", 4, "--depth", 9], "32x6": ["--trees", 32, "--depth", 6]}
QUICK = {
    "1x11, forward, 2048 tokens": (2048, None, [], None),
    "1x11, forward and backward, 2048 tokens": (2048, None, BACKWARD, 80),
    "1x11, straight-through, 2048 tokens": (2048, None, STRAIGHT, None),
    "4x9, forward and backward, 2048 tokens": (2048, None, LAYERS["4x9"] + BACKWARD, None),
    "32x6, forward and backward, 2048 tokens": (2048, None, LAYERS["32x6"] + BACKWARD, None),
    "256 leaves of 16, straight-through, 2048 tokens": (2048, None, LEAVES + STRAIGHT, None),
    "256 leaves of 16, 2 survive, 2048 tokens": (2048, None, PRUNED, None),
}
LARGE = {
    "1x11, forward, 16384 tokens": (16384, None, [], 120),
    "1x11, forward, 16384 tokens, 1 thread": (16384, 1, [], 120),
    "1x11, forward, 1 token": (1, None, [], 350),
    "1x11, forward, 1 token, 1 thread": (1, 1, [], 350),
    "1x11, forward and backward, 16384 tokens": (16384, None, BACKWARD, 120),
    "1x11, forward and backward, 16384 tokens, 1 thread": (16384, 1, BACKWARD, 120),
    "1x11, forward and backward, 2048 tokens, 1 thread": (2048, 1, BACKWARD, 80),
    "1x11, straight-through, 16384 tokens": (16384, None, STRAIGHT, 40),
    "1x11, straight-through, 16384 tokens, 1 thread": (16384, 1, STRAIGHT, 40),
    "4x9, forward and backward, 16384 tokens": (16384, None, LAYERS["4x9"] + BACKWARD, 35),
    "32x6, forward and backward, 16384 tokens": (16384, None, LAYERS["32x6"] + BACKWARD, 8),
    "256 leaves of 16, 2 survive, 16384 tokens": (16384, None, PRUNED, 24),
}
CASES = QUICK if common.QUICK else LARGE | QUICK


def measure(case):
    tokens, threads, arguments, goal = CASES[case]
    document, peak = common.bench("fff", "--tokens", tokens, "--rounds", common.ROUNDS, *arguments,
                                  threads=threads or common.THREADS)
    found = document["rows"][0]
    row = {"tokens": tokens, "threads": found["threads"], "goal": goal, "process_gb": peak}
    pruned = found["unpruned_ratio"] is not None
    row["against"] = "the unpruned tree" if pruned else "dense"
    row["ratio"] = found["unpruned_ratio"] if pruned else found["ratio"]
    row["other_ms"] = found["unpruned_ms"] if pruned else found["dense_ms"]
    for field in ("ms", "spread", "refused", "arithmetic_bound_ms", "memory_bound_ms", "dense_share", "max_error",
                  "near_ties", "tie_flips", "leaves_hit", "used_per_token"):
        row[field] = found[field]
    row["bound"] = row["other_ms"] / row["arithmetic_bound_ms"]
    common.say(f"{case}: ratio {row['ratio']}" + (f" (none: {row['refused']})" if row["refused"] else ""))
    return row, document["machine"] | {"threads": common.THREADS}


def main():
    rows = common.measure_cases("trees", CASES, measure)
    columns = [("layer", "case"), ("threads", "threads"), ("ms", "ms"), ("spread", "spread"), ("against", "against"),
               ("its ms", "other_ms"), ("ratio", "ratio"), ("goal", "goal"), ("bound by arithmetic", "bound"),
               ("largest error", "max_error")]
    common.table("Layers of trees, 768 wide", columns, rows)


if __name__ == "__main__":
    main()
