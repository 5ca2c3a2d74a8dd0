"""(c) How cost grows with depth when the neurons that a token uses stay 16: 16x0, 8x1, 4x3, 2x7, 1x15 (65,535 nodes, as
many neurons as a layer of a large language model has); forward, and forward and backward; memory included."""

import common

LAYERS = [(16, 0), (8, 1), (4, 3), (2, 7)] + ([] if common.QUICK else [(1, 15)])
TOKENS = 2048 if common.QUICK else 16384
CASES = {f"{trees}x{depth}": (trees, depth) for trees, depth in LAYERS}


def measure(case):
    trees, depth = CASES[case]
    row = {"trees": trees, "depth": depth, "tokens": TOKENS}
    for backward in (False, True):
        extra = ["--backward"] if backward else []
        document, peak = common.bench("fff", "--trees", trees, "--depth", depth, "--tokens", TOKENS, "--rounds",
                                      common.ROUNDS, *extra)
        found = document["rows"][0]
        suffix = "_backward" if backward else ""
        row["neurons"] = found["neurons"]
        row["weights_gb"] = 4 * found["neurons"] * (2 * found["width"] + 1) / 1e9
        row["leaves_hit"] = found["leaves_hit"]
        for field in ("ms", "dense_ms", "ratio", "max_error"):
            row[field + suffix] = found[field]
        row["process_gb" + suffix] = peak
    common.say(f"{case}: {row['ms']:.4g} ms, with the backward pass {row['ms_backward']:.4g} ms")
    return row, document["machine"]


def main():
    rows = common.measure_cases("growth", CASES, measure)
    columns = [("trees", "case"), ("neurons", "neurons"), ("weights, GB", "weights_gb"), ("forward, ms", "ms"),
               ("speed-up over dense", "ratio"), ("forward and backward, ms", "ms_backward"),
               ("speed-up over dense", "ratio_backward"), ("leaves reached", "leaves_hit"),
               ("memory of the benchmark, GB", "process_gb_backward")]
    common.table(f"Cost at 16 used neurons, {TOKENS} tokens", columns, rows)


if __name__ == "__main__":
    main()
