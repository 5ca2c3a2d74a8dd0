"""(d) Thread scaling of the layer, forward and with its backward pass: threads take turns, round by round."""

import statistics

import common

TOKENS = 2048 if common.QUICK else 16384


def thread_counts():
    counts = [1]
    while counts[-1] * 2 <= common.THREADS:
        counts.append(counts[-1] * 2)
    return counts if counts[-1] == common.THREADS else [*counts, common.THREADS]


def main():
    rows, machine = [], None
    for backward in (False, True):
        extra = ["--backward"] if backward else []
        found = {threads: [] for threads in thread_counts()}
        for _ in range(common.ROUNDS):
            for threads, results in found.items():
                document = common.bench("fff", "--tokens", TOKENS, "--rounds", 2, *extra, threads=threads)[0]
                machine = document["machine"]
                results.append(document["rows"][0])
        for threads, results in found.items():
            ratios = [r["ratio"] for r in results if r["ratio"]]
            scaling = common.median_ratio([r["ms"] for r in found[1]], [r["ms"] for r in results])
            dense = common.median_ratio([r["dense_ms"] for r in found[1]], [r["dense_ms"] for r in results])
            rows.append({"case": ("forward and backward" if backward else "forward") + f", {threads} threads", "threads": threads, "ms": statistics.median(r["ms"] for r in results), "ratio": statistics.median(ratios) if ratios else None, "scaling": scaling, "dense_scaling": dense})
    document = common.save("threads", machine, rows)
    columns = [("", "case"), ("ms", "ms"), ("speed-up over dense", "ratio"), ("against one thread", "scaling"), ("dense against one thread", "dense_scaling")]
    common.table(f"Threads, 1x11, {TOKENS} tokens", columns, document["rows"])


if __name__ == "__main__":
    main()
