"""(c) How cost grows with depth when the neurons that a token uses stay 16: 16x0, 8x1, 4x3, 2x7, 1x15 (65,535 nodes, as many
neurons as a layer of a large language model has); forward, and forward and backward; memory included."""

import common

LAYERS = [(16, 0), (8, 1), (4, 3), (2, 7)] + ([] if common.QUICK else [(1, 15)])
TOKENS = 2048 if common.QUICK else 16384


def main():
    rows, machine = [], None
    for trees, depth in LAYERS:
        row = {"case": f"{trees}x{depth}", "trees": trees, "depth": depth, "tokens": TOKENS}
        for backward in (False, True):
            extra = ["--backward"] if backward else []
            document, peak = common.bench("fff", "--trees", trees, "--depth", depth, "--tokens", TOKENS, "--rounds", common.ROUNDS, *extra)
            machine, found = document["machine"], document["rows"][0]
            suffix = "_backward" if backward else ""
            row["neurons"] = found["neurons"]
            row["weights_gb"] = 4 * found["neurons"] * (2 * found["width"] + 1) / 1e9
            row["ms" + suffix] = found["ms"]
            row["dense_ms" + suffix] = found["dense_ms"]
            row["ratio" + suffix] = found["ratio"]
            row["leaves_hit"] = found["leaves_hit"]
            row["process_gb" + suffix] = peak
        rows.append(row)
        common.say(f"{row['case']}: {row}")
    document = common.save("growth", machine, rows)
    columns = [("trees", "case"), ("neurons", "neurons"), ("weights, GB", "weights_gb"), ("forward, ms", "ms"), ("of dense", "ratio"), ("forward and backward, ms", "ms_backward"), ("of dense", "ratio_backward"), ("leaves reached", "leaves_hit")]
    common.table(f"Cost at 16 used neurons, {TOKENS} tokens", columns, document["rows"])


if __name__ == "__main__":
    main()
